"""Values as reports show them: short, and safe for a terminal."""

import pytest

from conformance.protocols.finding import shorten, show


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, None, "é"]}, '{"a": [1, null, "é"]}'),
        ("a\nb", '"a\\nb"'),
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("\x9b31m", '"\\x9b31m"'),
        ("\u202eabc", '"\\u202eabc"'),
        ("\ud800", '"\\ud800"'),
        (b"data: \xff\r\n", '"data: \\\\xff\\r\\n"'),
        (float("nan"), "NaN"),
        (object, "\"<class 'object'>\""),
    ],
)
def test_a_value_is_shown_as_printable_json(value: object, expected: str) -> None:
    assert expected == show(value)


def test_long_text_loses_its_middle() -> None:
    assert "aaaa … bbbb" == shorten("a" * 500 + "b" * 500, limit=11)
    assert 160 >= len(shorten("\x00" * 100_000))
