"""Templates of JSON objects: which members a vendor writes, in which order. Knows no vendor and no protocol.

A template is laid over an object as OpenAI writes it: members that the template does not name are left out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a member may depend on besides the value that OpenAI gives it."""

    mark: str
    """Hexadecimal digits that are the same for all of one answer, and for no other."""
    tags: frozenset[str] = frozenset()
    """What the message is: "role", "text", "reasoning", "call", "finish", "usage", "first", "last"; "document"."""
    asked: bool = False
    """The request asks for usage."""
    tools: bool = False
    """The request offers tools."""


class _Absent:
    """No value."""


ABSENT: Any = _Absent()
Make = Callable[[Told, dict[str, Any]], Any]
"""What a member is, made from the object as OpenAI writes it; ABSENT leaves it out."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a template."""

    name: str
    make: Make
    on: frozenset[str] = frozenset()
    """Tags of the messages that have it; empty: all."""
    inside: "Members" = ()
    """Template of the object that it is, or of each object of the list that it is."""


Members = tuple[str | Member, ...]
"""Members in order; a name alone is kept as OpenAI has it, and left out where OpenAI has none."""


def kept(name: str, *, on: str = "", inside: Members = (), of: str = "") -> Member:
    """As OpenAI has it (under the name `of`), left out where OpenAI has none."""
    return made(name, lambda _, given: given.get(of or name, ABSENT), on=on, inside=inside)


def said(name: str, *, on: str = "", inside: Members = (), of: str = "") -> Member:
    """As OpenAI has it (under the name `of`), left out where that is null or empty."""
    return made(name, lambda _, given: given.get(of or name) or ABSENT, on=on, inside=inside)


def null(name: str, *, on: str = "", inside: Members = ()) -> Member:
    """As OpenAI has it, null where OpenAI has none."""
    return made(name, lambda _, given: given.get(name), on=on, inside=inside)


def fixed(name: str, value: object, *, on: str = "") -> Member:
    """The same in every answer."""
    return made(name, lambda _told, _given: value, on=on)


def made(name: str, make: Make, *, on: str = "", inside: Members = ()) -> Member:
    """Whatever is made of the object as OpenAI writes it."""
    return Member(name, make, frozenset(on.split()), inside)


def laid_over(given: dict[str, Any], members: Members, told: Told) -> dict[str, Any]:
    """The object as the template has it."""
    return dict(_pairs(given, members, told))


def _pairs(given: dict[str, Any], members: Members, told: Told) -> Iterator[tuple[str, Any]]:
    for member in members:
        if isinstance(member, str):
            if member in given:
                yield member, given[member]
        elif not member.on or member.on & told.tags:
            value = member.make(told, given)
            if value is not ABSENT:
                yield member.name, _inside(value, member.inside, told)


def _inside(value: Any, members: Members, told: Told) -> Any:
    if not members:
        return value
    if isinstance(value, list):
        return [_inside(item, members, told) for item in value]
    return laid_over(value, members, told) if isinstance(value, dict) else value
