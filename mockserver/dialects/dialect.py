"""What it takes to write a good answer as a vendor writes it: templates, and what is told in other chunks.

Knows no vendor: each is a record of this kind. What such a record deviates in, the judging side tolerates.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from conformance.wire.script import Act
from mockserver.messages import Chunk

from .members import Members, Told

Item = Chunk | str | bytes | Act
"""A chunk, the text of a message that is none, bytes written as they are, a wait."""
Turn = Callable[[Iterable[Item], Told], Iterator[Item]]
"""What is told in other chunks than OpenAI does: items in, items out."""
Headers = tuple[tuple[str, str], ...]
JSON: Headers = (("content-type", "application/json"),)
EVENTS: Headers = (("content-type", "text/event-stream; charset=utf-8"),)


def as_it_is(_status: int, error: dict[str, Any]) -> dict[str, Any]:
    """An error as OpenAI writes it."""
    return {"error": error}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a vendor writes what it says. Templates that are empty, and what is left out here, are as OpenAI's."""

    name: str
    id: Callable[[str, str], str] = lambda prefix, mark: f"{prefix}-{mark[:29]}"
    """The id of an answer, of a prefix and hexadecimal digits."""
    call_id: Callable[[str], str] | None = None
    """The id of a call, of hexadecimal digits."""
    chunk: Members = ()
    document: Members = ()
    text_chunk: Members = ()
    text_document: Members = ()
    turns: tuple[Turn, ...] = ()
    text_turns: tuple[Turn, ...] = ()
    counts: frozenset[str] = frozenset()
    """What comes with usage, asked for or not: "chat", "text"."""
    continuous: bool = False
    """It knows continuous_usage_stats."""
    error: Callable[[int, dict[str, Any]], dict[str, Any]] = as_it_is
    """The body of a refusal, of its status and the members of OpenAI's error."""
    owner: str = ""
    """Who owns a model."""
    stream_headers: Headers = EVENTS
    """In these and the others, {uuid} stands for what is new in every answer."""
    document_headers: Headers = JSON


def class_of(status: int) -> str:
    """An error type that is a Python class: 404 is NotFoundError."""
    return f"{HTTPStatus(status).phrase.replace(' ', '').replace('-', '')}Error"


def letters(mark: str, length: int) -> str:
    """Letters and digits of hexadecimal digits, twice as many of these."""
    return "".join(ALPHABET[int(mark[2 * n : 2 * n + 2], 16) % len(ALPHABET)] for n in range(length))


def uuid(mark: str) -> str:
    """A UUID of hexadecimal digits."""
    return "-".join((mark[:8], mark[8:12], f"4{mark[12:15]}", f"8{mark[15:18]}", mark[18:30]))


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
