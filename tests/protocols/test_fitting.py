"""Whether values fit schemas that came with a request, and schemas that want to harm."""

import time
from typing import Any

import pytest

from conformance.protocols.fitting import MOST_MISFITS, Misfit, is_schema, misfits

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age", "name"]}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"age": 1, "name": "Ada"}, PERSON),
        ("123", {"pattern": "^[0-9]+$"}),
        ({"x1": 1}, {"patternProperties": {"^x": {"type": "integer"}}}),
        ([{"age": 1, "name": "Ada"}], {"items": {"$ref": "#/$defs/p"}, "$defs": {"p": PERSON}}),
        (5, True),
        (5, {"type": "nonsense"}),
        (5, None),
        (5, {"$ref": "https://example.org/schema"}),
        (5, {"$ref": "#/nowhere"}),
        ("x", {"pattern": "(?=y)"}),
    ],
)
def test_a_value_that_fits_or_cannot_be_judged_has_no_misfits(value: object, schema: object) -> None:
    assert [] == misfits(value, schema)


def test_each_misfit_has_its_place() -> None:
    expected = [Misfit("/age", "'one' is not of type 'integer'"), Misfit("", "'name' is a required property")]
    assert expected == misfits({"age": "one"}, PERSON)


def test_a_pattern_is_matched() -> None:
    assert [Misfit("", "'12a' does not match '^[0-9]+$'")] == misfits("12a", {"pattern": "^[0-9]+$"})
    assert ["/x1"] == [m.pointer for m in misfits({"x1": ""}, {"patternProperties": {"^x": {"type": "integer"}}})]


def test_only_a_few_misfits_are_told() -> None:
    assert MOST_MISFITS == len(misfits(["x"] * 100, {"items": {"type": "integer"}}))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, True),
        (False, True),
        (PERSON, True),
        ({"type": "nonsense"}, False),
        ({"properties": []}, False),
        (None, False),
        ([], False),
    ],
)
def test_a_schema_is_told_from_what_is_none(schema: object, expected: bool) -> None:
    assert expected is is_schema(schema)


def _laughs() -> dict[str, Any]:
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    return {"$ref": "#/$defs/a0", "$defs": {**twice, "a40": {"type": "string"}}}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (5, {"$ref": "#"}),
        ("a" * 40 + "!", {"pattern": "^(a+)+$"}),
        ("x", _laughs()),
        ("\ud800", {"pattern": "^x$"}),
    ],
)
def test_a_hostile_schema_costs_little_time(value: object, schema: object) -> None:
    start = time.monotonic()
    misfits(value, schema)
    assert time.monotonic() - start < 5
