"""The class of a server, from what was seen of it; and what each rule says of one client that left."""

from dataclasses import replace

import pytest

from conformance import cancellation
from conformance.cancellation import Manner
from conformance.judge import judge
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.protocols.watch import Watch
from conformance.report import leaving
from conformance.rules import ALL
from conformance.verdicts import Verdict

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
ROLE = b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
ROLE += b'{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n'
BODY = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Go on"}]}
RULES = [rule for rule in ALL if rule.id.startswith("chat/cancellation/")]
STOPPED = Watch(observer="journal", how="stopped", stopped=True, by=0.1, since=0.1, produced=0.0, leaked=0.0)
GOES_ON = Watch(observer="journal", how="goes on", stopped=False, by=5.0, since=5.0, produced=90.0)
BLIND = Watch(observer="", how="nothing shows it; write slots: 2")


def left(watch: Watch | None, *pieces: tuple[float, bytes], at: float = 1.0, by: str = "fin", **members) -> Exchange:
    """An exchange that was left."""
    reader = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), {**BODY, **members}))
    for when, data in pieces:
        reader.feed(data, when)
    return replace(reader.close(Ending.LEFT, at, probe="leave", left_by=by), watch=watch)


def undisturbed(head_at: float, first: float) -> Exchange:
    """The same after a long prompt, waited for."""
    return left(None, (head_at, HEAD), (first, ROLE), at=first)


def mid(watch: Watch, by: str = "fin") -> Exchange:
    return left(watch, (0.1, HEAD), (0.2, ROLE), by=by)


def silent(watch: Watch, by: str = "fin") -> Exchange:
    """Left after the head, with three seconds of silence to come."""
    return replace(left(watch, (0.5, HEAD), by=by), group=(undisturbed(0.5, 4.0),))


def whole(watch: Watch) -> Exchange:
    return left(watch, stream=False)


def stopped(by: float, since: float | None = None) -> Watch:
    return replace(STOPPED, by=by, since=by if since is None else since)


def verdicts(*exchanges: Exchange) -> dict[str, Verdict]:
    found = judge(exchanges, rules=RULES)
    return {v.rule.id.split("/")[-1]: v.verdict for v in found if v.verdict is not Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("exchanges", "manner"),
    [
        ([mid(STOPPED), silent(STOPPED)], Manner.WATCHER),
        ([mid(STOPPED), whole(STOPPED)], Manner.WATCHER),
        ([mid(STOPPED), silent(stopped(3.0))], Manner.WRITE_DETECTOR),
        ([mid(STOPPED), silent(stopped(3.3, 2.6))], Manner.WRITE_DETECTOR),
        ([mid(STOPPED), whole(GOES_ON)], Manner.WRITE_DETECTOR),
        ([mid(STOPPED), silent(stopped(2.2, 1.9))], Manner.UNKNOWN),
        ([mid(STOPPED)], Manner.UNKNOWN),
        ([mid(GOES_ON), silent(STOPPED)], Manner.NEVER),
        ([mid(STOPPED), mid(GOES_ON, "rst")], Manner.NEVER),
        ([mid(STOPPED), silent(GOES_ON)], Manner.NEVER),
        ([mid(BLIND), silent(BLIND)], Manner.UNKNOWN),
    ],
)
def test_the_class_follows_from_writing_and_from_silence(exchanges, manner):
    found = cancellation.of(exchanges)
    assert found is not None
    assert manner is found.manner


def test_a_class_is_as_sure_as_the_least_sure_observation_that_decides_it():
    found = cancellation.of([mid(STOPPED), silent(replace(STOPPED, sure=0.97)), whole(replace(GOES_ON, sure=0.5))])
    assert (Manner.WATCHER, 0.97) == (found.manner, found.sure)


def test_a_class_that_is_unknown_says_why_and_is_not_sure():
    found = cancellation.of([mid(BLIND)])
    assert ("nothing shows it; write slots: 2", 0.0) == (found.why, found.sure)


def test_where_nobody_left_there_is_no_class():
    assert None is cancellation.of([left(None, (0.1, HEAD), (0.2, ROLE))])


def test_in_time_is_in_five_seconds_and_promptly_in_two():
    assert {Verdict.PASS} == set(verdicts(mid(stopped(2.0))).values())
    assert Verdict.WARN is verdicts(mid(stopped(2.1)))["stops-promptly"]
    assert Verdict.PASS is verdicts(mid(stopped(4.9)))["stops-mid-stream"]
    assert Verdict.FAIL is verdicts(mid(GOES_ON))["stops-mid-stream"]


def test_who_was_watched_for_longer_has_no_more_time_than_others():
    assert Verdict.FAIL is verdicts(mid(stopped(6.0)))["stops-mid-stream"]
    assert Verdict.PASS is verdicts(mid(stopped(6.0, 4.5)))["stops-mid-stream"]


def test_who_was_watched_for_less_is_not_judged():
    short = replace(GOES_ON, by=2.0, since=2.0)
    judged = {v.rule.id: v for v in judge([mid(short)], rules=RULES)}["chat/cancellation/stops-mid-stream"]
    assert Verdict.UNTESTABLE is judged.verdict
    assert "it was watched for 2.0 s: too little to say that it goes on after 5 s" in judged.reason


def test_what_was_seen_seldom_is_held_against_nobody():
    """It may have stopped at any time between two looks."""
    assert Verdict.PASS is verdicts(mid(stopped(3.3, 1.6)))["stops-promptly"]
    assert Verdict.PASS is verdicts(silent(stopped(3.3, 1.6)))["stops-in-silence"]


def test_what_one_observation_lacks_another_may_have():
    assert Verdict.FAIL is verdicts(mid(BLIND), mid(GOES_ON, "rst"))["stops-mid-stream"]
    (verdict,) = [v for v in judge([mid(BLIND)], rules=RULES) if v.rule.id.endswith("stops-mid-stream")]
    assert Verdict.UNTESTABLE is verdict.verdict
    assert verdict.reason.endswith("nothing shows it; write slots: 2")


def test_a_short_silence_tells_nothing_and_is_not_red():
    short = replace(left(STOPPED, (0.5, HEAD)), group=(undisturbed(0.5, 1.5),))
    (verdict,) = [v for v in judge([short], rules=RULES, features=frozenset()) if v.rule.id.endswith("in-silence")]
    assert Verdict.NOT_APPLICABLE is verdict.verdict
    assert "0.5 s of silence remained" in verdict.reason


def test_a_head_that_comes_with_the_first_event_leaves_no_moment_in_between():
    exchanges = [mid(STOPPED), replace(left(STOPPED), group=(undisturbed(3.0, 3.01),))]
    (verdict,) = [v for v in judge(exchanges, rules=RULES, features=frozenset()) if v.rule.id.endswith("after-head")]
    assert Verdict.NOT_APPLICABLE is verdict.verdict
    assert "the head of this server comes with the first event" in verdict.reason


def test_the_finding_shows_the_bounds_and_the_tokens_and_who_saw_it():
    (verdict,) = [v for v in judge([mid(GOES_ON)], rules=RULES) if v.rule.id.endswith("stops-mid-stream")]
    (found,) = verdict.findings
    assert "still at work after 5.0 s, 90 tokens made since (journal: goes on)" == found.finding.got
    late = stopped(3.9, 2.5)
    (verdict,) = [v for v in judge([mid(late)], rules=RULES) if v.rule.id.endswith("stops-promptly")]
    assert verdict.findings[0].finding.got.startswith("it stopped between 2.5 and 3.9 s, 0 tokens made since")


def test_a_target_that_limits_the_rate_is_not_called_dead():
    refused = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), BODY))
    refused.feed(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", 0.1)
    last = refused.close(Ending.EOF, 0.1)
    assert "survives" not in verdicts(replace(left(None, (0.1, HEAD)), group=(last,)))


def test_the_table_has_a_line_for_each_client_that_left():
    found = cancellation.of([mid(STOPPED), mid(GOES_ON, "rst"), silent(stopped(1.6, 0.4))])
    first, headings, *rows = leaving.lines_of(found)
    assert first.startswith("cancellation: one that never stops")
    assert "tokens since" in headings
    assert [
        ["mid", "stream", "FIN", "yes", "0.10", "s", "0", "journal"],
        ["mid", "stream", "RST", "no", ">", "5.0", "s", "90", "journal"],
        ["after", "the", "head", "FIN", "yes", "0.4-1.6", "s", "0", "journal"],
    ] == [row.split() for row in rows]


def test_nobody_to_watch_gets_a_sentence_and_no_table():
    assert 1 == len(leaving.lines_of(cancellation.of([mid(BLIND)])))


FINISH = ROLE.replace(b'"finish_reason":null', b'"finish_reason":"stop"')


@pytest.mark.parametrize(("pieces", "survives"), [((ROLE, FINISH), True), ((ROLE,), False), ((), False)])
def test_who_sends_no_done_has_survived_all_the_same(pieces, survives):
    reader = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), BODY))
    for number, data in enumerate((HEAD, *pieces), start=1):
        reader.feed(data, number / 10)
    then = reader.close(Ending.EOF, 1.0)
    verdict = verdicts(replace(left(None, (0.1, HEAD), (0.2, ROLE)), group=(then,)))["survives"]
    assert (Verdict.PASS if survives else Verdict.FAIL) is verdict
