"""The good answer to one request for a text completion, in memory."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Framing, body
from mockserver.answering import Settings
from mockserver.completing import answer

COUNT = "Count from 1 to 10"
COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."


def ask(prompt: object = COUNT, settings: Settings = Settings(), **members: object) -> Answer:  # noqa: B008 - frozen
    asked = {"model": "mock", "prompt": prompt, **members}
    return answer(Request("POST", "http://mock/v1/completions", (), asked), settings)


def document(got: Answer) -> Any:
    assert Framing.LENGTH is got.framing
    return json.loads(body(got.acts))


def chunks(got: Answer) -> list[Any]:
    messages = body(got.acts).decode().removesuffix("\n\n").split("\n\n")
    assert "data: [DONE]" == messages[-1]
    return [json.loads(message.removeprefix("data: ")) for message in messages[:-1]]


def texts(got: Answer) -> dict[int, str]:
    said: dict[int, str] = {}
    for chunk in chunks(got):
        for choice in chunk["choices"]:
            said[choice["index"]] = said.get(choice["index"], "") + choice["text"]
    return said


def finishes(got: Answer) -> list[str]:
    return [c["finish_reason"] for chunk in chunks(got) for c in chunk["choices"] if c["finish_reason"]]


@pytest.mark.parametrize("members", [{}, {"echo": True}, {"n": 2}, {"max_tokens": 3}, {"stop": ["5"]}, {"logprobs": 2}])
def test_a_stream_and_its_twin_say_the_same(members: dict[str, object]) -> None:
    streamed, whole = ask(stream=True, **members), document(ask(**members))
    assert {choice["index"]: choice["text"] for choice in whole["choices"]} == texts(streamed)
    assert [choice["finish_reason"] for choice in whole["choices"]] == finishes(streamed)
    assert "text_completion" == whole["object"] == chunks(streamed)[0]["object"]


def test_without_max_tokens_there_are_sixteen() -> None:
    got = ask("Write a long list", stream=True, stream_options={"include_usage": True})
    assert (["length"], 16) == (finishes(got), chunks(got)[-1]["usage"]["completion_tokens"])


@pytest.mark.parametrize(("limit", "text", "reason"), [(1, "1,", "length"), (0, "", "length"), (64, COUNTED, "stop")])
def test_max_tokens_ends_a_text_with_length(limit: int, text: str, reason: str) -> None:
    got = ask(max_tokens=limit, stream=True)
    assert ({0: text}, [reason]) == (texts(got), finishes(got))


def test_a_stop_sequence_ends_a_text_and_is_left_out() -> None:
    assert {0: "1, 2, 3, 4, "} == texts(ask(stop="5", stream=True))


def test_choices_come_prompt_by_prompt() -> None:
    said = texts(ask([COUNT, "Say hi"], n=2, echo=True, max_tokens=64, stream=True))
    assert [COUNT + COUNTED, f"{COUNT}{COUNTED} (1)", "Say hiHi there!", "Say hiHi there! (1)"] == [
        said[index] for index in range(4)
    ]


def test_logprobs_are_of_the_tokens_the_prompt_included_where_it_is_echoed() -> None:
    logprobs = document(ask("Say hi", echo=True, logprobs=2))["choices"][0]["logprobs"]
    assert ["Say", " hi", "Hi", " there!"] == logprobs["tokens"]
    assert [0, 3, 6, 8] == logprobs["text_offset"]
    assert (None, None) == (logprobs["token_logprobs"][0], logprobs["top_logprobs"][0])
    assert [2, 2, 2] == [len(top) for top in logprobs["top_logprobs"][1:]]
    assert all(value <= 0 for value in logprobs["token_logprobs"][1:])


def test_logprobs_zero_brings_no_alternatives() -> None:
    assert [None, None] == document(ask("Say hi", logprobs=0))["choices"][0]["logprobs"]["top_logprobs"]


def test_the_prompts_of_a_request_are_counted_together() -> None:
    usage = document(ask([COUNT, "Say hi"], max_tokens=2))["usage"]
    assert {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11} == usage


def test_a_request_without_a_prompt_has_the_default_one() -> None:
    assert 200 == answer(Request("POST", "http://m/v1/completions", (), {"model": "mock"}), Settings()).status
    assert 200 == ask(None).status


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"n": 0}, "n", "below_min_value"),
        ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
        ({"logprobs": 6}, "logprobs", "above_max_value"),
        ({"logprobs": True}, "logprobs", "invalid_type"),
        ({"prompt": []}, "prompt", "empty_array"),
        ({"prompt": [1, 2]}, "prompt", None),
        ({"prompt": [[1], [2]]}, "prompt", None),
        ({"suffix": "end"}, "suffix", None),
        ({"best_of": 3}, "best_of", None),
        ({"stream_options": {}}, "stream_options", None),
    ],
)
def test_what_is_not_in_order_is_refused(members: dict[str, object], param: str, code: str | None) -> None:
    got = ask(**{"prompt": COUNT, **members})
    error = document(got)["error"]
    assert (400, param, code) == (got.status, error["param"], error["code"])


def test_other_refusals_are_those_of_chat() -> None:
    assert 404 == ask(model="nobody").status
    assert 401 == ask(settings=Settings(keys=frozenset({"secret"}))).status
    assert 400 == answer(Request("POST", "http://m/v1/completions", (), "{"), Settings()).status


def test_the_same_request_and_seed_give_the_same_bytes() -> None:
    assert ask(stream=True) == ask(stream=True)
    assert ask("Tell me", stream=True) != ask("Tell me", Settings(seed=1), stream=True)


def test_half_a_surrogate_pair_in_a_prompt_is_answered() -> None:
    assert {0: "?"} == {0: texts(ask("\ud800", echo=True, stream=True))[0][:1]}
