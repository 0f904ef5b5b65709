"""Every reply that a scenario can give, to requests of every kind: the rules find nothing in it."""

from typing import Any

import pytest

FREE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**FREE, "additionalProperties": False}


def tools(**members: Any) -> list[dict[str, Any]]:
    weather = {"name": "get_weather", "parameters": CLOSED, **members}
    return [{"type": "function", "function": weather}, {"type": "function", "function": {"name": "get_time"}}]


NAMED = {"type": "function", "function": {"name": "get_weather"}}
USAGE = {"include_usage": True}
JSON = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
PLAIN: list[dict[str, Any]] = [
    {},
    {"stream": False},
    {"max_tokens": 1},
    {"max_tokens": 3, "stream_options": USAGE},
    {"max_tokens": 9, "stream": False},
    {"stop": ["ere", "an", "n", "o"]},
    {"stop": " ", "stream": False},
    {"stop": "o", "max_tokens": 1},
    {"n": 3, "stream_options": USAGE},
]
MORE: list[dict[str, Any]] = [
    {"stream_options": {**USAGE, "continuous_usage_stats": True}},
    {"n": 3, "stream": False, "max_completion_tokens": 2},
    {"logprobs": True, "top_logprobs": 2},
    {"logprobs": True, "stream": False},
    {"logprobs": True, "max_tokens": 2, "n": 2},
    {"response_format": {"type": "json_object"}},
    {"response_format": JSON, "stream": False},
    {"response_format": {"type": "json_object"}, "stop": "{"},
    {"tools": tools()},
    {"tools": tools(strict=True), "stream_options": USAGE},
    {"tools": tools(), "tool_choice": "required"},
    {"tools": tools(), "tool_choice": "none"},
    {"tools": tools(), "tool_choice": NAMED, "stream": False},
    {"tools": tools(), "parallel_tool_calls": False},
    {"tools": tools(), "max_tokens": 10, "stream_options": {**USAGE, "continuous_usage_stats": True}},
    {"tools": tools(), "n": 2, "stream": False},
    {"tools": tools(), "logprobs": True},
]
REPLIES = [
    "Hello there friend of mine",
    "Hi",
    "{text: 'Hello, {last_message} {model} {turn} {{turn}} {'}",
    '{pieces: [Hel, lo, " ", wör, "ld 👋🏽"]}',
    '"a\\u2028b \\N c\\u2029 d"',
    '{json: {answer: 42, list: [1, 2.5, null, true], text: "ü {model}"}}',
    "{refusal: I cannot help with that.}",
    '{refusal: [I, " cannot"]}',
    "{reasoning: Let me think about it., text: Done now.}",
    '{reasoning: [Hm, " hm"], pieces: [Do, ne]}',
    "{tool_calls: [{name: get_weather, arguments: {city: Paris}}]}",
    """{tool_calls: [{name: get_weather, arguments: '{"city": "Rome"}'}]}""",
    """{tool_calls: [{name: get_weather, arguments: ['{"ci', 'ty": "Rome"}']}]}""",
    "{tool_calls: [{name: get_weather}]}",
    "{text: Let me see., tool_calls: [{name: get_weather, arguments: {city: Paris}}, {name: get_time}]}",
    "{reasoning: Hm hm., tool_calls: [{name: get_time}]}",
    "{choices: [{text: One.}, {pieces: [T, wo]}, {refusal: No.}]}",
    "{choices: [{text: One.}, {tool_calls: [{name: get_time}]}]}",
    "{text: Well then, finish_reason: content_filter}",
    "{text: Well then, finish_reason: length}",
    "{text: Hi there, usage: {prompt_tokens: 1200, cached_tokens: 1000, completion_tokens: 50}}",
    '{text: Hi there, headers: {x-ratelimit-remaining-requests: "5"}}',
    "{text: Hi there you, pace: {prefill: 0.01, first: 0.5, gap: 0.02, jitter: 0.5}}",
    *(f"{{error: {status}}}" for status in (400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)),
    "{error: {status: 429, message: 'Slow, {model}', type: tokens, code: null, param: messages}}",
    "{error: 429, headers: {Retry-After: '20'}, pace: {first: 2}}",
]


@pytest.mark.parametrize("reply", REPLIES)
def test_no_rule_finds_anything_in_a_reply_to_any_request(play, wrong, reply):
    text = f"otherwise: refuse\nscenario:\n  - reply: {reply}\n"
    stage = play(text)
    found = [(members, wrong(stage.record(stage.request("Say it", **members)))) for members in PLAIN + MORE]
    found += [(members, wrong(stage.record(stage.completion("Say it", **members)))) for members in PLAIN]
    assert [] == [(members, wrongs) for members, wrongs in found if wrongs]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_document_says_what_the_stream_says(play, reply):
    stage = play(f"scenario:\n  - reply: {reply}\n")
    if stage.answer(stage.request("Say it")).status != 200:
        return
    document = stage.record(stage.request("Say it", stream=False, tools=tools())).document
    message = document["choices"][0]["message"]
    streamed = stage.record(stage.request("Say it", tools=tools()))
    deltas = [c["delta"] for step in streamed.steps if step.chunk for c in step.chunk["choices"]]
    for member in ("content", "refusal", "reasoning_content"):
        assert "".join(delta.get(member) or "" for delta in deltas) == (message.get(member) or "")
