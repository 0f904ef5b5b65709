"""The same said in other chunks."""

import json
from dataclasses import replace
from typing import Any

from conformance.wire.script import Act, Answer, Framing, Send, Wait
from mockserver.chaos import Habits, varied

HEADERS = (("content-type", "text/event-stream"),)
DONE = Send(b"data: [DONE]\n\n")


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **members: object) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish, **members}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def sent(value: dict[str, Any]) -> Send:
    return Send(b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n")


def told(habits: Habits, *acts: Act | dict[str, Any]) -> list[Act | dict[str, Any]]:
    """The items that become of these."""
    answer = Answer(200, HEADERS, tuple(sent(act) if isinstance(act, dict) else act for act in acts))
    return [
        json.loads(act.data[6:]) if isinstance(act, Send) and act != DONE else act
        for act in varied(answer, habits).played()
    ]


ROLE = chunk({"role": "assistant", "content": ""})
HE, LLO = chunk({"content": "He"}), chunk({"content": "llo"})
STOP = chunk({}, "stop")


def test_nothing_changes_without_a_habit(plain: Habits) -> None:
    assert [ROLE, HE, Wait(1), LLO, STOP, DONE] == told(plain, ROLE, HE, Wait(1), LLO, STOP, DONE)


def test_pieces_come_as_one(plain: Habits) -> None:
    got = told(replace(plain, merges=1), ROLE, Wait(1), HE, LLO, STOP, DONE)
    assert [ROLE, Wait(1), chunk({"content": "Hello"}), STOP, DONE] == got


def test_only_the_role_waits_for_what_is_not_made_yet(plain: Habits) -> None:
    got = told(replace(plain, merges=1, role_alone=False), ROLE, Wait(1), HE, Wait(2), LLO, STOP, DONE)
    first = chunk({"role": "assistant", "content": "He"})
    assert [Wait(1), first, Wait(2), LLO, STOP, DONE] == got


def test_the_role_comes_with_the_first_text(plain: Habits) -> None:
    got = told(replace(plain, role_alone=False), ROLE, HE, LLO, STOP, DONE)
    assert [chunk({"role": "assistant", "content": "He"}), LLO, STOP, DONE] == got


def test_the_last_text_comes_with_the_finish_reason(plain: Habits) -> None:
    got = told(replace(plain, finish_alone=False), ROLE, HE, LLO, STOP, DONE)
    assert [ROLE, HE, chunk({"content": "llo"}, "stop"), DONE] == got


def test_text_comes_in_two_chunks_and_the_role_once(plain: Habits) -> None:
    first = chunk({"role": "assistant", "content": "Hi"})
    got = told(replace(plain, splits=1), first, STOP, DONE)
    assert [chunk({"role": "assistant", "content": "H"}), chunk({"content": "i"}), STOP, DONE] == got


def test_pieces_of_one_call_come_as_one_and_those_of_two_do_not(plain: Habits) -> None:
    def call(index: int, arguments: str, **members: object) -> dict[str, Any]:
        return chunk({"tool_calls": [{"index": index, **members, "function": {"arguments": arguments}}]})

    items = [call(0, "", id="a"), call(0, "{"), call(0, "}"), call(1, "", id="b"), call(1, "[]")]
    got = told(replace(plain, merges=1), ROLE, *items, chunk({}, "tool_calls"), DONE)
    assert [ROLE, call(0, "{}", id="a"), call(1, "[]", id="b"), chunk({}, "tool_calls"), DONE] == got


def test_likelihoods_come_with_their_pieces(plain: Habits) -> None:
    one = chunk({"content": "He"}, logprobs={"content": [{"token": "He"}], "refusal": None})
    other = chunk({"content": "llo"}, logprobs={"content": [{"token": "llo"}], "refusal": None})
    both = {"content": [{"token": "He"}, {"token": "llo"}], "refusal": None}
    got = told(replace(plain, merges=1), ROLE, one, other, STOP, DONE)
    assert [ROLE, chunk({"content": "Hello"}, logprobs=both), STOP, DONE] == got


def test_usage_so_far_leaves_the_chunks_as_they_are(plain: Habits) -> None:
    counted = [{**piece, "usage": {"total_tokens": number}} for number, piece in enumerate((ROLE, HE, LLO), start=1)]
    habits = replace(plain, merges=1, splits=1, role_alone=False, interleaves=True, together=1)
    assert [*counted, DONE] == told(habits, *counted, DONE)


def test_a_chunk_with_usage_stays_as_it_is_whatever_else_it_has(plain: Habits) -> None:
    usage = {**chunk({"role": "assistant", "content": ""}), "usage": {"total_tokens": 3}}
    other = chunk({}, "stop", 1)
    habits = replace(plain, merges=1, role_alone=False, finish_alone=False, interleaves=True, together=1)
    assert [STOP, other, usage, DONE] == told_apart(told(habits, STOP, other, usage, DONE))


def told_apart(items: list[Act | dict[str, Any]]) -> list[Act | dict[str, Any]]:
    """The items; a chunk of two choices as two chunks."""
    apart: list[Act | dict[str, Any]] = []
    for item in items:
        if isinstance(item, dict):
            choices = sorted(item["choices"], key=lambda choice: choice["index"])
            apart += [{**item, "choices": [choice]} for choice in choices]
        else:
            apart.append(item)
    return apart


def test_each_choice_keeps_its_order(plain: Habits) -> None:
    items = [chunk({"content": text}, index=index) for text in "abcdefgh" for index in (0, 1)]
    got = told(replace(plain, interleaves=True), *items, DONE)
    assert items != got[:-1]
    for index in (0, 1):
        own = [item for item in got[:-1] if isinstance(item, dict) and item["choices"][0]["index"] == index]
        assert items[index::2] == own


def test_two_choices_come_in_one_chunk(plain: Habits) -> None:
    other = chunk({"content": "Ho"}, index=1)
    got = told(replace(plain, together=1), HE, other, LLO, DONE)
    assert [{**HE, "choices": [HE["choices"][0], other["choices"][0]]}, LLO, DONE] == got


def test_what_is_null_is_left_out_where_it_may_be(plain: Habits) -> None:
    item = {**chunk({"content": None, "refusal": None}, logprobs=None), "usage": None}
    assert [chunk({"content": None}), DONE] == told(replace(plain, drops_nulls=1), item, DONE)


def test_unknown_members_are_added(plain: Habits) -> None:
    (got, _) = told(replace(plain, adds_unknown=1), HE, DONE)
    assert isinstance(got, dict)
    assert {"object", "choices", "x_unknown"} == set(got)
    assert {"index", "delta", "finish_reason", "x_unknown"} == set(got["choices"][0])


def test_a_stream_stays_a_stream(plain: Habits) -> None:
    pieces = [chunk({"content": "x"}) for _ in range(100)]
    got = told(replace(plain, merges=1), ROLE, *pieces, STOP, DONE)
    assert 10 < len(got)


def test_documents_and_refusals_stay_as_they_are(plain: Habits) -> None:
    document = Answer(200, (("content-type", "application/json"),), (Send(b"{}"),), Framing.LENGTH)
    assert document == varied(document, replace(plain, merges=1))
