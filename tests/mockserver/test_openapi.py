"""The OpenAPI document of the mock: it says what the server does."""

import json
from typing import Any

import jsonschema
import pytest

from conformance.wire.script import body
from mockserver import openapi, routes, windows

DOCUMENT = openapi.document()
METHODS = {
    path: {method.upper() for method in operations}
    for path, operations in DOCUMENT["paths"].items()
    if not path.startswith(routes.CONTROL) and path != routes.PAGE
}


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return own + [reference for inner in value.values() for reference in references(inner)]
    return [reference for inner in value for reference in references(inner)] if isinstance(value, list) else []


def found(reference: str) -> Any:
    value: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        value = value[part]
    return value


def test_it_names_every_path_and_method():
    served = {path: {method} for path, method in routes.METHODS.items()}
    assert {**served, f"{routes.MODELS}/{{model}}": {"GET"}} == METHODS


def test_every_reference_leads_somewhere():
    assert [] == [reference for reference in references(DOCUMENT) if not isinstance(found(reference), dict)]


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_every_component_is_a_schema(name: str):
    jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


def test_a_component_judges_as_its_schema_does():
    named = {"$ref": "#/components/schemas/ChatRequest", "components": DOCUMENT["components"]}
    validator = jsonschema.Draft202012Validator(named)
    good = {"model": "mock", "messages": [{"role": "user", "content": "Hi"}]}
    tool = {"type": "function", "function": {"name": "f"}}
    assert validator.is_valid({**good, "tools": [tool], "tool_choice": tool})
    assert not validator.is_valid({**good, "tools": [tool], "tool_choice": {"type": "function"}})


def test_the_server_shows_it():
    assert DOCUMENT == json.loads(body(windows.described().acts))
