"""Exchanges to verdicts: levels, gating, tolerances, known failures."""

from dataclasses import replace

import pytest

from conformance.judge import judge, unused_tolerances
from conformance.protocols.chat.dialects import Dialect, Tolerance
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.rules.rule import Level, Rule
from conformance.verdicts import Verdict, worst

DONE_SENT = next(rule for rule in ALL if rule.id == "chat/termination/done-sent")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
FIRST = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1767225600,"model":"m","choices":'
    b'[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
)
DONE = b"data: [DONE]\n\n"


def exchange(*pieces: bytes, probe: str = "stream") -> Exchange:
    request = Request(
        "POST",
        "http://x/v1/chat/completions",
        (),
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
    )
    reader = ExchangeReader(request)
    for number, piece in enumerate((HEAD, *pieces)):
        reader.feed(piece, number * 0.01)
    return reader.close(Ending.EOF, 0.1, probe=probe, source="a.jsonl")


def verdict_of(rule: Rule, *exchanges: Exchange, **options: object):
    (verdict,) = judge(exchanges, rules=[rule], **options)
    return verdict


def at_level(level: Level) -> Rule:
    return replace(DONE_SENT, level=level)


@pytest.mark.parametrize(
    ("level", "verdict", "red"),
    [(Level.MUST, Verdict.FAIL, True), (Level.SHOULD, Verdict.WARN, False), (Level.MAY, Verdict.PASS, False)],
)
def test_the_level_decides_what_a_finding_is_worth(level, verdict, red):
    found = verdict_of(at_level(level), exchange(FIRST, LAST))
    assert (verdict, red, 1) == (found.verdict, found.red, len(found.findings))


def test_a_rule_that_holds_passes():
    assert Verdict.PASS is verdict_of(DONE_SENT, exchange(FIRST, LAST, DONE)).verdict


def test_a_finding_says_where_it_was_made():
    judged = verdict_of(DONE_SENT, exchange(FIRST, LAST)).findings[0]
    assert ("stream", "a.jsonl", DONE_SENT.id) == (judged.probe, judged.recording, judged.finding.rule)
    assert (2, 2, (len(FIRST), len(FIRST) + len(LAST))) == (
        judged.finding.event,
        judged.finding.events,
        judged.finding.span,
    )


def test_a_recording_that_cannot_show_it_is_not_applicable():
    needs_usage = next(rule for rule in ALL if rule.needs.feature == "usage")
    found = verdict_of(needs_usage, exchange(FIRST, LAST, DONE))
    assert (Verdict.NOT_APPLICABLE, False) == (found.verdict, found.red)
    assert needs_usage.needs.name in found.reason


def test_a_feature_that_is_not_declared_is_not_applicable():
    needs_usage = next(rule for rule in ALL if rule.needs.feature == "usage")
    found = verdict_of(needs_usage, exchange(FIRST, LAST, DONE), features=frozenset())
    assert (Verdict.NOT_APPLICABLE, False) == (found.verdict, found.red)


def test_a_feature_that_is_declared_but_refused_is_untestable_and_red():
    needs_usage = next(rule for rule in ALL if rule.needs.feature == "usage")
    reader = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), {"stream": True}))
    reader.feed(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", 0.1)
    refused = reader.close(Ending.EOF, 0.1, probe=needs_usage.needs.probes[0])
    found = verdict_of(needs_usage, refused, features=frozenset({"usage"}))
    assert (Verdict.UNTESTABLE, True) == (found.verdict, found.red)
    assert "status 400" in found.reason


def test_a_rule_that_breaks_is_a_suite_error_and_not_a_crash():
    def broken(stream):
        yield from ()
        raise ZeroDivisionError(stream.steps[0].event.data)

    found = verdict_of(replace(DONE_SENT, check=broken), exchange(b"data: \x1b[31mred\n\n"))
    assert (Verdict.SUITE_ERROR, True) == (found.verdict, found.red)
    assert found.reason.startswith("ZeroDivisionError at test_judge.py:")
    assert "\x1b" not in found.reason


def test_a_parameter_that_is_accepted_and_ignored_is_a_reason_of_its_own():
    found = verdict_of(replace(DONE_SENT, ignored="stream"), exchange(FIRST, LAST))
    assert (Verdict.FAIL, "silent failure: stream was accepted and ignored") == (found.verdict, found.reason)


def tolerating(got: str) -> Dialect:
    tolerance = Tolerance(rule=DONE_SENT.id, reason="documented", link="https://example.org", seen="v1", got=got)
    return Dialect("odd", "leaves it out", (tolerance,))


def test_a_documented_deviation_is_tolerated_and_still_shown():
    found = verdict_of(DONE_SENT, exchange(FIRST, LAST), dialect=tolerating("*"))
    assert (Verdict.TOLERATED, False, "documented", 1) == (found.verdict, found.red, found.reason, len(found.findings))


def test_a_tolerance_covers_only_what_it_names():
    assert Verdict.FAIL is verdict_of(DONE_SENT, exchange(FIRST, LAST), dialect=tolerating("something else")).verdict


def test_a_tolerance_that_nothing_needed_is_reported():
    dialect = tolerating("*")
    held = judge([exchange(FIRST, LAST, DONE)], rules=[DONE_SENT], dialect=dialect)
    broken = judge([exchange(FIRST, LAST)], rules=[DONE_SENT], dialect=dialect)
    assert ((DONE_SENT.id,), ()) == (unused_tolerances(dialect, held), unused_tolerances(dialect, broken))


def test_the_worst_verdict_speaks_for_the_whole():
    assert Verdict.FAIL is worst([Verdict.PASS, Verdict.FAIL, Verdict.WARN])
    assert Verdict.NOT_APPLICABLE is worst([])
