"""How messages differ from a schema, in words: messages that differ alike are explained once. Knows no protocol."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import schemas
from conformance.protocols.exchange import Step
from conformance.protocols.finding import show

MOST_WAYS = 100
"""Differences from the schema that are told of one message, and sets of differences that are told apart."""
LONG = 64 * 1024
"""Bytes of a message beyond which its differences are looked for one by one: the fast validator makes them all."""
POINTED = re.compile(rb"[:,[]\s*-?\d+(?:\.0|(?:\.\d+)?[eE]\+?\d)")
"""A whole number that is not written as an integer."""
MOST_POINTED = 1000
"""Messages with such numbers that are looked at: logprobs have them by right, and the exact validator is slow."""


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One way in which messages differ from the strict schema, where it was seen first, and how often."""

    step: Step | None
    pointer: tuple[str | int, ...]
    keyword: str
    wanted: str
    value: object
    times: int

    @property
    def place(self) -> str:
        """The pointer with every array index written as *, as rules name it: "/choices/*/index"."""
        return pattern(self.pointer)

    @property
    def pointer_text(self) -> str:
        """The pointer as JSON pointers are written."""
        return "".join(f"/{part}" for part in self.pointer)

    @property
    def shown(self) -> str:
        """What was there, as a report shows it."""
        return "no such member" if self.keyword == "required" else show(self.value)


def misfits(name: str, steps: Iterable[Step], body: bytes) -> list[Step]:
    """The messages of a body whose JSON does not fit the schema."""
    fits, left = schemas.fits(name), MOST_POINTED if POINTED.search(body) else 0
    found = []
    for step in steps:
        fit = fits(step.chunk)
        if fit and left and POINTED.search(body, step.event.start, step.event.end):
            left -= 1
            fit = schemas.exact(name).is_valid(step.chunk)
        if not fit:
            found.append(step)
    return found


def explain(name: str, refused: list[tuple[Step | None, object]]) -> list[SchemaError]:
    """Put refused messages in words. Messages that fail alike are explained once, by the first of them."""
    alike: dict[tuple[str, ...], list[tuple[Step | None, object]]] = {}
    for step, value in refused:
        ways = _ways(name, step, value)
        if ways in alike or len(alike) < MOST_WAYS:
            alike.setdefault(ways, []).append((step, value))
    found: dict[tuple[str, str, str], SchemaError] = {}
    for messages in alike.values():
        step, value = messages[0]
        seen: set[tuple[str, str, str]] = set()
        for pointer, keyword, wanted, got in _errors(name, value):
            key = (pattern(pointer), keyword, show(got))
            if key in seen:  # in another choice of the same message
                continue
            seen.add(key)
            if (known := found.get(key)) is None:
                found[key] = SchemaError(step, pointer, keyword, wanted, got, len(messages))
            else:
                found[key] = replace(known, times=known.times + len(messages))
    return list(found.values())


def _ways(name: str, step: Step | None, value: object) -> tuple[str, ...]:
    """The ways in which a message differs from the schema: quickly, but slowly where there may be very many."""
    errors: list[Any] = []
    try:
        if step is not None and step.event.end - step.event.start < LONG:
            errors = list(schemas.fast(name).iter_errors(value))
    except UnicodeEncodeError:  # half a surrogate pair
        pass
    if not errors:
        return tuple(f"{pattern(pointer)} {keyword}" for pointer, keyword, _, _ in _errors(name, value))
    return tuple(e.message if e.schema_path[-1] == "required" else str(e.schema_path) for e in errors)


def _errors(name: str, value: object) -> Iterator[tuple[tuple[str | int, ...], str, str, object]]:
    for error in islice(schemas.exact(name).iter_errors(value), MOST_WAYS):
        place = tuple(error.absolute_path)
        if error.validator == "required" and isinstance(error.instance, dict):
            member = error.message.split("'")[1]
            yield (*place, member), "required", f"the member {member!r}", "no such member"
        else:
            yield place, str(error.validator), _wanted(error.validator, error.validator_value), error.instance


def _wanted(keyword: object, value: object) -> str:
    match keyword, value:
        case "type", list(names):
            return " or ".join(str(name) for name in names)
        case "type", name:
            return str(name)
        case "const", constant:
            return show(constant)
        case "enum", list(values):
            return "one of " + ", ".join(show(v) for v in values)
        case "minimum", least:
            return f"at least {least}"
        case _:
            return f"{keyword}: {show(value)}"


def pattern(pointer: tuple[str | int, ...]) -> str:
    """A pointer with every array index written as *."""
    return "".join("/*" if isinstance(part, int) else f"/{part}" for part in pointer)
