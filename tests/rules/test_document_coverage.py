"""Whatever the strict schemas of a completion and of an error can complain about is the matter of exactly one rule."""

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
CALL = {"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1767225600,
    "model": "mock",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL]},
            "logprobs": {"content": [TOKEN], "refusal": [TOKEN]},
            "finish_reason": "tool_calls",
        }
    ],
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
ERROR: dict[str, Any] = {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}}
GOOD = {"chat/completion.strict": (200, COMPLETION), "chat/error.strict": (400, ERROR)}
VALUES: tuple[object, ...] = (None, True, -1, 0, 1.5, 256, "", "other", [], {}, [7], ["other"])
LEFT_OUT = "left out"
NOT_ONE_MISTAKE: dict[tuple[str, ...], tuple[object, ...]] = {
    ("choices", "*"): ({},),  # lacks four members
    ("choices", "*", "message"): ({},),  # lacks three
    ("choices", "*", "message", "tool_calls", "*"): ({},),
    ("error",): ({},),  # lacks four
}
REQUEST = Request(
    "POST", "http://mock/v1/chat/completions", (), {"model": "mock", "messages": [{"role": "user", "content": "Go"}]}
)


def pointers_of(schema: dict[str, Any], root: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every place that a schema says something about, "*" for the entries of an array."""
    if "$ref" in schema:
        return pointers_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root, at)
    found = [at] if at else []
    for name, inner in schema.get("properties", {}).items():
        found += pointers_of(inner, root, (*at, name))
    return found + (pointers_of(schema["items"], root, (*at, "*")) if "items" in schema else [])


def changed(document: dict[str, Any], pointer: tuple[str, ...], value: object) -> dict[str, Any]:
    """A copy of the document with another value at a place."""
    whole = copy.deepcopy(document)
    place: Any = whole
    for part in pointer[:-1]:
        place = place[0 if part == "*" else part]
    key = 0 if pointer[-1] == "*" else pointer[-1]
    if value is LEFT_OUT:
        del place[key]
    else:
        place[key] = value
    return whole


def rules_that_speak(status: int, document: object) -> set[str]:
    reader = ExchangeReader(REQUEST, head=Head(status, (("content-type", "application/json"),)), layer="body")
    reader.feed(json.dumps(document).encode(), 0.1)
    return {rule for rule, found in findings_of(reader.close(Ending.EOF, 0.2)).items() if found}


SILENT_OTHERWISE = {name: rules_that_speak(*good) for name, good in GOOD.items()}
PLACES = [
    pytest.param(name, pointer, id="/".join((name, *pointer)))
    for name in GOOD
    for pointer in pointers_of(schemas.load(name), schemas.load(name))
]


@pytest.mark.parametrize(("name", "pointer"), PLACES)
def test_each_complaint_of_the_schema_is_the_matter_of_one_rule(name: str, pointer: tuple[str, ...]) -> None:
    status, good = GOOD[name]
    values = [v for v in (LEFT_OUT, *VALUES) if v not in NOT_ONE_MISTAKE.get(pointer, ())]
    bad = {repr(value): changed(good, pointer, value) for value in values}
    spoke = {
        change: rules_that_speak(status, document) - SILENT_OTHERWISE[name]
        for change, document in bad.items()
        if not schemas.fast(name).is_valid(document)
    }

    assert spoke, "nothing was broken here"
    assert dict.fromkeys(spoke, 1) == {change: len(rules) for change, rules in spoke.items()}, spoke


@pytest.mark.parametrize("name", GOOD)
def test_the_documents_that_are_broken_fit_the_strict_schema(name: str) -> None:
    assert schemas.fast(name).is_valid(GOOD[name][1])
