"""A JSON value that fits a JSON Schema: the same schema and word give the same value. Knows no HTTP and no protocol.

Made for what structured output and the parameters of tools are written in. What it cannot make (a `not`, conditions) it
does not pretend to: the value is checked against the schema before it is handed out. Libraries were tried and left:
hypothesis-jsonschema 0.23 fails on every object with the Hypothesis of today, jsf 0.11 on `contains` and patterns of
names; patterns that mean harm keep both busy for minutes, and what they make depends on their version.
"""

import math
from typing import Any

from conformance.protocols.fitting import is_schema, misfits

from . import patterns

Schema = dict[str, Any]
FORMATS = {
    "date": "2026-01-01",
    "time": "12:30:00Z",
    "date-time": "2026-01-01T12:30:00Z",
    "duration": "PT5M",
    "email": "ada@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "3f2b1c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d",
    "uri": "https://example.org/a",
}
MOST = 2_000
"""Steps taken for one value, and characters or items that a schema may ask for at the least."""
BRIEF = 4
"""Levels below which only what is required is made, so that schemas that contain themselves come to an end."""


class UnfitError(ValueError):
    """No value was found that fits the schema; the text says why."""


def instance(schema: object, *, word: str = "text") -> Any:
    """A value that fits the schema; `word` is what free text says. Raises UnfitError."""
    if not is_schema(schema):
        raise UnfitError("this is no JSON Schema")
    try:
        value = _Maker(schema, word).make(schema, 0)
    except (RecursionError, OverflowError):
        raise UnfitError("the schema asks for too much") from None
    if wrong := misfits(value, schema):
        raise UnfitError(f"{wrong[0].says} (at {wrong[0].pointer or 'the top'})")
    return value


class _Maker:
    """Makes one value, in a bounded number of steps."""

    def __init__(self, root: object, word: str) -> None:
        self._root = root
        self._word = word
        self._left = MOST

    def make(self, schema: object, depth: int, turn: int = 0) -> Any:
        """A value for a part of the schema; another one on another turn, where there is a choice."""
        if schema is False:
            raise UnfitError("nothing fits")
        whole = self._gathered(schema if isinstance(schema, dict) else {}, depth)
        if "const" in whole:
            return whole["const"]
        if whole.get("enum"):
            return whole["enum"][turn % len(whole["enum"])]
        match _type_of(whole):
            case "object":
                return self._object(whole, depth)
            case "array":
                return self._array(whole, depth)
            case "integer" | "number" as kind:
                return whole["default"] if "default" in whole else _number(whole, kind, turn)
            case "boolean":
                return turn % 2 == 0
            case "null":
                return None
            case _:
                return self._text(whole, turn)

    def _step(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise UnfitError("the schema asks for too much")

    def _gathered(self, schema: Schema, depth: int) -> Schema:
        """A schema with what it refers to and is made of; of alternatives the first, deep down the last."""
        self._step()
        plain = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        parts = [*schema.get("allOf", ()), *([self._referred(schema["$ref"])] if "$ref" in schema else ())]
        parts += [schema[name][0 if depth <= BRIEF else -1] for name in ("anyOf", "oneOf") if schema.get(name)]
        for part in parts:
            if part is False:
                raise UnfitError("nothing fits")
            plain = _merged(plain, self._gathered(part, depth) if isinstance(part, dict) else {})
        return plain

    def _referred(self, reference: str) -> Any:
        """What a reference within the schema points at."""
        found: Any = self._root
        for part in reference.split("/")[1:] if reference.startswith("#") else [""]:
            name = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            else:
                raise UnfitError(f"{reference!r} points nowhere in the schema")
        return found

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        names = [name for name in properties if depth < BRIEF or name in required]
        names += [name for name in required if name not in names]
        more = schema.get("additionalProperties", {})
        value = {name: self.make(properties.get(name, more), depth + 1) for name in names}
        for number in range(len(value), min(schema.get("minProperties", 0), MOST)):
            value[f"member {number + 1}"] = self.make(more, depth + 1)
        return value

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        first, more = schema.get("prefixItems", []), schema.get("items", {})
        usual = len(first) or int(more is not False and depth < BRIEF)
        length = min(max(schema.get("minItems", 0), usual), schema.get("maxItems", MOST), MOST)
        parts = [*first, *[more] * (length - len(first))][:length]
        unlike = schema.get("uniqueItems") is True
        return [self.make(part, depth + 1, turn if unlike else 0) for turn, part in enumerate(parts)]

    def _text(self, schema: Schema, turn: int) -> str:
        if "default" in schema and not turn:
            return str(schema["default"])
        text = FORMATS.get(schema.get("format", ""), "") or (f"{self._word} {turn + 1}" if turn else self._word)
        least, most = min(schema.get("minLength", 0), MOST), schema.get("maxLength", MOST)
        if "pattern" in schema:
            return _patterned(schema["pattern"], turn, range(math.ceil(least), math.floor(most) + 1), text)
        while len(text) < least:
            text += f" {self._word or '-'}"
        return text[:most]


def _patterned(pattern: str, turn: int, lengths: range, text: str) -> str:
    """The text if it will do, else one for the pattern, of one of these lengths."""
    try:
        made = next((made for made in patterns.texts(pattern, turn) if len(made) in lengths), None)
    except patterns.PatternError as error:
        raise UnfitError(str(error)) from None
    if len(text) in lengths and not misfits(text, {"pattern": pattern}):
        return text
    if made is None:
        raise UnfitError(f"no text of {lengths.start} to {lengths.stop - 1} characters is made for the pattern")
    return made


def _type_of(schema: Schema) -> str:
    """The type to make: of several the first that is not null, of none what the keywords speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((name for name in kind if name != "null"), "null"))
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


def _number(schema: Schema, kind: str, turn: int) -> int | float:
    """The least number from 1 upwards that the bounds allow, and the next ones on other turns."""
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if kind == "number" and "multipleOf" not in schema and math.isfinite(low) and math.isfinite(high):
        return float(low + (high - low) / (2 + turn))
    step = schema.get("multipleOf", 1)
    step = step if kind == "number" else max(1, math.ceil(step))
    count = math.ceil(low / step) if math.isfinite(low) else math.floor(min(1, high) / step)
    if not math.isfinite(low) and step * count <= 0 < high and step <= high:
        count = 1
    if step * count == schema.get("exclusiveMinimum"):
        count += 1
    if not math.isfinite(low) and step * count == schema.get("exclusiveMaximum"):
        count -= 1
    value: int | float = step * (count + turn)
    return value
