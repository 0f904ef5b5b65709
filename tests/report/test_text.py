"""What a person sees at the terminal."""

import io
from dataclasses import replace

from rich.console import Console

from conformance.judge import judge
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.protocols.watch import Watch
from conformance.report import text
from conformance.rules import ALL
from conformance.verdicts import Checked, Report, Verdict


def printed(render, *arguments, **options) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False, color_system=None)
    render(*arguments, console, **options)
    return console.file.getvalue()


def exchange_of(body: bytes) -> Exchange:
    request = Request(
        "POST",
        "http://x/v1/chat/completions",
        (),
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
    )
    reader = ExchangeReader(request)
    reader.feed(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body, 0.1)
    return reader.close(Ending.EOF, 0.2, probe="stream")


def report(body: bytes) -> Report:
    return Report(
        target="mine",
        url="http://x/v1",
        model="m",
        dialect="openai",
        verdicts=judge([exchange_of(body)]),
        again="streamspec run --url http://x/v1 --model m",
    )


def test_a_failure_shows_wanted_got_where_source_and_how_to_run_it_again():
    shown = printed(text.render, report(b"data: {]\n\n"))
    for part in ("FAIL", "MUST", "chat/json/", "wanted ", "got ", "event 1 of 1", "bytes 0-10", "source ", "again "):
        assert part in shown
    assert "again   streamspec run --url http://x/v1 --model m --only chat/json/" in shown


def test_rules_that_nobody_could_see_are_put_together_with_what_to_write():
    how = "nothing shows whether the server is at work (slots: status 404); write  slots: 2"
    left = replace(exchange_of(b'data: {"choices": []}\n\n'), ending=Ending.LEFT, left_by="fin")
    verdicts = judge([replace(left, watch=Watch(observer="", how=how))], features=frozenset())
    shown = printed(text.render, replace(report(b"data: [DONE]\n\n"), verdicts=verdicts))
    assert [f"   got     {how}"] == [line for line in shown.splitlines() if line.startswith("   got     nothing")]


def test_nothing_that_a_target_sends_acts_on_the_terminal():
    shown = printed(text.render, report(b"data: \x1b[31m[bold]{\x07\x9b2J\n\n"))
    assert not {"\x1b", "\x07", "\x9b"} & set(shown)
    assert "[bold]" in shown


def test_what_was_not_judged_is_told_with_its_reason():
    shown = printed(text.render, replace(report(b"data: [DONE]\n\n"), verdicts=judge([], features=frozenset())))
    assert "feature 'choices' is not declared (" in shown.splitlines()[-2]


def test_nothing_in_the_name_of_a_model_acts_on_the_terminal():
    shown = printed(text.render, replace(report(b"data: [DONE]\n\n"), model="\x1b[31m[bold]"))
    assert "model \\x1b[31m[bold]  dialect" in shown


def test_the_last_line_sums_up():
    last = printed(text.render, report(b"data: {]\n\n")).splitlines()[-1]
    assert last.startswith(f"{len(ALL)} rules in ")
    assert " red" in last


def test_verbose_lists_every_rule():
    shown = printed(text.render, report(b"data: [DONE]\n\n"), verbose=True)
    assert [] == [rule.id for rule in ALL if rule.id not in shown]


def test_recordings_get_a_line_each_and_a_sum():
    results = [
        Checked("a.jsonl", Verdict.PASS, "openai", ()),
        Checked("b.jsonl", Verdict.NOT_APPLICABLE, "openai", (), "why"),
    ]
    shown = printed(text.render_check, results)
    assert ["PASS           a.jsonl", "NOT-APPLICABLE b.jsonl  (why)"] == shown.splitlines()[:2]
    assert "2 recordings: 1 PASS, 1 NOT-APPLICABLE" in shown
