"""Tool calls put together from their fragments, and the functions that a request offers. Knows no view and no rule."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec

from conformance.protocols.exchange import Exchange, Step

Fragment = dict[str, Any]
MOST_TRIES = 200
"""Times that the arguments so far are read to see whether a call is complete: a hostile stream would have it often."""


class Whole(Enum):
    """What the arguments of a call are, put together."""

    EMPTY = "no text at all"
    JSON = "one JSON value"
    SEVERAL = "JSON values one behind the other"
    BROKEN = "text that is not JSON"


@dataclass(slots=True)
class Call:
    """The fragments that bear one index in one choice."""

    choice: int
    index: int
    fragments: list[tuple[Step, Fragment]] = field(default_factory=list)
    ids: list[tuple[Step, str]] = field(default_factory=list)
    names: list[tuple[Step, str]] = field(default_factory=list)
    types: list[tuple[Step, str]] = field(default_factory=list)
    pieces: list[tuple[Step, str]] = field(default_factory=list)
    """Non-empty pieces of the arguments, with their chunk."""
    taken_over: Step | None = None
    """The chunk with which another call begins under the same index."""
    tries: int = 0
    _read: tuple[int, Any, Whole] | None = None

    @property
    def first(self) -> Step:
        """The chunk in which it begins."""
        return self.fragments[0][0]

    @property
    def last(self) -> Step:
        """The chunk in which it ends."""
        return self.fragments[-1][0]

    @property
    def name(self) -> str:
        """The name that came first."""
        return self.names[0][1] if self.names else ""

    @property
    def is_custom(self) -> bool:
        """A call of a custom tool, which takes text and no arguments."""
        return bool(self.types) and self.types[0][1] == "custom"

    @property
    def arguments(self) -> str:
        """The pieces put together, as clients do."""
        return "".join(piece for _, piece in self.pieces)

    @property
    def whole(self) -> Whole:
        """What the arguments are."""
        return self._reading()[2]

    @property
    def value(self) -> Any:
        """The arguments as JSON; None where they are no such thing."""
        return self._reading()[1]

    def _reading(self) -> tuple[int, Any, Whole]:
        if self._read is None or self._read[0] != len(self.pieces):
            self._read = (len(self.pieces), *read(self.arguments))
        return self._read

    def take(self, step: Step, fragment: Fragment) -> None:
        """Add the next fragment."""
        function = fragment.get("function", fragment.get("custom"))  # custom tools take text; only their names are read
        function = function if isinstance(function, dict) else {}
        own_id, name, piece = (
            value if isinstance(value, str) else None
            for value in (fragment.get("id"), function.get("name"), function.get("arguments"))
        )
        if self.taken_over is None and self.fragments and self._is_another(own_id, name, piece):
            self.taken_over = step
        self.fragments.append((step, fragment))
        for value, kept in ((own_id, self.ids), (name, self.names), (fragment.get("type"), self.types)):
            if isinstance(value, str) and value:
                kept.append((step, value))
        if piece:
            self.pieces.append((step, piece))

    def _is_another(self, own_id: str | None, name: str | None, piece: str | None) -> bool:
        """Another id, or the same name and more text after arguments that were complete: this is another call's."""
        new_id = bool(own_id and self.ids and own_id != self.ids[-1][1])
        if not self.pieces:
            return new_id and bool(name)
        if not (new_id or (name and piece)) or not self.pieces[-1][1].rstrip().endswith(("}", "]")):
            return False
        self.tries += 1
        return self.tries <= MOST_TRIES and self.whole in (Whole.JSON, Whole.SEVERAL)


def read(text: str) -> tuple[Any, Whole]:
    """The value of arguments, and what they are."""
    if not text.strip():
        return None, Whole.EMPTY
    try:
        return msgspec.json.decode(text), Whole.JSON
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    bare = text.strip()
    try:
        _, end = json.JSONDecoder().raw_decode(bare)
    except (ValueError, RecursionError):
        return None, Whole.BROKEN
    return None, Whole.SEVERAL if bare[end:].lstrip()[:1] in ("{", "[") else Whole.BROKEN


def put_together(called: Iterable[tuple[int, Step, list[Fragment]]]) -> list[Call]:
    """The calls in the order in which they begin, from the fragments that came for each choice."""
    calls: dict[tuple[int, Any], Call] = {}
    for choice, step, fragments in called:
        for fragment in fragments:
            key = (choice, fragment.get("index"))
            if type(key[1]) is not int:
                continue
            if (call := calls.get(key)) is None:
                call = calls[key] = Call(choice, key[1])
            call.take(step, fragment)
    return list(calls.values())


def functions_of(exchange: Exchange) -> dict[str, dict[str, Any]]:
    """The functions that a request offers, by name."""
    tools = exchange.member("tools")
    found = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return {f["name"]: f for f in found if isinstance(f, dict) and isinstance(f.get("name"), str)}


def offers_only_functions(exchange: Exchange) -> bool:
    """Every tool of the request is a function with a name, so that no other name may be called."""
    tools = exchange.member("tools")
    return isinstance(tools, list) and 0 < len(tools) == len(functions_of(exchange))
