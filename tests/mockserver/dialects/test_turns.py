"""Chunks merged, moved and added; the rest is left as it is, waits included."""

from typing import Any

from conformance.wire.script import Send, Wait
from mockserver.dialects import turns
from mockserver.dialects.members import Told

TOLD = Told(mark="00")
ASKED = Told(mark="00", asked=True)
DONE = Send(b"data: [DONE]\n\n")


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **members: object) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"choices": [choice], **members}


def call(index: int, arguments: str, **members: object) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": index, **members, "function": {"arguments": arguments}}]})


ROLE = chunk({"role": "assistant", "content": ""})
HI = chunk({"content": "Hi"})
STOP = chunk({}, "stop")
USAGE = {"choices": [], "usage": {"total_tokens": 3}}


def test_usage_comes_with_the_last_finish_reason() -> None:
    other = chunk({}, "stop", 1)
    items = [ROLE, HI, STOP, other, Wait(1), USAGE, DONE]
    expected = [ROLE, HI, STOP, {**other, "usage": {"total_tokens": 3}}, Wait(1), DONE]
    assert expected == list(turns.usage_with_finish(items, TOLD))


def test_usage_comes_twice_where_it_was_asked_for() -> None:
    with_usage = {**STOP, "usage": {"total_tokens": 3}}
    assert [with_usage, DONE] == list(turns.usage_twice([STOP, USAGE, DONE], TOLD))
    assert [with_usage, USAGE, DONE] == list(turns.usage_twice([STOP, USAGE, DONE], ASKED))


def test_a_turn_may_be_left_out_where_usage_was_asked_for() -> None:
    turn = turns.unless_asked(turns.usage_with_finish)
    assert [STOP, USAGE] == list(turn([STOP, USAGE], ASKED))
    assert 1 == len(list(turn([STOP, USAGE], TOLD)))


def test_the_last_text_comes_with_the_finish_reason() -> None:
    expected = [ROLE, HI, Wait(1), chunk({"content": "!"}, "stop"), DONE]
    items = [ROLE, HI, Wait(1), chunk({"content": "!"}), STOP, DONE]
    assert sorted(map(str, expected)) == sorted(map(str, turns.last_with_finish()(items, TOLD)))
    assert expected[-2:] == list(turns.last_with_finish()(items, TOLD))[-2:]


def test_the_last_text_comes_alone_where_the_reason_is_another_one() -> None:
    assert [ROLE, HI, STOP, DONE] == list(turns.last_with_finish("length")([ROLE, HI, STOP, DONE], TOLD))


def test_a_choice_without_text_ends_with_the_role_before_it() -> None:
    assert [ROLE, STOP] == list(turns.last_with_finish()([ROLE, STOP], TOLD))


def test_the_role_comes_with_the_first_text_of_its_choice() -> None:
    other = chunk({"role": "assistant", "content": ""}, index=1)
    first = chunk({"role": "assistant", "content": "Hi"})
    second = chunk({"role": "assistant", "content": "Ho"}, index=1)
    items = [ROLE, other, chunk({"content": "Ho"}, index=1), HI, HI]
    assert [second, first, HI] == list(turns.role_with_first(items, TOLD))


def test_each_call_comes_whole() -> None:
    items = [ROLE, call(0, "", id="a"), call(0, "{"), call(0, "}"), call(1, "", id="b"), call(1, "[]"), STOP, DONE]
    expected = [ROLE, call(0, "{}", id="a"), call(1, "[]", id="b"), STOP, DONE]
    assert expected == list(turns.calls_whole(items, TOLD))


def test_all_calls_come_with_the_finish_reason() -> None:
    items = [call(0, "{}", id="a"), call(1, "[]", id="b"), STOP]
    calls = [*call(0, "{}", id="a")["choices"][0]["delta"]["tool_calls"]]
    calls += call(1, "[]", id="b")["choices"][0]["delta"]["tool_calls"]
    assert [chunk({"content": None, "tool_calls": calls}, "stop")] == list(turns.calls_with_finish(items, TOLD))


def test_something_may_come_before_the_first_chunk() -> None:
    turn = turns.begins_with(lambda _: b": at work\n\n", lambda _: {"choices": []})
    assert [Wait(1), b": at work\n\n", {"choices": []}, HI, HI] == list(turn([Wait(1), HI, HI], TOLD))


def test_the_usage_may_have_a_choice_that_says_nothing() -> None:
    (got,) = turns.usage_with_choice([USAGE], TOLD)
    assert {**USAGE, **chunk({"role": "assistant", "content": ""})} == got
