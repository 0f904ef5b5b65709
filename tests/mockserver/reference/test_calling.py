"""Calls as they come: the name first, then arguments piece by piece; any split tells the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.reference.calling import Calling, Part


def told(text: str, size: int = 1) -> tuple[list[tuple[str, str]], str]:
    """Names and arguments, and what was no call."""
    calling = Calling(0)
    parts: list[Part | str] = []
    for at in range(0, len(text), size):
        parts += calling.take(text[at : at + size])
    parts += calling.end()
    calls: dict[int, list[str]] = {}
    for part in parts:
        if isinstance(part, Part):
            call = calls.setdefault(part.index, ["", ""])
            call[0] += part.name
            call[1] += part.arguments
    return [(name, arguments) for name, arguments in calls.values()], "".join(p for p in parts if isinstance(p, str))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.text(min_size=1, max_size=8), arguments=VALUES, size=st.integers(1, 9), compact=st.booleans())
def test_arguments_are_told_as_they_are_written(name: str, arguments: object, size: int, compact: bool):
    written = json.dumps(arguments, ensure_ascii=False, separators=(",", ":") if compact else None)
    text = f'\n{{"name": {json.dumps(name)}, "arguments": {written}}}\n'
    assert ([(name, written)], "") == told(text, size)


@given(size=st.integers(1, 30))
def test_a_list_of_calls_is_as_many_calls(size: int):
    text = '[{"name":"a","arguments":{"x":"}"}}, {"name":"b","arguments":[1]}]'
    assert ([("a", '{"x":"}"}'), ("b", "[1]")], "") == told(text, size)


def test_the_name_is_told_before_the_arguments_are_there():
    calling = Calling(3)
    assert [] == list(calling.take('{"name": "look'))
    assert [Part(3, name="look")] == list(calling.take('", "arguments": {'))[:1]
    assert [Part(3, arguments='"city')] == list(calling.take('"city'))


def test_a_call_in_another_order_is_told_when_it_is_whole():
    assert ([("f", '{"a": 1}')], "") == told('{"arguments": {"a": 1}, "name": "f"}')


def test_arguments_may_be_called_parameters():
    assert ([("f", "{}")], "") == told('{"name": "f", "parameters": {}}')


@pytest.mark.parametrize("text", ["I will not.", '{"nome": "f"}', '{"name": "f"', "[1, 2"])
def test_what_is_no_call_is_text(text: str):
    assert ([], text) == told(text)


def test_a_call_that_is_cut_keeps_what_was_told():
    assert ([("f", '{"a": "x')], "") == told('{"name": "f", "arguments": {"a": "x')


@pytest.mark.parametrize("text", ['{"name": "\\q", "arguments": {}}', '{"name": "a\x01", "arguments": {}}'])
def test_a_name_that_is_no_json_is_no_call_but_text(text: str):
    assert ([], text) == told(text) == told(text, 1000)


@pytest.mark.parametrize("before", [" ", "\n"])
def test_a_call_whose_name_comes_late_is_told_when_it_is_whole(before: str):
    text = f'{{{before * 2000}"name": "f", "arguments": {{"a": 1}}}}'
    assert ([("f", '{"a": 1}')], "") == told(text, 3)


def test_what_comes_after_the_arguments_and_does_not_end_the_call_is_not_told():
    assert ([("f", "{}")], "") == told('{"name": "f", "arguments": {}, "more": [1, {"name": "g", "arguments": 1}]}')
