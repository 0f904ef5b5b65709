"""JSON and what is wrong with it, text by text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.payload import Flaw, duplicate_key, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("null", None),
        ('"x"', "x"),
        (' {"a": 1}\n', {"a": 1}),
        ('{"a": 1e5, "b": -0.5}', {"a": 1e5, "b": -0.5}),
        ('{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a": "\\u0000 \\ud83c\\udf0d é"}', {"a": "\0 🌍 é"}),
        ('{"a": "\u2028"}', {"a": "\u2028"}),
        ("[" * 128 + "]" * 128, None),
        ('"' + "[{" * 5000 + '"', "[{" * 5000),
        ("[" + "[]," * 5000 + "1]", None),
        ('["[[\\"[[", ' + "[" * 100 + "]" * 100 + "]", None),
    ],
)
def test_good_json_has_no_flaw(text: str, value: object) -> None:
    got, flaw = parse(text)
    assert None is flaw
    assert got == value or value is None
    assert (got, None) == parse(text.encode())


@pytest.mark.parametrize(
    ("text", "value", "flaw"),
    [
        ("", None, Flaw.EMPTY),
        (" \t", None, Flaw.EMPTY),
        (": ping", None, Flaw.HEARTBEAT),
        (" :", None, Flaw.HEARTBEAT),
        ("hello", None, Flaw.NOT_JSON),
        ("{'a': 1}", None, Flaw.NOT_JSON),
        ('{"a": 1,}', None, Flaw.NOT_JSON),
        ('{"a": 1', None, Flaw.NOT_JSON),
        ('{"a": 01}', None, Flaw.NOT_JSON),
        ('{"a": True}', None, Flaw.NOT_JSON),
        ("\ufeff{}", None, Flaw.NOT_JSON),
        ("\xa0{}", None, Flaw.NOT_JSON),
        ("{}\0", None, Flaw.NOT_JSON),
        ('{"a": "\\x"}', None, Flaw.NOT_JSON),
        ('{"a": ' + "9" * 5000 + "}", None, Flaw.NOT_JSON),
        ('{"a": 1}{"b": 2}', None, Flaw.SEVERAL_DOCUMENTS),
        ('{"a": 1}\n{"b": 2}', None, Flaw.SEVERAL_DOCUMENTS),
        ('{"a": 1}[DONE]', None, Flaw.SEVERAL_DOCUMENTS),
        ('{"a": 1} trailing', None, Flaw.NOT_JSON),
        ('{"a": "\n"}', {"a": "\n"}, Flaw.CONTROL_CHARACTER),
        ('{"a": "\x01"}', {"a": "\x01"}, Flaw.CONTROL_CHARACTER),
        ('{"a": "\n}', None, Flaw.NOT_JSON),
        ('{"a": NaN}', {"a": None}, Flaw.NOT_A_NUMBER),
        ('{"a": -Infinity}', {"a": None}, Flaw.NOT_A_NUMBER),
        ('{"a": 1e999}', {"a": float("inf")}, Flaw.NOT_A_NUMBER),
        ('{"a": "\\ud83c"}', {"a": "\ud83c"}, Flaw.LONE_SURROGATE),
        ('{"a": "\\udf0d\\ud83c"}', {"a": "\udf0d\ud83c"}, Flaw.LONE_SURROGATE),
        ("[" * 129 + "]" * 129, None, Flaw.TOO_DEEP),
        ('{"a":' * 100_000, None, Flaw.TOO_DEEP),
        ('{"x": "\\ud800", "a": ' + "[" * 992 + "]" * 992 + "}", None, Flaw.TOO_DEEP),  # overflowed the stack
    ],
)
def test_bad_json_has_its_flaw_named(text: str, value: object, flaw: Flaw) -> None:
    assert (value, flaw) == parse(text)


def test_bytes_that_are_not_utf_8_are_not_json() -> None:
    assert (None, Flaw.NOT_JSON) == parse(b'{"a": "\xff"}')


@pytest.mark.parametrize(
    "text",
    [
        "[]" * 129 + '"' + '\\"' * 500_000,
        "[]" * 129 + '"' * 500_001,
        '["' * 300_000,
        "[" * 129 + "\\" * 500_000,
        "[]" * 500_000,
        '{"a":[{},' * 100_000,
    ],
    ids=lambda text: text[:8],
)
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    start = time.process_time()
    parse(text)
    assert time.process_time() - start < 1.0


@given(st.text(max_size=40) | st.text(st.sampled_from('[]{}",:\\ntrue1.eN-u0dD8'), max_size=40))
def test_nothing_is_raised_and_a_value_without_flaw_is_the_json_one(text: str) -> None:
    parse(text)
    duplicate_key(text)
    parse(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": 2}', ""),
        ('{"a": 1, "a": 2}', "a"),
        ('{"x": [{"b": 1, "c": 2, "b": 3}]}', "b"),
        ('{"a": {"b": 1}, "b": 2}', ""),
        ('{"\\u0061": 1, "a": 2}', "a"),
        ("not json", ""),
        ("[" * 100_000, ""),
        ('{"a": NaN, "a": 1}', ""),
    ],
)
def test_the_first_key_that_comes_twice_is_found(text: str, expected: str) -> None:
    assert expected == duplicate_key(text)
