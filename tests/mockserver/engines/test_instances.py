"""Values made for JSON Schemas, and the schemas for which none is made."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mockserver.engines.instances import UnfitError, instance

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}, "required": ["v"]}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "Paris"),
        (True, "Paris"),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {}}, {}),
        ({"const": 5}, 5),
        ({"enum": ["celsius", "fahrenheit"]}, "celsius"),
        ({"type": "string", "default": "x"}, "x"),
        ({"type": "string", "maxLength": 3}, "Par"),
        ({"type": "string", "minLength": 7}, "Paris Paris"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "null"}, None),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "multipleOf": 5, "minimum": 11}, 15),
        ({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, 1.5),
        ({"type": "array", "items": {"type": "string"}}, ["Paris"]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "maxItems": 0}, []),
        ({"prefixItems": [{"type": "null"}], "items": False}, [None]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        (
            {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}], "properties": {"b": {"const": 2}}},
            {"a": 1, "b": 2},
        ),
        ({"required": ["a"], "additionalProperties": {"type": "integer"}}, {"a": 1}),
    ],
)
def test_a_schema_has_a_value_that_fits(schema: Any, expected: object) -> None:
    value = instance(schema, word="Paris")
    assert [] == list(Draft202012Validator(schema).iter_errors(value))
    assert expected == value


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    schema = {"$defs": {"node": NODE}, "$ref": "#/$defs/node"}
    assert [] == list(Draft202012Validator(schema).iter_errors(instance(schema)))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(?=[0-9]).{40}$"},
        {"type": "string", "minLength": 10**12},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "nonsense"},
        {"not": {}},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        False,
        None,
        5,
    ],
)
def test_where_no_value_is_made_the_reason_is_said(schema: object) -> None:
    with pytest.raises(UnfitError) as caught:
        instance(schema)
    assert str(caught.value)
