"""A request in JSON to what an engine is asked for: whatever a request says, the engine is given what it can read."""

from dataclasses import replace
from typing import Any

import pytest

from mockserver.engines.decoding.scripted import scripted
from mockserver.reference.asking import Asked, Declined, Model, of_chat, of_text
from mockserver.reference.guiding import Guiding
from mockserver.reference.template import Template
from mockserver.reference.words import Words

HELLO: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def model(tiny: Words, said: Template) -> Model:
    end = tiny.added["<|im_end|>"]
    info = scripted(lambda request, choice: [], vocabulary=tiny.size, stop_token=end).info
    return Model(info, tiny, said, Guiding(tiny, tiny.size, [end]))


def schema(value: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": value}}}


def test_whole_numbers_may_be_written_with_a_point(model: Model):
    numbers = {"seed": 1.0, "n": 2.0, "max_tokens": 5.0, "top_logprobs": 2.0, "top_k": 3.0, "min_tokens": 1.0}
    asked: Asked = of_chat({**HELLO, **numbers, "logprobs": True, "stop_token_ids": [4.0]}, model, "a")
    request = asked.requests[0]
    found = [request.sampling.seed, request.choices, request.max_tokens, asked.top, request.sampling.top_k]
    found += [request.min_tokens, *request.stop_tokens]
    assert [(number, int) for number in (1, 2, 5, 2, 3, 1, 4)] == [(number, type(number)) for number in found]


def test_so_may_the_tokens_of_prompts(model: Model):
    asked = of_text({"model": "tiny", "prompt": [38.0, 39.0], "logprobs": 1.0, "max_tokens": 2.0}, model, "a")
    assert [int, int, int] == [type(number) for number in (*asked.requests[0].prompt, asked.top)]


@pytest.mark.parametrize(
    ("members", "parameter", "says"),
    [
        ({"chat_template_kwargs": {"messages": []}}, "messages", "'messages' is not for requests to say"),
        ({"chat_template_kwargs": {"self": 1, "x": 2}}, "messages", "'self' is not for requests to say"),
        (schema({"$ref": "#"}), "response_format", r"\$ref: .* without end"),
        (schema({"type": "object", "required": "a"}), "response_format", "no JSON Schema"),
        ({"guided_regex": "(["}, "guided_regex", "invalid regex"),
        ({"messages": [{"role": "user", "content": "ab " * 40_000}]}, "messages", "more tokens than the context"),
    ],
)
def test_what_cannot_be_asked_for_is_declined(model: Model, members: dict[str, Any], parameter: str, says: str):
    with pytest.raises(Declined, match=says) as declined:
        of_chat({**HELLO, **members}, model, "a")
    assert parameter == declined.value.parameter


@pytest.mark.parametrize(
    "prompt", [["a"] * 2000, "ab " * 40_000, ["a", 1], [1, "a"], [[1], []], [[1], [1.5]], [[-1]], [[[1]]], [[True]]]
)
def test_a_text_completion_asks_for_no_more_than_there_can_be(model: Model, prompt: object):
    with pytest.raises(Declined):
        of_text({"model": "tiny", "prompt": prompt}, model, "a")


@pytest.mark.parametrize("arguments", ["[" * 3000, '{"a": ' + "9" * 5000 + "}", "no JSON", {"a": 1}, None])
def test_arguments_of_earlier_calls_may_be_anything(model: Model, arguments: object):
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = {**HELLO, "messages": [*HELLO["messages"], {"role": "assistant", "tool_calls": [call]}]}
    info = replace(model.info, context=20_000)
    assert of_chat(body, replace(model, info=info), "a").requests
