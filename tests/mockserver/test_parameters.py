"""Members of a request that OpenAI takes: what they change, and which values it refuses."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import body
from mockserver import answering, completing
from mockserver.answering import Settings


def chat(settings: Settings = Settings(), text: str = "Say hi", **members: object) -> Any:  # noqa: B008 - frozen
    asked = {"model": "mock", "messages": [{"role": "user", "content": text}], **members}
    got = answering.answer(Request("POST", "http://mock/v1/chat/completions", (), asked), settings)
    return got.status, json.loads(body(got.acts))


def completion(settings: Settings, prompt: object, **members: object) -> Any:
    asked = {"model": "mock", "prompt": prompt, **members}
    got = completing.answer(Request("POST", "http://mock/v1/completions", (), asked), settings)
    return got.status, json.loads(body(got.acts))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("user", "somebody"),
        ("safety_identifier", "ab12"),
        ("prompt_cache_key", "k"),
        ("prompt_cache_retention", "24h"),
        ("store", True),
        ("store", None),
        ("metadata", {"a": "b"}),
        ("metadata", None),
        ("reasoning_effort", "low"),
        ("verbosity", "high"),
        ("modalities", ["text"]),
        ("logit_bias", {"50256": -100}),
        ("prediction", {"type": "content", "content": "Hi"}),
        ("service_tier", None),
    ],
)
def test_what_openai_takes_and_a_reply_does_not_show_is_taken(member: str, value: object) -> None:
    status, document = chat(**{member: value})
    assert (200, "default") == (status, document["service_tier"])


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("user", 5, "invalid_type"),
        ("store", "yes", "invalid_type"),
        ("metadata", {"a": 1}, "invalid_type"),
        ("metadata", {"a" * 65: "b"}, None),
        ("metadata", {str(number): "" for number in range(17)}, None),
        ("service_tier", "first class", "invalid_value"),
        ("reasoning_effort", "some", "invalid_value"),
        ("verbosity", "chatty", "invalid_value"),
        ("modalities", ["smell"], "invalid_value"),
        ("logit_bias", {"1": 101}, "above_max_value"),
        ("prediction", {"type": "content"}, "missing_required_parameter"),
    ],
)
def test_what_openai_refuses_is_refused(member: str, value: object, code: str | None) -> None:
    status, document = chat(**{member: value})
    assert (400, code) == (status, document["error"]["code"])
    assert document["error"]["param"].startswith(member)


@pytest.mark.parametrize(("asked", "served"), [("auto", "default"), ("flex", "flex"), ("priority", "priority")])
def test_the_service_tier_is_the_one_that_was_asked_for(asked: str, served: str) -> None:
    assert served == chat(service_tier=asked)[1]["service_tier"]


def test_a_reply_ends_where_the_context_does() -> None:
    _, whole = chat(text="Count from 1 to 10")
    prompt = whole["usage"]["prompt_tokens"]
    _, cut = chat(Settings(context=prompt + 4), text="Count from 1 to 10", max_tokens=9)
    assert ("length", 4) == (cut["choices"][0]["finish_reason"], cut["usage"]["completion_tokens"])


def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    _, whole = chat(text="Count from 1 to 10")
    status, document = chat(Settings(context=whole["usage"]["prompt_tokens"]), text="Count from 1 to 10")
    assert (400, "context_length_exceeded") == (status, document["error"]["code"])
    assert "messages" == document["error"]["param"]


def test_text_completions_keep_to_the_context_too() -> None:
    status, document = completion(Settings(context=7), "one two three four", max_tokens=10)
    assert (200, 3, "length") == (
        status,
        document["usage"]["completion_tokens"],
        document["choices"][0]["finish_reason"],
    )
    status, document = completion(Settings(context=3), ["one", "one two three"])
    assert (400, "prompt", "context_length_exceeded") == (
        status,
        document["error"]["param"],
        document["error"]["code"],
    )
