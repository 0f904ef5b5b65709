"""The schemas in a JSON Schema: where they are, and the same schema with others in their places. Knows no meaning."""

from collections.abc import Callable, Iterator
from typing import Any

IN_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
IN_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
ALONE = ("items", "additionalItems", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
"""Keywords whose values are schemas: by name, in a list, or one."""


def moved(schema: Any, to: str) -> Any:
    """The same schema when it stands at another place: its references to itself begin with `to`."""
    if not isinstance(schema, dict):
        return schema
    made = changed(schema, lambda inner: moved(inner, to))
    for keyword in ("$ref", "$dynamicRef"):
        if isinstance(found := made.get(keyword), str) and (found == "" or found.startswith(("#/", "#"))):
            made[keyword] = to + found[1:] if found in ("", "#") or found.startswith("#/") else found
    return {key: value for key, value in made.items() if key not in ("$id", "$schema")}


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema in a schema that has keywords, itself first."""
    if not isinstance(schema, dict):
        return
    yield schema
    for _, inner in inside(schema):
        yield from nodes(inner)


def inside(schema: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """The schemas in a schema, and where they are."""
    for keyword in IN_MAPS:
        found = schema.get(keyword)
        for name, inner in found.items() if isinstance(found, dict) else ():
            yield (keyword, name), inner
    for keyword in IN_LISTS:
        found = schema.get(keyword)
        for place, inner in enumerate(found) if isinstance(found, list) else ():
            yield (keyword, place), inner
    for keyword in ALONE:
        if isinstance(schema.get(keyword), dict):
            yield (keyword,), schema[keyword]


def changed(schema: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy, in which each of the schemas in it is changed."""
    made = {key: dict(kept) if key in IN_MAPS and isinstance(kept, dict) else kept for key, kept in schema.items()}
    made |= {key: list(kept) for key, kept in schema.items() if key in IN_LISTS and isinstance(kept, list)}
    for path, inner in inside(schema):
        if len(path) == 1:
            made[str(path[0])] = change(inner)
        else:
            made[str(path[0])][path[1]] = change(inner)
    return made
