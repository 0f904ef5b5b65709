"""Texts made for regular expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.instances import UnfitError, instance
from mockserver.engines.patterns import MOST, PatternError, texts


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("^[A-Z]{3}-[0-9]{4}$", "ABC-4567"),
        (r"^\d{4}-\d{2}-\d{2}$", "0123-56-89"),
        (r"^\S+@\S+\.\S+$", "A@C.E"),
        ("^(celsius|fahrenheit)$", "celsius"),
        ("^a?b*c{2,}$", "abcc"),
        ("^[^A-Za-z]$", "0"),
        ("^[^@]$", "A"),
        (r"^(ab)-\1$", "ab-ab"),
        ("^[α-ω]$", "α"),
        ("", ""),
        ("^.$", "A"),
        (r"^\w\W\s$", "A- "),
    ],
)
def test_the_plainest_text_for_a_pattern(pattern: str, expected: str) -> None:
    text = next(texts(pattern))
    assert re.search(pattern, text)
    assert expected == text


def test_another_turn_is_another_text() -> None:
    assert ["ABC", "BCD", "CDE"] == [next(texts("^[A-Z]{3}$", turn)) for turn in range(3)]
    assert ["no"] == [next(texts("^(yes|no)$", turn=1))]


@pytest.mark.parametrize("pattern", [r"\p{L}", "(", "a{3,2}", "[z-a]"])
def test_what_python_does_not_understand_has_no_texts(pattern: str) -> None:
    assert [] == list(texts(pattern))


@pytest.mark.parametrize(
    "pattern",
    ["(?=.*[A-Z]).{8,}", "a{9999}", "((((a{50,99}){50,99}){50,99}){50,99})", "((((){99}){99}){99}){99}", "(ab){1500}"],
)
def test_what_asks_for_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        list(texts(pattern))


@given(st.text("ab01()[]{}|*+?.^$\\dwsDWSB-,:=!<>iP", max_size=30))
def test_any_pattern_comes_to_an_end(pattern: str) -> None:
    try:
        made = list(texts(pattern))
    except (PatternError, RecursionError):
        return
    assert all(len(text) <= MOST + 1 for text in made)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "pattern": "^[A-Z][a-z]+$"}, "Paris"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "a"),
        ({"type": "string", "pattern": "^[a-z]+$", "minLength": 4}, "abcd"),
        ({"type": "string", "pattern": "^[a-z]*$", "maxLength": 0}, ""),
        (
            {"type": "array", "items": {"type": "string", "pattern": "^[0-9]$"}, "minItems": 2, "uniqueItems": True},
            ["0", "1"],
        ),
    ],
)
def test_a_schema_with_a_pattern_has_a_value(schema: object, expected: object) -> None:
    assert expected == instance(schema, word="Paris")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^a{3}$", "minLength": 4},
        {"type": "string", "pattern": "^(?!P).*$"},
        {"type": "string", "pattern": "a{2001}"},
    ],
)
def test_a_pattern_for_which_nothing_is_made_says_so(schema: object) -> None:
    with pytest.raises(UnfitError):
        instance(schema, word="Paris")
