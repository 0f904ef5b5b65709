"""A JSON value that fits a JSON Schema, chosen by a seed. Knows no HTTP and no protocol.

Made for what structured output and the parameters of tools are written in. What it cannot make (a pattern, a `not`,
conditions) it does not pretend to: the value is checked against the schema before it is handed out.
"""

import json
import math
import random
from typing import Any

from conformance.protocols.fitting import is_schema, misfits

Schema = dict[str, Any]
WORDS = ("Ada", "amber", "river", "Oslo", "tempo", "lamp", "seven seas", "maple")
FORMATS = {
    "date": "2026-01-31",
    "time": "12:30:00Z",
    "date-time": "2026-01-31T12:30:00Z",
    "duration": "PT5M",
    "email": "ada@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "3f2b1c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
    "uri": "https://example.org/a",
}
MOST = 2_000
"""Values within one instance, and characters or items that a schema may ask for at the least."""
BRIEF = 4
"""Levels below which only what is required is made, so that schemas that contain themselves come to an end."""


class NoInstanceError(ValueError):
    """No value was found that fits the schema."""


def instance(schema: object, *, seed: str) -> Any:
    """A value that fits the schema. Raises NoInstanceError."""
    if not is_schema(schema):
        raise NoInstanceError("this is no JSON Schema")
    maker = _Maker(schema, random.Random(f"instance/{seed}"))  # noqa: S311 - repeatable on purpose
    try:
        value = maker.make(schema, 0)
    except RecursionError:
        raise NoInstanceError("the schema contains itself without end") from None
    if wrong := misfits(value, schema):
        raise NoInstanceError(f"{wrong[0].says} (at {wrong[0].pointer or 'the top'})")
    return value


def text_of(schema: object, *, seed: str) -> str:
    """The same as JSON text, spaced as models write it."""
    return json.dumps(instance(schema, seed=seed), ensure_ascii=False)


class _Maker:
    """Makes the values of one instance."""

    def __init__(self, root: object, chance: random.Random) -> None:
        self._root = root
        self._chance = chance
        self._left = MOST

    def make(self, schema: object, depth: int) -> Any:
        """A value for a part of the schema."""
        self._left -= 1
        if schema is False or self._left < 0:
            raise NoInstanceError("nothing fits" if schema is False else "the schema asks for too much")
        whole = self._gathered(schema if isinstance(schema, dict) else {}, depth)
        if "const" in whole:
            return whole["const"]
        if whole.get("enum"):
            return self._chance.choice(whole["enum"])
        match _type_of(whole):
            case "object":
                return self._object(whole, depth)
            case "array":
                return self._array(whole, depth)
            case "integer":
                return self._integer(whole)
            case "number":
                return self._number(whole)
            case "boolean":
                return self._chance.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(whole)

    def _gathered(self, schema: Schema, depth: int) -> Schema:
        """A schema together with what it refers to and is made of; of alternatives the first, deep down the last."""
        if depth > MOST:
            raise NoInstanceError("the schema contains itself without end")
        plain = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts = [*schema.get("allOf", ()), *([self._referred(schema["$ref"])] if "$ref" in schema else ())]
        for name in ("anyOf", "oneOf"):
            if schema.get(name):
                parts.append(schema[name][0 if depth <= BRIEF else -1])
        for part in parts:
            if part is False:
                raise NoInstanceError("nothing fits")
            plain = _merged(plain, self._gathered(part, depth + 1) if isinstance(part, dict) else {})
        return plain

    def _referred(self, reference: str) -> Any:
        """What a reference within the schema points at."""
        found: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                raise NoInstanceError(f"{reference!r} points nowhere")
        return found

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        names = [name for name in properties if depth < BRIEF or name in required]
        names += [name for name in required if name not in names]
        value = {name: self.make(properties.get(name, {}), depth + 1) for name in names}
        for number in range(len(value), min(schema.get("minProperties", 0), MOST)):
            value[f"member {number + 1}"] = self.make(schema.get("additionalProperties", {}), depth + 1)
        return value

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        first, more = schema.get("prefixItems", []), schema.get("items", {})
        least, most = schema.get("minItems", 0), schema.get("maxItems", MOST)
        usual = len(first) + (2 if depth < BRIEF and more is not False else 0)
        length = min(max(least, usual), most, MOST)
        value: list[Any] = []
        for position in range(length):
            made = self.make(first[position] if position < len(first) else more, depth + 1)
            if schema.get("uniqueItems") and position >= least and made in value:
                break
            for _ in range(20):
                if not schema.get("uniqueItems") or made not in value:
                    break
                made = self.make(more, depth + 1)
            value.append(made)
        return value

    def _integer(self, schema: Schema) -> int:
        low, high = _bounds(schema, 1)
        step = math.ceil(schema.get("multipleOf", 1))
        first, last = math.ceil(low / step), math.floor(high / step)
        return step * self._chance.randint(first, last) if first <= last else math.ceil(low)

    def _number(self, schema: Schema) -> float:
        low, high = _bounds(schema, 0.01)
        if step := schema.get("multipleOf"):
            return float(step * math.ceil(low / step))
        return round(min(max(low + 0.25 * min(high - low, 10), low), high), 6)

    def _text(self, schema: Schema) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", MOST)
        text = FORMATS.get(schema.get("format", ""), "") or self._chance.choice(WORDS)
        while len(text) < min(least, MOST):
            text += f" {self._chance.choice(WORDS)}"
        return text[:most]


def _type_of(schema: Schema) -> str:
    """The type to make: of several the first, of none what the keywords speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if isinstance(kind, str):
        return kind
    for name, keywords in {
        "object": ("properties", "required", "additionalProperties", "minProperties"),
        "array": ("items", "prefixItems", "minItems"),
        "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
    }.items():
        if any(keyword in schema for keyword in keywords):
            return name
    return "string"


def _merged(one: Schema, other: Schema) -> Schema:
    """Two schemas that both have to fit, as far as that can be said in one."""
    merged = {**other, **one}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*other["required"], *(name for name in one["required"] if name not in other["required"])]
    return merged


def _bounds(schema: Schema, gap: float) -> tuple[float, float]:
    """The least and the greatest number; `gap` keeps away from bounds that do not belong to it."""
    low = max((schema[k] + g for k, g in (("minimum", 0), ("exclusiveMinimum", gap)) if k in schema), default=None)
    high = min((schema[k] - g for k, g in (("maximum", 0), ("exclusiveMaximum", gap)) if k in schema), default=None)
    if low is None:
        low = 0 if high is None or high >= 0 else high - 99
    return low, low + 99 if high is None else high
