"""What the mock adds to its text when asked: JSON, logprobs, thoughts, usage so far."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.rules.mutate import messages_of
from conformance.wire.script import Answer, body
from mockserver.answering import Settings, answer

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def ask(text: str = "Say hi", **members: Any) -> Answer:
    request = {"model": "mock", "messages": [{"role": "user", "content": text}], **members}
    return answer(Request("POST", "http://mock/v1/chat/completions", (), request), Settings())


def document(text: str = "Say hi", **members: Any) -> Any:
    return json.loads(body(ask(text, **members).acts))


def chunks(text: str = "Say hi", **members: Any) -> list[Any]:
    return [json.loads(message) for message in messages_of(ask(text, stream=True, **members))[:-1]]


def deltas(name: str, found: list[Any]) -> list[str]:
    return [c["delta"][name] for chunk in found for c in chunk["choices"] if c["delta"].get(name)]


def test_a_json_object_is_one_in_the_stream_and_in_the_document() -> None:
    wanted = {"type": "json_object"}
    text = "".join(deltas("content", chunks(response_format=wanted)))
    assert {"name": "Ada", "age": 36} == json.loads(text)
    assert text == document(response_format=wanted)["choices"][0]["message"]["content"]


def test_a_schema_is_kept() -> None:
    assert {"age": 1} == json.loads("".join(deltas("content", chunks(response_format=FORMAT))))


def test_json_that_is_cut_ends_with_length() -> None:
    found = chunks(response_format=FORMAT, max_tokens=1)
    assert ['{"age":'] == deltas("content", found)
    assert "length" == found[-1]["choices"][0]["finish_reason"]


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"pattern": "^(?=x)"}, {"$ref": "#/nowhere"}])
def test_a_schema_that_cannot_be_kept_is_refused(schema: Any) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    refused = ask(response_format=wanted)
    assert (400, "response_format") == (refused.status, json.loads(body(refused.acts))["error"]["param"])


def test_text_is_the_format_of_every_other_reply() -> None:
    assert "Hi there!" == document(response_format={"type": "text"})["choices"][0]["message"]["content"]


def test_each_piece_has_its_logprob_in_stream_and_document() -> None:
    found = chunks(logprobs=True, top_logprobs=2)
    told = [c["logprobs"]["content"] for chunk in found for c in chunk["choices"] if c["logprobs"]]
    assert [["Hi"], [" there!"]] == [[token["token"] for token in tokens] for tokens in told]
    assert [2, 2] == [len(tokens[0]["top_logprobs"]) for tokens in told]
    assert [[72, 105], list(b" there!")] == [tokens[0]["bytes"] for tokens in told]
    whole = document(logprobs=True, top_logprobs=2)["choices"][0]["logprobs"]
    assert {"content": [token for tokens in told for token in tokens], "refusal": None} == whole


def test_twenty_alternatives_differ() -> None:
    tokens = document(logprobs=True, top_logprobs=20)["choices"][0]["logprobs"]["content"]
    assert [20, 20] == [len({other["token"] for other in token["top_logprobs"]}) for token in tokens]


def test_alternatives_alone_are_refused() -> None:
    assert 400 == ask(top_logprobs=2).status
    assert [] == document(logprobs=True)["choices"][0]["logprobs"]["content"][0]["top_logprobs"]


def test_thoughts_come_first_and_count() -> None:
    found = chunks("Think first", stream_options={"include_usage": True})
    thoughts, text = deltas("reasoning_content", found), deltas("content", found)
    message = document("Think first")["choices"][0]["message"]
    assert ("".join(thoughts), "".join(text)) == (message["reasoning_content"], message["content"])
    usage = found[-1]["usage"]
    assert len(thoughts) == usage["completion_tokens_details"]["reasoning_tokens"]
    assert len(thoughts) + len(text) == usage["completion_tokens"]


def test_a_limit_may_end_the_thoughts() -> None:
    found = chunks("Think first", max_tokens=2)
    assert (["The", " user"], []) == (deltas("reasoning_content", found), deltas("content", found))
    assert "length" == found[-1]["choices"][0]["finish_reason"]


def test_other_prompts_take_no_thought() -> None:
    assert "reasoning_content" not in document("Say hi")["choices"][0]["message"]


def test_usage_so_far_grows_to_the_whole() -> None:
    found = chunks(stream_options={"include_usage": True, "continuous_usage_stats": True})
    assert [0, 1, 2, 2, 2] == [chunk["usage"]["completion_tokens"] for chunk in found]
    assert [] == found[-1]["choices"]


def test_usage_so_far_goes_with_usage_only() -> None:
    assert not any("usage" in chunk for chunk in chunks(stream_options={"continuous_usage_stats": True}))
