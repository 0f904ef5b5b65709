"""Tool calls put together from their fragments, on bytes written out here."""

import pytest

from conformance.protocols.chat.calls import Call, Whole, functions_of, offers_only_functions, read
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head

BEGIN = '{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}'
SECOND = '{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}'


def exchange(*deltas: str, late: str = "", **members: object) -> Exchange:
    body = {"model": "m", "messages": [{"role": "user", "content": "Go"}], "stream": True, **members}
    request = Request("POST", "http://t/v1/chat/completions", (), body)
    reader = ExchangeReader(request, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    written = [*map(_chunk, deltas), "[DONE]", *([_chunk(late)] if late else [])]
    reader.feed("".join(f"data: {message}\n\n" for message in written).encode(), 0.1)
    return reader.close(Ending.EOF, 0.3)


def _chunk(delta: str) -> str:
    head = '"id":"c","object":"chat.completion.chunk","created":1,"model":"m"'
    return f'{{{head},"choices":[{{"index":0,"delta":{{"tool_calls":[{delta}]}},"finish_reason":null}}]}}'


def calls(*deltas: str) -> list[Call]:
    return View(exchange(*deltas)).calls


def more(text: str, index: int = 0) -> str:
    return f'{{"index":{index},"function":{{"arguments":"{text}"}}}}'


def test_the_pieces_of_a_call_are_its_arguments() -> None:
    (call,) = calls(BEGIN, more('{\\"a'), more('\\":1}'))
    assert ("f", '{"a":1}', {"a": 1}, Whole.JSON) == (call.name, call.arguments, call.value, call.whole)
    assert (1, 3) == (call.first.number, call.last.number)


def test_calls_go_by_their_index_however_their_fragments_come() -> None:
    one, two = calls(f"{BEGIN},{SECOND}", more("[]", 1), more("{"), more("}"))
    assert [("f", "{}"), ("g", "[]")] == [(one.name, one.arguments), (two.name, two.arguments)]


def test_a_call_that_was_never_begun_has_no_name() -> None:
    (call,) = calls(more("{}"))
    assert ("", []) == (call.name, call.ids)


@pytest.mark.parametrize(
    ("fragments", "taken_over"),
    [
        ((BEGIN, more("{}"), BEGIN.replace('"a"', '"b"')), 3),
        ((BEGIN, BEGIN.replace('"a"', '"b"')), 2),
        ((BEGIN, more("{}"), '{"index":0,"id":"b","function":{"arguments":"{"}}'), 3),
        ((BEGIN, more("{}"), '{"index":0,"function":{"name":"g","arguments":"{}"}}'), 3),
        ((BEGIN, more("{}"), BEGIN), None),
        ((BEGIN, more("{"), BEGIN.replace('"a"', '"b"'), more("}")), None),
        ((BEGIN, '{"index":0,"id":"b","function":{"arguments":"{"}}', more("}")), None),
        ((BEGIN, '{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}', more("}")), None),
        ((BEGIN, '{"index":0,"id":null,"type":"function","function":{"name":null,"arguments":"{}"}}'), None),
    ],
)
def test_another_id_or_name_after_whole_arguments_is_another_call(
    fragments: tuple[str, ...], taken_over: int | None
) -> None:
    (call,) = calls(*fragments)
    assert taken_over == (call.taken_over.number if call.taken_over else None)


@pytest.mark.parametrize(
    "fragment",
    ['{"id":"a"}', '{"index":"0"}', '{"index":-1}', '{"index":0,"function":"f"}', '{"index":0,"id":7}', "{}"],
)
def test_where_a_fragment_is_misshapen_nothing_is_said_of_calls(fragment: str) -> None:
    assert [] == calls(BEGIN, fragment)


def test_what_follows_done_belongs_to_no_call() -> None:
    (call,) = View(exchange(BEGIN, more("{}"), late=more("{}"))).calls
    assert (2, "{}") == (len(call.fragments), call.arguments)


@pytest.mark.parametrize(
    ("text", "value", "whole"),
    [
        ("", None, Whole.EMPTY),
        (" \n", None, Whole.EMPTY),
        ("{}", {}, Whole.JSON),
        (' {"a": [1]} ', {"a": [1]}, Whole.JSON),
        ('"text"', "text", Whole.JSON),
        ("null", None, Whole.JSON),
        ("{}{}", None, Whole.SEVERAL),
        ('{"a":1} {"b":2}', None, Whole.SEVERAL),
        ("{}[", None, Whole.SEVERAL),
        ("{}}", None, Whole.BROKEN),
        ('{"a":', None, Whole.BROKEN),
        ("{'a': 1}", None, Whole.BROKEN),
        ('{"a":NaN}', None, Whole.BROKEN),
        ('{"a":"\\ud800"}', None, Whole.BROKEN),
        ("[" * 10_000, None, Whole.BROKEN),
        ("1" * 10_000 + "x", None, Whole.BROKEN),
    ],
)
def test_arguments_are_read_without_failing(text: str, value: object, whole: Whole) -> None:
    assert (value, whole) == read(text)


def test_ten_thousand_new_ids_in_the_midst_of_arguments_cost_little() -> None:
    fragments = [f'{{"index":0,"id":"{n}","function":{{"name":"f","arguments":"[[]"}}}}' for n in range(10_000)]
    (call,) = calls(*fragments)
    assert call.taken_over is None


@pytest.mark.parametrize(
    ("tools", "names", "only"),
    [
        ([{"type": "function", "function": {"name": "f"}}], ["f"], True),
        ([{"type": "function", "function": {"name": "f"}}, {"type": "web_search"}], ["f"], False),
        ([{"type": "function", "function": {"name": 5}}, None, []], [], False),
        ([], [], False),
        ("f", [], False),
        (None, [], False),
    ],
)
def test_functions_are_found_in_any_request(tools: object, names: list[str], only: bool) -> None:
    asked = exchange(BEGIN, tools=tools)
    assert (names, only) == (list(functions_of(asked)), offers_only_functions(asked))
