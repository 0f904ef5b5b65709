"""What the rules about tools say, and what they stay silent about, on bytes written out here."""

from typing import Any

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import Finding
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.rules.rule import MAY
from conformance.wire.http import Head

RULES = [rule for rule in ALL if rule.id.startswith("chat/tool-") and rule.level is not MAY]
SHARED = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"mock"'
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}
DICE = {"type": "function", "function": {"name": "dice"}}
TOOLS = {"tools": [WEATHER, DICE]}
NAMED = {"type": "function", "function": {"name": "dice"}}
PARIS = '{\\"city\\":\\"Paris\\"}'


def chunk(delta: str, finish: str = "null") -> str:
    return f'{{{SHARED},"choices":[{{"index":0,"delta":{{{delta}}},"finish_reason":{finish}}}]}}'


ROLE = chunk('"role":"assistant","content":null')
DONE = "[DONE]"


def text(content: str) -> str:
    return chunk(f'"content":"{content}"')


def begin(name: str, index: int = 0, own_id: str = "call_a", arguments: str = "") -> str:
    function = f'{{"name":"{name}","arguments":"{arguments}"}}'
    return chunk(f'"tool_calls":[{{"index":{index},"id":"{own_id}","type":"function","function":{function}}}]')


def more(arguments: str, index: int = 0) -> str:
    return chunk(f'"tool_calls":[{{"index":{index},"function":{{"arguments":"{arguments}"}}}}]')


def finish(reason: str) -> str:
    return chunk("", f'"{reason}"')


def exchange(*messages: str, ending: Ending = Ending.EOF, **members: Any) -> Exchange:
    body = {"model": "mock", "messages": [{"role": "user", "content": "Go"}], "stream": True, **members}
    request = Request("POST", "http://mock/v1/chat/completions", (), body)
    reader = ExchangeReader(request, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed("".join(f"data: {message}\n\n" for message in messages).encode(), 0.1)
    return reader.close(ending, 0.2)


def found(*messages: str, **members: Any) -> dict[str, list[Finding]]:
    subject = exchange(*messages, **{**TOOLS, **members})
    everything = findings_of(subject, RULES)
    return {rule.removeprefix("chat/tool-"): findings for rule, findings in everything.items() if findings}


def test_a_call_as_openai_sends_it_is_found_good() -> None:
    assert {} == found(ROLE, begin("weather"), more('{\\"ci'), more('ty\\":\\"Paris\\"}'), finish("tool_calls"), DONE)


@pytest.mark.parametrize(
    "messages",
    [
        (begin("weather", arguments=PARIS),),
        (begin("weather", arguments='{\\"city\\"'), more(':\\"Paris\\"}')),
        (chunk('"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"weather"}}]'), more(PARIS)),
        (text("I look."), begin("weather"), more(PARIS)),
        (begin("weather"), more(PARIS), text("Done.")),
        (begin("weather"), chunk('"content":""'), more(PARIS)),
        (begin("weather"), begin("dice", 1, "call_b"), more("{}", 1), more(PARIS)),
        (begin("weather"), more("\\n {\\n"), more('\\"city\\": \\"Paris\\", \\"x\\": 1}\\n')),
        (begin("dice"), more("{}")),
        (begin("weather"), chunk('"content":null,"tool_calls":[]'), more(PARIS)),
    ],
)
def test_what_is_allowed_is_no_finding(messages: tuple[str, ...]) -> None:
    assert {} == found(ROLE, *messages, finish("tool_calls"), DONE)


@pytest.mark.parametrize("reason", ["stop", "tool_calls"])
def test_a_function_that_was_named_may_finish_with_either(reason: str) -> None:
    assert {} == found(ROLE, begin("dice"), more("{}"), finish(reason), DONE, tool_choice=NAMED)


def test_where_one_of_the_calls_is_cut_off_by_the_connection_nothing_is_said_of_its_arguments() -> None:
    assert {} == found(ROLE, begin("weather"), more('{\\"ci'), ending=Ending.RESET)


def test_where_a_message_is_lost_nothing_is_said_of_what_it_may_have_had() -> None:
    assert {} == found(ROLE, begin("weather"), "{", more('\\"Paris\\"}'), finish("tool_calls"), DONE)


def test_text_that_was_cut_by_the_limit_is_no_ignored_choice() -> None:
    assert {} == found(ROLE, text("Well"), finish("length"), DONE, tool_choice="required", max_tokens=64)


def test_a_refusal_is_no_ignored_choice() -> None:
    refusal = chunk('"refusal":"I cannot help with that."')
    assert {} == found(ROLE, refusal, finish("stop"), DONE, tool_choice="required")


def test_parallel_calls_of_one_index_are_one_finding_at_the_second_call() -> None:
    broken = found(
        ROLE,
        begin("weather"),
        more(PARIS),
        begin("dice", 0, "call_b"),
        more("{}"),
        finish("tool_calls"),
        DONE,
    )
    assert ["calls/own-index"] == list(broken)
    (finding,) = broken["calls/own-index"]
    assert (4, 'another call of "dice" with index 0, which is that of message 2') == (finding.event, finding.got)


def test_a_last_brace_that_was_lost_is_shown() -> None:
    broken = found(ROLE, begin("weather"), more(PARIS[:-1]), finish("tool_calls"), DONE)
    assert ["arguments/json"] == list(broken)
    assert '"{\\"city\\":\\"Paris\\""' == broken["arguments/json"][0].got


def test_arguments_that_do_not_fit_say_in_what() -> None:
    broken = found(ROLE, begin("weather"), more('{\\"town\\":1}'), finish("tool_calls"), DONE)
    assert ["arguments/fit"] == list(broken)
    assert "'city' is a required property" in broken["arguments/fit"][0].got


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}, "{}"),
        ({"type": 5}, "{}"),
        ("text", "{}"),
        ({"$ref": "https://example.com/schema"}, "{}"),
        (
            {"type": "object", "properties": {"a": {"pattern": "(a+)+$"}}},
            '{\\"a\\":\\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\\"}',
        ),
    ],
)
def test_parameters_that_are_no_schema_or_a_hostile_one_do_no_harm(parameters: object, arguments: str) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    broken = found(ROLE, begin("f"), more(arguments), finish("tool_calls"), DONE, tools=tools)
    assert set() == broken.keys() - {"arguments/fit"}


@pytest.mark.parametrize(
    ("content", "is_markup"),
    [
        ("<tool_call>\\n{", True),
        ("</tool_call>", True),
        ("[TOOL_CALLS] [{", True),
        ("<function=weather>", True),
        ("<|python_tag|>weather.call()", True),
        ("<｜tool▁calls▁begin｜>", True),
        ('```json\\n{\\"name\\": \\"weather\\"', True),
        ('{\\"name\\": \\"weather\\", \\"arguments\\": {', True),
        ('```json\\n{\\"city\\": \\"Paris\\"}\\n```', False),
        ('{\\"name\\": \\"Ada\\", \\"age\\": 36}', False),
        ("call a tool <b>now</b>, tool_call or function = f(x)", False),
    ],
)
def test_markup_of_a_call_is_told_from_text(content: str, is_markup: bool) -> None:
    broken = found(ROLE, text(content[:4]), text(content[4:]), finish("stop"), DONE)
    assert (["replies/no-markup"] if is_markup else []) == list(broken)


def test_markup_that_the_request_asks_about_may_be_repeated() -> None:
    messages = [{"role": "user", "content": "What does <tool_call> mean?"}]
    assert {} == found(ROLE, text("<tool_call> begins a call."), finish("stop"), DONE, messages=messages)


def test_calls_of_tools_that_are_no_functions_may_have_any_name() -> None:
    tools = [WEATHER, {"type": "web_search"}]
    assert {} == found(ROLE, begin("web_search"), more("{}"), finish("tool_calls"), DONE, tools=tools)


def test_the_older_functions_are_left_alone() -> None:
    call = chunk('"function_call":{"name":"weather","arguments":"{}"}')
    functions = [{"name": "weather"}]
    assert {} == found(ROLE, call, finish("function_call"), DONE, tools=None, functions=functions)
    assert {"replies/no-function-call"} == found(ROLE, call, finish("function_call"), DONE).keys()


@pytest.mark.parametrize(
    ("choice", "messages", "rule"),
    [
        ("none", (begin("dice"), more("{}"), finish("tool_calls")), "choice/none"),
        ("required", (text("No."), finish("stop")), "choice/required"),
        (NAMED, (text("No."), finish("stop")), "choice/named"),
        (NAMED, (begin("weather"), more(PARIS), finish("stop")), "choice/named"),
    ],
)
def test_a_choice_that_is_ignored_is_one_finding(choice: object, messages: tuple[str, ...], rule: str) -> None:
    assert [rule] == list(found(ROLE, *messages, DONE, tool_choice=choice))


def test_a_call_cut_short_that_says_it_is_whole_is_found_under_a_small_limit() -> None:
    cut = (ROLE, begin("weather"), more('{\\"ci'))
    assert {} == found(*cut, finish("length"), DONE, max_tokens=8)
    assert ["arguments/cut-finishes-with-length"] == list(found(*cut, finish("tool_calls"), DONE, max_tokens=8))


def test_a_thousand_calls_alike_are_a_handful_of_findings() -> None:
    calls = [begin("nothing", 0, f"call_{n}", "{") for n in range(1000)]
    broken = found(ROLE, *calls, finish("stop"), DONE)
    assert {} == {rule: len(findings) for rule, findings in broken.items() if len(findings) > 1}


def test_a_call_of_a_custom_tool_is_no_mistake() -> None:
    start = '"tool_calls":[{"index":0,"id":"call_1","type":"custom","custom":{"name":"run","input":""}}]'
    said = chunk('"tool_calls":[{"index":0,"custom":{"input":"print(1)"}}]')
    tools = [{"type": "custom", "custom": {"name": "run"}}]
    assert {} == found(ROLE, chunk(start), said, finish("tool_calls"), DONE, tools=tools)
    everything = findings_of(exchange(ROLE, chunk(start), said, finish("tool_calls"), DONE, tools=tools))
    assert [] == everything["chat/delta/tool-call-members"]
