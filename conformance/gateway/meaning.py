"""What an answer says, whatever its chunks look like: texts, calls, ends, usage, errors. Never raises on what came.

More tolerant than the reader of the protocol: a gateway may spoil a chunk, and what is left of it still counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.payload import parse
from conformance.wire.decoder import BOM
from conformance.wire.events import Comment, Dataless, Message
from conformance.wire.events import field as field_of

FIRST = 5000
"""Chunks that are kept; the meaning is of all of them."""
CHOICES = 64
"""Choices, and calls of one choice, that are told apart."""


@dataclass(slots=True)
class Call:
    """One tool call, put together."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Usage:
    """A usage object, and what else its chunk carried."""

    value: dict[str, Any]
    choices: int
    """Entries of `choices` on that chunk."""
    finishes: bool
    """One of them has a finish_reason."""


@dataclass(slots=True)
class Told:
    """What one choice says."""

    text: str = ""
    thoughts: str = ""
    roles: int = 0
    finishes: list[str] = field(default_factory=list)
    calls: dict[int, Call] = field(default_factory=dict)


@dataclass(slots=True)
class Meaning:
    """What one answer says."""

    choices: dict[int, Told] = field(default_factory=dict)
    usages: list[Usage] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    done: int = 0
    unreadable: list[str] = field(default_factory=list)
    chunks: list[tuple[dict[str, Any], float | None]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    fields: set[str] = field(default_factory=set)
    """Of "id", "retry", "event"."""
    bom: bool = False
    plain: bool = True
    """Every event is one line `data: ...` with LF."""
    progress: list[tuple[float, int, int]] = field(default_factory=list)
    """When, which choice, and how many characters of it had come."""
    moments: list[float] = field(default_factory=list)
    """When each message came."""
    streamed: bool = False
    clean: bool = False
    """The answer ended as its framing promises."""

    def of(self, index: int) -> Told:
        """What a choice says, which may be nothing."""
        return self.choices.get(index) or Told()


def meaning_of(exchange: Exchange) -> Meaning:
    """What an answer says."""
    transport = exchange.transport
    meaning = Meaning(
        bom=exchange.body.startswith(BOM),
        clean=exchange.ending is Ending.EOF and transport is not None and transport.complete and not transport.flaw,
    )
    for event in exchange.events:
        match event:
            case Message():
                meaning.streamed = True
                _take_message(meaning, event)
            case Comment():
                meaning.comments.append(event.text)
            case Dataless():
                meaning.fields |= {name for name, _ in map(field_of, event.lines[:-1]) if name in ("id", "retry")}
    return meaning


def _take_message(meaning: Meaning, event: Message) -> None:
    if event.at is not None:
        meaning.moments.append(event.at)
    if event.lines:
        meaning.plain = False
        meaning.fields |= {name for name, _ in map(field_of, event.lines[:-1]) if name in ("id", "retry", "event")}
    if event.data.strip() == "[DONE]":
        meaning.done += 1
        return
    value, flaw = parse(event.data)
    if flaw is not None or not isinstance(value, dict):
        meaning.unreadable.append(event.data)
        return
    if value.get("error") is not None and not value.get("choices"):
        error = value["error"]
        meaning.errors.append(error if isinstance(error, dict) else {"message": error})
        return
    _take_chunk(meaning, value, event.at)


def _take_chunk(meaning: Meaning, chunk: dict[str, Any], at: float | None) -> None:
    if len(meaning.chunks) < FIRST:
        meaning.chunks.append((chunk, at))
    choices = chunk.get("choices")
    entries = [entry for entry in choices if isinstance(entry, dict)] if isinstance(choices, list) else []
    if isinstance(usage := chunk.get("usage"), dict):
        finishes = any(entry.get("finish_reason") for entry in entries)
        meaning.usages.append(Usage(usage, len(entries), finishes))
    for entry in entries:
        index = entry.get("index")
        index = index if isinstance(index, int) else 0
        if index in meaning.choices or len(meaning.choices) < CHOICES:
            _take_choice(meaning, meaning.choices.setdefault(index, Told()), index, entry, at)


def _take_choice(meaning: Meaning, told: Told, index: int, entry: dict[str, Any], at: float | None) -> None:
    delta = entry.get("delta")
    delta = delta if isinstance(delta, dict) else {}
    if isinstance(text := delta.get("content"), str) and text:
        told.text += text
        if at is not None:
            meaning.progress.append((at, index, len(told.text)))
    for name in ("reasoning_content", "reasoning"):
        if isinstance(thought := delta.get(name), str):
            told.thoughts += thought
            break
    told.roles += isinstance(delta.get("role"), str)
    if isinstance(reason := entry.get("finish_reason"), str) and reason:
        told.finishes.append(reason)
    for fragment in _fragments(delta):
        number = fragment.get("index")
        number = number if isinstance(number, int) else 0
        if number not in told.calls and len(told.calls) >= CHOICES:
            continue
        call = told.calls.setdefault(number, Call())
        function = fragment.get("function")
        function = function if isinstance(function, dict) else {}
        call.id += fragment["id"] if isinstance(fragment.get("id"), str) and not call.id else ""
        call.name += function["name"] if isinstance(function.get("name"), str) and not call.name else ""
        call.arguments += function["arguments"] if isinstance(function.get("arguments"), str) else ""


def _fragments(delta: dict[str, Any]) -> Iterator[dict[str, Any]]:
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        yield from (call for call in calls if isinstance(call, dict))
