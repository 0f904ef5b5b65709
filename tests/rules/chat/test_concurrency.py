"""Rules about requests at the same time, on groups of exchanges made by hand."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from conformance.judge import findings_of, judge
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.markers import asks_for
from conformance.protocols.reading import ExchangeReader
from conformance.rules.chat import concurrency, concurrency_burst, concurrency_leaving
from conformance.verdicts import RuleVerdict, Verdict
from conformance.wire.http import Head

RULES = (*concurrency.RULES, *concurrency_leaving.RULES, *concurrency_burst.RULES)
FEATURES = frozenset({"choices", "deterministic"})
WORDS = ("kolivumera", "badofinuza", "tezigapori", "mufelasodi")
DONE = "[DONE]"


def chunk(text: str = "", *, own_id: str, finish: str | None = None, index: int = 0) -> str:
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return json.dumps(
        {"id": own_id, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    )


def asked(word: str, **members: object) -> Request:
    body = {"model": "m", "messages": asks_for(word), "stream": True, **members}
    return Request("POST", "http://t/v1/chat/completions", (), body)


def answer(
    probe: str,
    word: str,
    messages: Iterable[str],
    *,
    ending: Ending = Ending.EOF,
    start: float = 0.1,
    step: float = 0.1,
    end: float | None = None,
    left_by: str = "",
    **members: object,
) -> Exchange:
    """A stream with a message each `step` seconds."""
    head = Head(200, (("content-type", "text/event-stream"),))
    reader = ExchangeReader(asked(word, **members), head=head, layer="body")
    at = start
    for message in messages:
        reader.feed(f"data: {message}\n\n".encode(), at)
        at += step
    return reader.close(ending, at if end is None else end, probe=probe, left_by=left_by)


def stream(probe: str, word: str, *texts: str, own_id: str = "", **how: Any) -> Exchange:
    """A whole stream; without texts, one that says its word three times."""
    name = own_id or f"chatcmpl-{probe}"
    said = [chunk(text, own_id=name) for text in texts or (word, f" {word}", f" {word}")]
    return answer(probe, word, [*said, chunk(own_id=name, finish="stop"), DONE], **how)


def document(
    probe: str, word: str, status: int = 200, headers: tuple[tuple[str, str], ...] = (), **body: object
) -> Exchange:
    head = Head(status, (("content-type", "application/json"), *headers))
    reader = ExchangeReader(asked(word, stream=status != 200), head=head, layer="body")
    reader.feed(json.dumps(body or {"choices": [{"message": {"content": word}}]}).encode(), 0.2)
    return reader.close(Ending.EOF, 0.2, probe=probe)


def silent(probe: str, word: str, ending: Ending, at: float) -> Exchange:
    return ExchangeReader(asked(word)).close(ending, at, probe=probe)


def refused(probe: str, word: str, status: int, *headers: tuple[str, str]) -> Exchange:
    return document(probe, word, status, headers, error={"message": "Too much to do.", "type": "overloaded"})


def trial(name: str, *crowd: Exchange, alone: tuple[Exchange, ...] = ()) -> list[Exchange]:
    first = stream(name, WORDS[0], own_id="chatcmpl-first")
    return [replace(first, group=(*alone, *crowd)), *alone, *crowd]


def verdicts(exchanges: list[Exchange]) -> dict[str, RuleVerdict]:
    return {
        verdict.rule.id.removeprefix("chat/"): verdict for verdict in judge(exchanges, rules=RULES, features=FEATURES)
    }


def broken(exchanges: list[Exchange]) -> set[str]:
    return {name for name, verdict in verdicts(exchanges).items() if verdict.findings}


def got(exchanges: list[Exchange], rule: str) -> str:
    return verdicts(exchanges)[rule].findings[0].finding.got


def reason(exchanges: list[Exchange], rule: str) -> tuple[Verdict, str]:
    verdict = verdicts(exchanges)[rule]
    return verdict.verdict, verdict.reason


A, B, C, _ = WORDS


# -- side by side ------------------------------------------------------------------------------------------------


def test_streams_that_keep_to_themselves_break_nothing() -> None:
    assert set() == broken(trial("side-by-side", stream("side-by-side/2", A), stream("side-by-side/3", B)))


def test_the_word_of_another_stream_is_found_though_it_comes_in_pieces() -> None:
    crowd = (stream("side-by-side/2", A, A, " bado", "finuza ", A), stream("side-by-side/3", B))
    assert {"concurrency/text-of-its-own"} == broken(trial("side-by-side", *crowd))


def test_the_finding_names_both_streams() -> None:
    crowd = (stream("side-by-side/2", A, A, B), stream("side-by-side/3", B))
    said = got(trial("side-by-side", *crowd), "concurrency/text-of-its-own")
    assert '"badofinuza", which stream side-by-side/3 asked for' == said


def test_two_streams_that_are_exchanged_as_a_whole_are_two_findings() -> None:
    exchanges = trial("side-by-side", stream("side-by-side/2", A, B, B, B), stream("side-by-side/3", B, A, A, A))
    assert 2 == len(verdicts(exchanges)["concurrency/text-of-its-own"].findings)


def test_a_word_in_a_thought_counts() -> None:
    choice = {"index": 0, "delta": {"reasoning_content": f"The word is {B}"}, "finish_reason": None}
    thought = json.dumps({"id": "x", "choices": [choice]})
    crowd = (
        answer("side-by-side/2", A, [thought, chunk(A, own_id="x", finish="stop"), DONE]),
        stream("side-by-side/3", B),
    )
    assert "concurrency/text-of-its-own" in broken(trial("side-by-side", *crowd))


def test_where_no_word_shows_the_answers_cannot_be_told_apart() -> None:
    crowd = [stream(f"side-by-side/{n}", word, "No ", "thanks.") for n, word in ((2, A), (3, B))]
    first = stream("side-by-side", A, "No ", "thanks.")
    exchanges = [replace(first, group=tuple(crowd)), *crowd]
    says = "the model does not repeat the word it is asked for, so that nothing tells its answers apart"
    assert (Verdict.NOT_APPLICABLE, says) == reason(exchanges, "concurrency/text-of-its-own")


def test_where_no_word_shows_answers_that_came_alone_tell_them_apart() -> None:
    texts = {A: "Once upon a time there was a river.", B: "The weather is fine in the north."}
    first = stream("side-by-side", A, texts[A])
    alone = stream("side-by-side/3/alone", B, texts[B])
    crowd = (stream("side-by-side/2", A, texts[B]), stream("side-by-side/3", B, texts[A]))
    exchanges = [replace(first, group=(alone, *crowd)), alone, *crowd]
    assert {"concurrency/text-of-its-own", "concurrency/text-as-alone"} == broken(exchanges)
    same = (stream("side-by-side/2", A, texts[B]), stream("side-by-side/3", B, texts[B]))
    assert {"concurrency/text-as-alone"} == broken([replace(first, group=(alone, *same)), alone, *same])
    right = (stream("side-by-side/2", A, texts[A]), stream("side-by-side/3", B, texts[B]))
    assert set() == broken([replace(first, group=(alone, *right)), alone, *right])


def test_a_text_that_only_differs_from_the_one_alone_is_shown_and_no_more() -> None:
    alone = stream("side-by-side/3/alone", B)
    crowd = (stream("side-by-side/2", A), stream("side-by-side/3", B, B, f" {B}"))
    exchanges = trial("side-by-side", *crowd, alone=(alone,))
    assert {"concurrency/text-as-alone"} == broken(exchanges)
    assert (Verdict.PASS, "") == reason(exchanges, "concurrency/text-as-alone")


def test_two_streams_with_one_id() -> None:
    crowd = (stream("side-by-side/2", A, own_id="chatcmpl-1"), stream("side-by-side/3", B, own_id="chatcmpl-1"))
    assert {"concurrency/id-of-its-own"} == broken(trial("side-by-side", *crowd))


@pytest.mark.parametrize(
    ("messages", "ending", "says"),
    [
        ([chunk("a", own_id="x")], Ending.RESET, "the connection torn down after 0.2 s after 1 messages"),
        ([chunk("a", own_id="x")], Ending.TIMEOUT, "silence until time was over after 0.2 s after 1 messages"),
        ([chunk("a", own_id="x"), DONE], Ending.EOF, "the end after 2 messages, without a finish_reason of choice 0"),
        ([chunk("a", own_id="x", finish="stop")], Ending.EOF, "the end after 1 messages, without [DONE]"),
        ([DONE], Ending.EOF, "no choice at all, after 1 messages"),
    ],
)
def test_a_stream_that_breaks_off_beside_others(messages: list[str], ending: Ending, says: str) -> None:
    crowd = (answer("side-by-side/2", A, messages, ending=ending), stream("side-by-side/3", B))
    assert says == got(trial("side-by-side", *crowd), "concurrency/streams-whole")


def test_what_a_stream_lacks_that_comes_alone_is_not_missed_beside_others() -> None:
    messages = [chunk(A, own_id="x", finish="stop")]
    first = answer("side-by-side", A, messages)
    crowd = (answer("side-by-side/2", A, messages), stream("side-by-side/3", B))
    assert set() == broken([replace(first, group=crowd), *crowd])


def test_a_server_that_refuses_the_second_request_is_not_judged_by_streams_side_by_side() -> None:
    exchanges = trial("side-by-side", stream("side-by-side/2", A), refused("side-by-side/3", B, 429))
    says = "the target refuses what comes beside another request (status 429)"
    assert (Verdict.NOT_APPLICABLE, says) == reason(exchanges, "concurrency/streams-whole")


def test_a_server_that_fails_at_the_second_request_is() -> None:
    exchanges = trial("side-by-side", stream("side-by-side/2", A), refused("side-by-side/3", B, 500))
    assert "status 500" == got(exchanges, "concurrency/streams-whole")


def test_streams_one_after_another_are_told_and_pass() -> None:
    crowd = [stream(f"side-by-side/{n}", word, start=n) for n, word in ((2, A), (3, B), (4, C))]
    exchanges = trial("side-by-side", *crowd)
    assert "3 streams, one after another" == got(exchanges, "concurrency/at-the-same-time")
    assert (Verdict.PASS, "") == reason(exchanges, "concurrency/at-the-same-time")


def test_streams_too_short_to_tell_are_not_said_to_queue() -> None:
    crowd = [stream(f"side-by-side/{n}", word, start=n, step=0.001) for n, word in ((2, A), (3, B), (4, C))]
    assert set() == broken(trial("side-by-side", *crowd))


def test_choices_that_show_the_word_of_another_stream() -> None:
    name = "side-by-side-choices"
    messages = [chunk(text, own_id="x", index=i, finish="stop") for i, text in enumerate((A, B))]
    crowd = (answer(f"{name}/2", A, [*messages, DONE], n=2), stream(f"{name}/3", B, n=2))
    assert {"concurrency/choices-of-its-own"} == broken(trial(name, *crowd))


def test_a_document_with_the_word_of_a_stream() -> None:
    crowd = (stream("beside-documents/2", A), document("beside-documents/3", B, text=f"{B} {A}"))
    assert {"concurrency/text-of-its-own"} == broken(trial("beside-documents", *crowd))


def test_a_document_that_fails_beside_a_stream() -> None:
    crowd = (stream("beside-documents/2", A), document("beside-documents/3", B, error={"message": "busy"}))
    exchanges = trial("beside-documents", *crowd)
    assert 'an error: {"message": "busy"}' == got(exchanges, "concurrency/whole-beside-documents")
    assert Verdict.WARN is reason(exchanges, "concurrency/whole-beside-documents")[0]


# -- one leaves, or does not read --------------------------------------------------------------------------------


def left(probe: str, word: str, by: str = "fin", end: float | None = None) -> Exchange:
    return answer(probe, word, [chunk(word, own_id=probe)], ending=Ending.LEFT, left_by=by, end=end)


@pytest.mark.parametrize(("name", "by"), [("one-leaves", "fin"), ("one-leaves-by-reset", "rst")])
def test_a_neighbour_that_breaks_off_when_a_client_leaves(name: str, by: str) -> None:
    whole, cut = stream(f"{name}/3", B), answer(f"{name}/3", B, [chunk(B, own_id="x")], ending=Ending.RESET)
    assert set() == broken(trial(name, left(f"{name}/2", A, by), whole))
    exchanges = trial(name, left(f"{name}/2", A, by), cut)
    assert {"concurrency-leaving/others-come-whole"} == broken(exchanges)
    assert f"(stream {name}/2 left by {by} after 0.2 s)" in got(exchanges, "concurrency-leaving/others-come-whole")


def test_where_streams_break_off_beside_others_nothing_is_said_of_leaving() -> None:
    cut = answer("side-by-side/2", A, [chunk(A, own_id="x")], ending=Ending.RESET)
    before = trial("side-by-side", cut, stream("side-by-side/3", B))
    cut = answer("one-leaves/3", B, [chunk(B, own_id="x")], ending=Ending.RESET)
    exchanges = [*before, *trial("one-leaves", left("one-leaves/2", A), cut)]
    says = "streams break off beside others, whether or not a client leaves"
    assert (Verdict.NOT_APPLICABLE, says) == reason(exchanges, "concurrency-leaving/others-come-whole")


SIDE_BY_SIDE = trial("side-by-side", stream("side-by-side/2", A), stream("side-by-side/3", B))


def idle(name: str) -> Exchange:
    return left(f"{name}/2", A, end=6.2)


@pytest.mark.parametrize("start", [6.15, 6.2, 6.5])
def test_a_stream_that_waits_for_one_who_does_not_read(start: float) -> None:
    name = "one-does-not-read"
    exchanges = trial(name, idle(name), stream(f"{name}/3", B, start=start, step=0.01))
    assert {"concurrency-leaving/slow-reader-holds-nobody-up"} == broken([*SIDE_BY_SIDE, *exchanges])
    says = f"nothing from 0.0 s to {start:.1f} s; the client that does not read left at 6.2 s"
    assert says == got([*SIDE_BY_SIDE, *exchanges], "concurrency-leaving/slow-reader-holds-nobody-up")


def test_a_stream_that_never_goes_on() -> None:
    name = "one-does-not-read"
    cut = answer(f"{name}/3", B, [chunk(B, own_id="x")], ending=Ending.TIMEOUT, end=60.0)
    exchanges = trial(name, idle(name), cut)
    assert {"concurrency-leaving/slow-reader-holds-nobody-up"} == broken([*SIDE_BY_SIDE, *exchanges])


@pytest.mark.parametrize(("start", "step"), [(0.1, 0.1), (0.1, 2.0), (3.0, 1.0), (5.9, 1.0)])
def test_a_stream_that_goes_on_before_the_one_who_does_not_read_has_left(start: float, step: float) -> None:
    name = "one-does-not-read"
    exchanges = trial(name, idle(name), stream(f"{name}/3", B, start=start, step=step))
    assert set() == broken([*SIDE_BY_SIDE, *exchanges])


def test_a_stream_that_was_under_way_has_come_to_a_halt_and_does_not_queue() -> None:
    name = "one-does-not-read"
    messages = [chunk(B, own_id="x"), chunk(B, own_id="x"), chunk(own_id="x", finish="stop"), DONE]
    halting = answer(f"{name}/3", B, messages, start=0.1, step=6.2)
    assert {"concurrency-leaving/slow-reader-holds-nobody-up"} == broken(trial(name, idle(name), halting))


def test_where_answers_come_one_after_another_nobody_knows_what_they_wait_for() -> None:
    name = "one-does-not-read"
    before = trial("side-by-side", stream("side-by-side/2", A, start=1), stream("side-by-side/3", B, start=2))
    exchanges = trial(name, idle(name), stream(f"{name}/3", B, start=6.3))
    says = "the target gives one answer after another"
    rule = "concurrency-leaving/slow-reader-holds-nobody-up"
    assert (Verdict.NOT_APPLICABLE, says) == reason([*before, *exchanges], rule)


# -- a burst -----------------------------------------------------------------------------------------------------


def burst(*others: Exchange) -> list[Exchange]:
    return trial("burst", stream("burst/2", A), stream("burst/2/again", A, own_id="chatcmpl-again"), *others)


def test_a_burst_that_waits_or_is_refused_as_too_much_breaks_nothing() -> None:
    soon = ("retry-after", "1")
    waits = stream("burst/3", B, start=9.0)
    nowhere = silent("burst/4", C, Ending.RESET, 0.0)
    assert set() == broken(burst(waits, refused("burst/5", C, 429, soon), refused("burst/6", C, 503), nowhere))


def test_what_goes_wrong_with_many_requests_is_one_finding() -> None:
    exchanges = burst(*(refused(f"burst/{n}", B, 500) for n in range(3, 8)))
    assert {"concurrency-burst/refused-as-too-many"} == broken(exchanges)
    says = got(exchanges, "concurrency-burst/refused-as-too-many")
    assert says.startswith("status 500: ")
    assert says.endswith(" (and 4 more of 7 requests)")


@pytest.mark.parametrize("ending", [Ending.EOF, Ending.RESET, Ending.TIMEOUT])
def test_a_request_of_a_burst_that_nobody_answers(ending: Ending) -> None:
    assert {"concurrency-burst/answered"} == broken(burst(silent("burst/3", B, ending, 1.5)))


def test_a_stream_of_a_burst_that_breaks_off() -> None:
    cut = answer("burst/3", B, [chunk(B, own_id="x")], ending=Ending.RESET)
    assert {"concurrency-burst/streams-whole"} == broken(burst(cut))


def test_429_without_retry_after() -> None:
    exchanges = burst(refused("burst/3", B, 429))
    assert {"concurrency-burst/retry-after"} == broken(exchanges)
    assert Verdict.WARN is reason(exchanges, "concurrency-burst/retry-after")[0]


def test_a_request_that_waits_while_others_are_served_twice() -> None:
    others = (stream("burst/3", B), stream("burst/3/again", B, own_id="chatcmpl-other"))
    assert set() == broken(burst(*others, stream("burst/4", C, start=1.2)))
    exchanges = burst(*others, stream("burst/4", C, start=1.5))
    assert {"concurrency-burst/nobody-starves"} == broken(exchanges)
    assert "nothing for 1.5 s, while 2 clients were served twice" == got(exchanges, "concurrency-burst/nobody-starves")


def test_a_request_that_waits_for_less_than_a_second_is_not_starved() -> None:
    others = (stream("burst/3", B, step=0.01), stream("burst/3/again", B, own_id="chatcmpl-other", step=0.01))
    quick = stream("burst/2", A, step=0.01), stream("burst/2/again", A, own_id="chatcmpl-again", step=0.01)
    assert set() == broken(trial("burst", *quick, *others, stream("burst/4", C, start=0.9)))


ODD = (
    silent("odd", A, Ending.LEFT, 0.0),
    replace(silent("odd", A, Ending.EOF, 0.0), ended_at=None),
    replace(silent("odd", A, Ending.LEFT, 0.0), ended_at=None, left_by="rst"),
    replace(silent("odd", A, Ending.EOF, 0.1), request=Request("POST", "http://t", (), "text")),
    replace(left("odd", A), ended_at=0.01),
    answer("odd", A, ["{", "[]", "null", '{"choices": 5}', '{"id": {}, "choices": []}', DONE, DONE]),
    document("odd", B, error="text"),
    document("odd", B, choices=None),
)


@pytest.mark.parametrize("name", sorted({name for rule in RULES for name in rule.needs.probes}))
def test_no_rule_raises_whatever_came_at_the_same_time(name: str) -> None:
    for one in ODD:
        for other in (*ODD, stream("odd", B), left("odd", A)):
            crowd = [replace(member, probe=f"{name}/{n}") for n, member in enumerate((one, other), start=2)]
            again = replace(one, probe=f"{name}/2/again"), replace(other, probe=f"{name}/4/alone")
            exchanges = trial(name, *crowd, *again)
            for lead in (exchanges[0], replace(one, probe=name, group=exchanges[0].group)):
                found = verdicts([lead, *exchanges[1:]])
                assert [] == [v.reason for v in found.values() if v.verdict is Verdict.SUITE_ERROR]
                findings_of(lead, RULES)  # also those that something excuses
