"""Prompts with long answers: what they say, how slowly, and that little is made before it is needed."""

import json
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Send, Wait, body, whole
from mockserver.answering import Settings
from mockserver.engines.story import BY_TOOL, STORY, WORDS, rhythm_of, story
from mockserver.routes import respond

TOOL = {
    "type": "function",
    "function": {
        "name": "keep",
        "parameters": {
            "type": "object",
            "properties": {"part": {"type": "integer"}, "text": {"type": "string"}},
            "required": ["part", "text"],
        },
    },
}


def answer_to(prompt: str = STORY, path: str = "/chat/completions", **members: Any) -> Answer:
    asked = {"messages": [{"role": "user", "content": prompt}]} if "chat" in path else {"prompt": prompt}
    return respond(Request("POST", f"http://m/v1{path}", (), {"model": "mock", **asked, **members}), Settings())


def chunks_of(answer: Answer) -> list[Any]:
    events = body(whole(answer).acts).decode().split("\n\n")
    return [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: {")]


def seconds_of(acts: list[Act]) -> float:
    return sum(act.seconds for act in acts if isinstance(act, Wait))


def test_the_story_has_ten_thousand_words_and_ends_by_itself() -> None:
    chunks = chunks_of(answer_to(f"{STORY}. Leave nothing out.", stream=True))
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert (WORDS, "stop") == (len(text.split()), chunks[-1]["choices"][0]["finish_reason"])


def test_a_limit_cuts_it() -> None:
    chunks = chunks_of(answer_to(stream=True, max_tokens=7))
    assert (9, "length") == (len(chunks), chunks[-1]["choices"][0]["finish_reason"])


def test_the_same_seed_tells_the_same_and_each_choice_its_own() -> None:
    assert story("0", 0) == story("0", 0)
    assert 3 == len({story("0", 0), story("0", 1), story("1", 0)})


def test_a_token_comes_every_five_milliseconds_after_the_first_event() -> None:
    acts = list(answer_to(stream=True, max_tokens=3).played())
    assert [Wait(0.02, makes=0), *[Wait(0.005, makes=1)] * 3] == [act for act in acts if isinstance(act, Wait)]
    assert isinstance(acts[1], Send)
    assert b'"role"' in acts[1].data


def test_two_choices_are_made_at_the_same_time() -> None:
    assert pytest.approx(0.02 + 10 * 0.005) == seconds_of(list(answer_to(stream=True, max_tokens=10, n=2).played()))


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
def test_a_document_takes_as_long_as_the_stream_would_and_says_nothing_before(path: str) -> None:
    streamed = list(answer_to(path=path, stream=True, max_tokens=50).played())
    acts = list(encoder.one_by_one(answer_to(path=path, max_tokens=50)))
    assert pytest.approx(seconds_of(streamed)) == seconds_of(acts)
    assert 50 == sum(act.makes or 0 for act in acts if isinstance(act, Wait))
    assert [Send, Send] == [type(act) for act in acts if not isinstance(act, Wait)]
    assert isinstance(acts[-3], Wait)


def test_a_tool_is_called_with_the_story() -> None:
    chunks = chunks_of(answer_to(BY_TOOL, stream=True, tools=[TOOL]))
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    arguments = json.loads("".join(call["function"]["arguments"] for call in calls))
    assert ("keep", WORDS) == (calls[0]["function"]["name"], len(arguments["text"].split()))
    assert len(calls) > 9_000


def test_so_does_a_tool_that_must_be_called() -> None:
    chunks = chunks_of(answer_to(stream=True, tools=[TOOL], tool_choice="required", max_tokens=20))
    assert "keep" == chunks[1]["choices"][0]["delta"]["tool_calls"][0]["function"]["name"]


def test_a_tool_that_is_only_offered_is_not_called() -> None:
    assert chunks_of(answer_to(stream=True, tools=[TOOL], max_tokens=3))[1]["choices"][0]["delta"]["content"]


def test_a_word_is_said_twenty_times() -> None:
    chunks = chunks_of(answer_to("Repeat this word twenty times: bodiko", stream=True))
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert " ".join(["bodiko"] * 20) == text


def test_a_long_prompt_takes_time_to_be_read_some_of_it_before_the_head() -> None:
    assert (0.0, 2.0, 10.0) == tuple(rhythm_of("x", words).reading for words in (1_000, 2_000, 50_000))
    answer = answer_to("word " * 1_999 + "end", stream=True)
    assert (Wait(0.5),) == answer.before
    assert Wait(1.5) == next(answer.played())


def test_other_prompts_are_answered_at_once() -> None:
    answer = answer_to("Say hi", stream=True)
    assert (None, ()) == (answer.told, answer.before)
    assert all(isinstance(act, Send) for act in answer.acts)


def calls_of(work: Callable[[], object]) -> int:
    """How many functions are called by it."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def test_a_stream_begins_with_little_work() -> None:
    answer_to(stream=True)  # what is done once only
    begun = calls_of(lambda: list(islice(encoder.one_by_one(answer_to(f"[1] {STORY}", stream=True)), 6)))
    told = calls_of(lambda: list(encoder.one_by_one(answer_to(f"[2] {STORY}", stream=True))))
    assert begun * 10 < told, "the loop stands still meanwhile"
