"""A JSON Schema to a narrower one, so that what a grammar lets come fits the schema for every validator, and can end.

What fits the narrower one fits the schema. Knows no tokenizer: whether a string is possible is asked of the grammar.
Strings of a pattern or a format get a length, since a model that knows nothing never comes to their end; a reply that
fits by one reading of a pattern and not by another is left out; what cannot be kept for certain is refused.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from .ending import endless
from .formats import FORMATS, FREE
from .repeating import too_often
from .schemas import changed, nodes

WHOLE = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
"""Keywords whose value may be written 2.0."""
EXACT = 1 << 53
"""Up to this every whole number is one of those that a grammar is made with."""
LEAST, MOST = 24, 512
"""Characters that a string of a pattern may have at the least and at the most, if its schema says nothing."""
TIDY = r"^[^\x00-\x1f\x7f-\x9f\u180e\u2028\u2029\ufeff]*$"
"""Without the characters that are white space, or the end of a line, to some and not to others."""
ASCII = r"^[ -~]*$"
AMBIGUOUS = re.compile(r"\\[WDB]|\[\^(?:[^\]\\]|\\.)*\\[wd]|\(\?i")
"""What means other characters to some than to others, beyond ASCII."""
NEGATED = re.compile(r"\\.|\[\^\]?", re.DOTALL)
FROM_ZERO = re.compile(r"\\(?:x0[01]|u000[01]|0)-")

Accepts = Callable[[Any], bool]
"""Whether there is any reply to a schema."""


class Unguided(Exception):  # noqa: N818 - a schema is not kept to; nothing is in error
    """No reply can be held to this; says which keyword is to blame."""


def narrowed(schema: Any, tokens: int | None, possible: Accepts) -> Any:
    """The narrower schema, for a reply of so many tokens. Raises Unguided."""
    if not isinstance(schema, dict):
        return schema
    strings = sum("pattern" in node or "format" in node for node in nodes(schema))
    room = MOST if tokens is None else min(MOST, max(LEAST, tokens // (2 * strings + 2)))
    never = endless(schema)
    if id(schema) in never:
        raise Unguided("$ref: what fits it goes on without end")
    return _narrow(schema, room, possible, never)


def _narrow(schema: Any, room: int, possible: Accepts, never: set[int]) -> Any:
    if not isinstance(schema, dict):
        return schema
    if id(schema) in never:
        return False
    made = changed(schema, lambda inner: _narrow(inner, room, possible, never))
    if isinstance(patterns := schema.get("patternProperties"), dict):
        if unclear := next(filter(AMBIGUOUS.search, patterns), None):
            raise Unguided(f"patternProperties {unclear!r} means other letters to some than to others")
        made["patternProperties"] = {_plain(name): made["patternProperties"][name] for name in patterns}
    for keyword in WHOLE & set(made):
        made[keyword] = int(made[keyword])
    _check_numbers(schema)
    _check_members(schema)
    _narrow_string(made, room, possible)
    return made


def _narrow_string(made: dict[str, Any], room: int, possible: Accepts) -> None:
    """A pattern, and a format as one, within a length."""
    wanted, kind = made.get("pattern"), made.get("format")
    if isinstance(wanted, str) and too_often(wanted):
        raise Unguided("pattern repeats something too often")
    patterns = [_plain(wanted)] if isinstance(wanted, str) else []
    if isinstance(kind, str) and _may_be(made, "string"):
        if kind in FORMATS:
            patterns.append(f"^(?:{FORMATS[kind]})$")
        if kind in FORMATS or kind in FREE:
            del made["format"]
    if not patterns:
        return
    bounds: dict[str, Any] = {keyword: made[keyword] for keyword in ("minLength", "maxLength") if keyword in made}
    tidy = [TIDY, *([ASCII] if isinstance(wanted, str) and AMBIGUOUS.search(wanted) else [])]
    for more in (tidy, []):
        whole = [*patterns, *more]
        for length in (*(room * times for times in (1, 4, 16, 64)), None):
            within = bounds if length is None else {**bounds, "maxLength": min(length, bounds.get("maxLength", length))}
            if possible({"type": "string", **_all(whole), **within}):
                if "enum" not in made and "const" not in made:
                    made |= within
                made.pop("pattern", None)
                made["allOf"] = [*made.get("allOf", ()), *({"pattern": each} for each in whole)]
                return
    made |= {"pattern": patterns[0]}  # it is refused as a whole, and by its own name


def _all(patterns: list[str]) -> dict[str, Any]:
    return {"allOf": [{"pattern": pattern} for pattern in patterns]}


def _plain(pattern: str) -> str:
    """The same without one control character: where all of them may come, llguidance lets quotes in, too."""
    without = NEGATED.sub(lambda found: found[0] + r"\x01" if found[0][0] == "[" else found[0], pattern)
    return FROM_ZERO.sub(r"\\x02-", without)


def _check_numbers(schema: dict[str, Any]) -> None:
    """Raises Unguided where numbers are to be multiples of one that is not exact: 0.3 is none of 0.1 to validators."""
    multiple = schema.get("multipleOf")
    if isinstance(multiple, float) and Decimal(repr(multiple)) != Decimal(multiple):
        raise Unguided(f"multipleOf {multiple!r} cannot be kept exactly in binary numbers")
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    for number in _numbers(values if isinstance(values, list) else []):
        if abs(number) > EXACT:
            keyword = "const" if "const" in schema else "enum"
            raise Unguided(f"{keyword} has a number beyond 2^53, {number!r}, which is not said exactly")


def _numbers(value: Any) -> Iterator[int | float]:
    if isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _check_members(schema: dict[str, Any]) -> None:
    """Raises Unguided where a reply could count the same name twice."""
    fewest, named = schema.get("minProperties"), schema.get("required")
    known = len(set(named)) if isinstance(named, list) else 0
    if isinstance(fewest, int | float) and fewest > known + 1 and _may_be(schema, "object"):
        raise Unguided(f"minProperties {fewest} asks for names of which no grammar can say that they differ")


def _may_be(schema: dict[str, Any], kind: str) -> bool:
    types = schema.get("type")
    return types is None or types == kind or (isinstance(types, list) and kind in types)
