"""The tool calls of the mock server, in memory."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, body
from mockserver.answering import Settings, answer

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
        },
    },
}
TIME = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"properties": {"zone": {"type": "string"}}, "required": ["zone"]}},
}
DICE = {"type": "function", "function": {"name": "roll_dice"}}
TOOLS = [WEATHER, TIME, DICE]
ONE, TWO, TEXT_FIRST = "What is the weather in Paris?", "Weather in Paris and Rome?", "Look then call"
PARIS, ROME = {"city": "Paris", "unit": "celsius"}, {"city": "Rome", "unit": "celsius"}


def ask(text: str = ONE, **members: Any) -> Answer:
    messages = [{"role": "user", "content": text}]
    sent = {"model": "mock", "messages": messages, "tools": TOOLS, **members}
    return answer(Request("POST", "http://mock/v1/chat/completions", (), sent), Settings())


def choices(got: Answer) -> list[Any]:
    return list(json.loads(body(got.acts))["choices"])


def called(got: Answer) -> list[tuple[str, Any]]:
    functions = [call["function"] for call in choices(got)[0]["message"].get("tool_calls", [])]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


def deltas(got: Answer) -> list[Any]:
    messages = body(got.acts).decode().removesuffix("\n\n").split("\n\n")[:-1]
    chunks = [json.loads(message.removeprefix("data: ")) for message in messages]
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]]


def put_together(got: Answer) -> tuple[str, list[tuple[str, str]]]:
    """Text, and names with arguments, as a client puts them together."""
    text, calls = "", list[list[str]]()
    for delta in deltas(got):
        text += delta.get("content") or ""
        for fragment in delta.get("tool_calls", []):
            if "id" in fragment:
                calls.append([fragment["function"]["name"], ""])
            calls[fragment["index"]][1] += fragment["function"]["arguments"]
    return text, [(name, arguments) for name, arguments in calls]


def error(got: Answer) -> tuple[int, str]:
    return got.status, json.loads(body(got.acts))["error"]["param"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE, [("get_weather", PARIS)]),
        (TWO, [("get_weather", PARIS), ("get_weather", ROME)]),
        (TEXT_FIRST, [("get_time", {"zone": "UTC"})]),
        ("Please use roll_dice now", [("roll_dice", {})]),
        ("Please use get_time in Oslo, and roll_dice", [("get_time", {"zone": "Oslo"}), ("roll_dice", {})]),
        ("Hello", []),
        ("What is a get_weatherman?", []),
    ],
)
def test_a_prompt_calls_what_it_is_known_for_or_names(text: str, expected: list[tuple[str, Any]]) -> None:
    got = ask(text)
    assert expected == called(got)
    assert ("tool_calls" if expected else "stop") == choices(got)[0]["finish_reason"]


@pytest.mark.parametrize("text", [ONE, TWO, TEXT_FIRST, "Hello"])
@pytest.mark.parametrize("members", [{}, {"max_tokens": 14}, {"max_tokens": 3}, {"parallel_tool_calls": False}])
def test_a_stream_and_its_twin_call_the_same(text: str, members: dict[str, Any]) -> None:
    message = choices(ask(text, **members))[0]["message"]
    functions = [call["function"] for call in message.get("tool_calls", [])]
    twin = message["content"] or "", [(f["name"], f["arguments"]) for f in functions]
    assert twin == put_together(ask(text, stream=True, **members))


def test_a_call_is_streamed_as_openai_streams_it() -> None:
    role, first, second, *_, last = deltas(ask(stream=True))
    assert {"role": "assistant", "content": None, "refusal": None} == role
    (begun,) = first["tool_calls"]
    assert begun["id"].startswith("call_")
    assert {"name": "get_weather", "arguments": ""} == begun["function"]
    assert {"tool_calls": [{"index": 0, "function": {"arguments": '{"'}}]} == second
    assert {} == last


def test_text_before_a_call_is_streamed_before_it() -> None:
    kinds = [next(iter(delta), "") for delta in deltas(ask(TEXT_FIRST, stream=True))]
    assert ["role", "content", "tool_calls", ""] == list(dict.fromkeys(kinds))


def test_content_is_null_where_nothing_is_said() -> None:
    assert choices(ask())[0]["message"]["content"] is None
    assert "Let me look that up." == choices(ask(TEXT_FIRST))[0]["message"]["content"]


def test_usage_counts_calls_and_is_the_same_in_both() -> None:
    document = json.loads(body(ask(TWO).acts))
    asked = ask(TWO, stream=True, stream_options={"include_usage": True})
    last = json.loads(body(asked.acts).decode().split("\n\n")[-3].removeprefix("data: "))
    assert document["usage"] == last["usage"]
    assert 36 == document["usage"]["completion_tokens"]  # two calls: 8 tokens around each, and 10 pieces


@pytest.mark.parametrize("choice", ["none", None, "auto"])
def test_a_prompt_without_need_of_tools_gets_text(choice: str | None) -> None:
    assert [] == called(ask("Hello", tool_choice=choice))


def test_none_calls_nothing() -> None:
    assert [] == called(ask(tool_choice="none"))


def test_required_calls_the_first_where_the_prompt_names_none() -> None:
    assert [("get_weather", {"city": "text", "unit": "celsius"})] == called(ask("Hello", tool_choice="required"))


def test_a_named_function_is_called_whatever_the_prompt_says() -> None:
    named = {"type": "function", "function": {"name": "get_time"}}
    assert [("get_time", {"zone": "Paris"})] == called(ask(tool_choice=named))


def test_of_allowed_tools_only_is_called() -> None:
    tools = [{"type": "function", "function": {"name": "roll_dice"}}]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}
    assert [("roll_dice", {})] == called(ask("Hello", tool_choice=allowed))


def test_the_result_of_a_call_is_answered_with_text() -> None:
    messages = [{"role": "user", "content": ONE}, {"role": "tool", "content": ONE, "tool_call_id": "call_1"}]
    assert [] == called(ask(messages=messages))
    assert [("get_weather", PARIS)] == called(ask(messages=messages, tool_choice="required"))


def test_parallel_calls_may_be_turned_off() -> None:
    assert [("get_weather", PARIS)] == called(ask(TWO, parallel_tool_calls=False))


def test_the_limit_ends_amid_the_arguments_with_length() -> None:
    (choice,) = choices(ask(max_tokens=14))
    assert "length" == choice["finish_reason"]
    assert '{"city":"Paris","unit' == choice["message"]["tool_calls"][0]["function"]["arguments"]


def test_a_limit_below_the_name_of_a_call_leaves_none() -> None:
    (choice,) = choices(ask(max_tokens=3))
    assert ("length", "") == (choice["finish_reason"], choice["message"]["content"])


def test_every_choice_has_calls_and_ids_of_its_own() -> None:
    got = choices(ask(n=2))
    ids = {call["id"] for choice in got for call in choice["message"]["tool_calls"]}
    assert [0, 1] == [choice["index"] for choice in got]
    assert 2 == len(ids)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "nothing"}}}, "tool_choice"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice.type"),
        ({"tool_choice": "auto", "tools": None}, "tool_choice"),
        ({"parallel_tool_calls": True, "tools": None}, "parallel_tool_calls"),
        ({"tools": []}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
    ],
)
def test_tools_that_make_no_sense_are_refused_by_name(members: dict[str, Any], param: str) -> None:
    assert (400, param) == error(ask(**members))


def test_parameters_that_nothing_is_made_for_are_refused_when_they_are_called() -> None:
    parameters = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(?=[0-9])"}}, "required": ["x"]}
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    assert (400, "tools") == error(ask("Call f", tools=tools))
    assert 200 == ask("Hello", tools=tools).status
