"""Whatever the strict schema of a chunk can complain about is the matter of exactly one rule."""

import copy
import json
from typing import Any

import pytest

import schemas
from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head

TOKEN = {
    "token": "a",
    "logprob": -0.5,
    "bytes": [97],
    "top_logprobs": [{"token": "a", "logprob": -0.5, "bytes": [97]}],
}
SHARED = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1767225600,
    "model": "mock",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
}
SPEAKING = {
    **SHARED,
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "",
                "refusal": None,
                "tool_calls": [
                    {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
                ],
                "function_call": {"name": "f", "arguments": "{}"},
            },
            "logprobs": {"content": [TOKEN], "refusal": [TOKEN]},
            "finish_reason": None,
        }
    ],
    "usage": None,
}
FINISHING = {
    **SHARED,
    "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}],
    "usage": None,
}
COUNTING = {
    **SHARED,
    "choices": [],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    },
}
GOOD = (SPEAKING, FINISHING, COUNTING)
VALUES = (None, True, -1, 0, 1.5, 256, "", "other", [], {}, [7], ["other"])
LEFT_OUT = "left out"
NOT_ONE_MISTAKE: dict[tuple[str, ...], tuple[object, ...]] = {
    ("choices", "*"): ({},),  # lacks three members
    ("choices", "*", "delta", "role"): (None, ""),  # is also a role that was not sent
    ("choices", "*", "delta", "tool_calls"): (None,),  # is also a finish_reason tool_calls without a call
    ("choices", "*", "finish_reason"): ("other",),  # is also a finish before the end; see the last test
}
REQUEST = Request(
    "POST",
    "http://mock/v1/chat/completions",
    (),
    {
        "model": "mock",
        "messages": [{"role": "user", "content": "Go"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": True,
    },
)


def pointers_of(schema: dict[str, Any], root: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every place that a schema says something about, "*" for the entries of an array."""
    if "$ref" in schema:
        return pointers_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    found = [at] if at else []
    for name, inner in schema.get("properties", {}).items():
        found += pointers_of(inner, root, (*at, name))
    if "items" in schema:
        found += pointers_of(schema["items"], root, (*at, "*"))
    return found


STRICT = schemas.load("chat/chunk.strict")
POINTERS = pointers_of(STRICT, STRICT)


def place_of(chunk: Any, pointer: tuple[str, ...]) -> tuple[Any, Any] | None:
    """The container and the key that a pointer leads to, None where the chunk has no such place."""
    for part in pointer[:-1]:
        key = 0 if part == "*" else part
        if chunk is None or not chunk or (isinstance(chunk, dict) and key not in chunk):
            return None
        chunk = chunk[key]
    key = 0 if pointer[-1] == "*" else pointer[-1]
    return (chunk, key) if chunk and (isinstance(chunk, list) or key in chunk) else None


def variants(pointer: tuple[str, ...]) -> list[tuple[str, list[Any]]]:
    """Streams with one place of one chunk changed so that the strict schema refuses it."""
    changed = []
    for number, chunk in enumerate(GOOD):
        if place_of(chunk, pointer) is None:
            continue
        for value in (LEFT_OUT, *VALUES):
            if value in NOT_ONE_MISTAKE.get(pointer, ()):
                continue
            stream = copy.deepcopy(list(GOOD))
            container, key = place_of(stream[number], pointer) or (None, None)
            if value is LEFT_OUT:
                del container[key]
            else:
                container[key] = value
            if not schemas.fast("chat/chunk.strict").is_valid(stream[number]):
                changed.append((f"{value!r} in chunk {number + 1}", stream))
        break
    return changed


def rules_that_speak(chunks: list[Any]) -> set[str]:
    head = Head(200, (("content-type", "text/event-stream"),))
    reader = ExchangeReader(REQUEST, head=head, layer="body")
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    reader.feed(body + b"data: [DONE]\n\n", 0.1)
    findings = findings_of(reader.close(Ending.EOF, 0.2))
    return {rule for rule, found in findings.items() if found}


SILENT_OTHERWISE = rules_that_speak(list(GOOD))


@pytest.mark.parametrize("pointer", POINTERS, ids=lambda pointer: "/" + "/".join(pointer))
def test_each_complaint_of_the_schema_is_the_matter_of_one_rule(pointer: tuple[str, ...]) -> None:
    spoke = {change: rules_that_speak(stream) - SILENT_OTHERWISE for change, stream in variants(pointer)}

    assert spoke, "nothing was broken here"
    assert dict.fromkeys(spoke, 1) == {change: len(rules) for change, rules in spoke.items()}, spoke


def test_the_streams_that_are_broken_fit_the_strict_schema() -> None:
    assert [True, True, True] == [schemas.fast("chat/chunk.strict").is_valid(chunk) for chunk in GOOD]


def test_a_finish_reason_of_the_vendor_is_the_matter_of_one_rule() -> None:
    stream = copy.deepcopy(list(GOOD))
    stream[1]["choices"][0]["finish_reason"] = "other"  # type: ignore[index]

    assert {"chat/choice/finish-reason-known"} == rules_that_speak(stream) - SILENT_OTHERWISE


def test_null_for_a_role_that_was_sent_before_is_the_matter_of_one_rule() -> None:
    again = copy.deepcopy(SPEAKING)
    again["choices"][0]["delta"] = {"role": None, "content": "a"}  # type: ignore[index]

    assert {"chat/delta/absent-not-null"} == rules_that_speak([SPEAKING, again, FINISHING, COUNTING]) - SILENT_OTHERWISE
