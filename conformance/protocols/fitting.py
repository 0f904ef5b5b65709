"""Whether a JSON value fits a JSON Schema that came with a request. Knows no protocol; trusts neither of the two.

A schema from a recording may be hostile: references are followed within the schema only and a bounded number of
times, patterns are matched in linear time, and what cannot be judged within these bounds counts as fitting.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

MOST_REFERENCES = 20_000
"""References that are followed for one value: a list of ten thousand items of one shape, and then some."""
MOST_MISFITS = 5


class _TooMuchError(Exception):
    """The schema asks for more work than a check may cost."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which a value does not fit."""

    pointer: str
    """Where in the value, "/person/age"; "" for the value itself."""
    says: str
    """What is wrong there, in words."""


def is_schema(schema: object) -> bool:
    """Whether this is a JSON Schema at all."""
    if not isinstance(schema, dict | bool):
        return False
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError, Unresolvable, ValueError):
        return False
    return True


def misfits(value: object, schema: object) -> list[Misfit]:
    """How a value differs from a schema, a few ways at the most; none where the schema is no schema."""
    if not isinstance(schema, dict | bool) or not is_schema(schema):
        return []
    validator = _bounded()(schema, registry=Registry())
    found: list[Misfit] = []
    try:
        for error in validator.iter_errors(value):
            pointer = "".join(f"/{part}" for part in error.absolute_path)
            found.append(Misfit(pointer, error.message))
            if len(found) == MOST_MISFITS:
                break
    except (_TooMuchError, RecursionError, Unresolvable, ValueError):
        return found
    return found


def _bounded() -> Any:
    """A validator whose references are counted and whose patterns run in linear time."""
    left = [MOST_REFERENCES]
    follow = Draft202012Validator.VALIDATORS["$ref"]

    def counted(validator: Any, reference: str, value: object, schema: object) -> Iterator[ValidationError]:
        left[0] -= 1
        if left[0] < 0:
            raise _TooMuchError
        yield from follow(validator, reference, value, schema) or ()

    def matched(_validator: Any, pattern: str, value: object, _schema: object) -> Iterator[ValidationError]:
        if isinstance(value, str) and not _matches(pattern, value):
            yield ValidationError(f"{value!r} does not match {pattern!r}")

    def by_pattern(validator: Any, patterns: dict[str, Any], value: object, _schema: object) -> Iterator[Any]:
        for pattern, inner in patterns.items():
            for name, member in value.items() if isinstance(value, dict) else ():
                if _matches(pattern, name):
                    yield from validator.descend(member, inner, path=name, schema_path=pattern)

    more = {"$ref": counted, "$dynamicRef": counted, "pattern": matched, "patternProperties": by_pattern}
    return extend(Draft202012Validator, more)  # type: ignore[no-untyped-call]


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; one that takes more than linear time counts as found."""
    try:
        quick = jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=jsonschema_rs.RegexOptions())
        return bool(quick.is_valid(text))
    except (ValueError, UnicodeEncodeError, jsonschema_rs.ValidationError):
        return True
