"""Names in braces."""

import pytest

from mockserver.scenarios.filling import filled, filled_in, names_in

VALUES = {"model": "m", "turn": "{model}"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ""),
        ("{model}", "m"),
        ("{turn}", "{model}"),
        ("{{model}}", "{model}"),
        ("{{{model}}}", "{{model}}"),
        ("{other}", "{other}"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
        ("{model.x} {model!r} {model:>9} {0} {}", "{model.x} {model!r} {model:>9} {0} {}"),
    ],
)
def test_a_name_is_filled_in_once_and_all_else_stays(text, says):
    assert says == filled(text, VALUES)


def test_names_are_filled_in_throughout_a_value_but_not_in_its_keys():
    assert {"{model}": ["m", 1, None, {"a": "m"}]} == filled_in(
        {"{model}": ["{model}", 1, None, {"a": "{model}"}]}, VALUES
    )


def test_names_that_are_asked_for_are_known():
    assert ["a", "b_1"] == list(names_in("{a} {{c}} {b_1} {D} {"))
