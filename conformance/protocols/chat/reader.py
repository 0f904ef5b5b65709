"""SSE events to steps. Never raises on what a server sent; knows no transport and no rule.

The schema of a usable chunk is all that tells chat from text completions here.
"""

from typing import Any

import schemas
from conformance.protocols.exchange import Step
from conformance.protocols.payload import Flaw, parse
from conformance.wire.events import CutOff, Event, Message, Overlong

from .states import Kind, State, step

DONE = "[DONE]"
NOT_FINISHED = (None, "", "null")
"""Written by servers that mean "not yet"; only the first is right, and a rule says so."""


class Reader:
    """Reads the messages of one stream in order. `choices` is how many were asked for, None if not known."""

    def __init__(self, choices: int | None = 1, usable: str = "chat/chunk.lenient") -> None:
        self._wanted = choices or 1
        self._state = State.START
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._number = 0
        self._usable = schemas.fits(usable)

    def read(self, event: Event) -> Step | None:
        """The step that an event is; None for comments and for events without data."""
        if isinstance(event, Message):
            kind, chunk, flaw = self._classify(event.data)
        elif isinstance(event, CutOff | Overlong):
            kind, chunk, flaw = Kind.UNREADABLE, None, None
        else:
            return None
        before = self._state
        self._state, legal = step(before, kind)
        self._number += 1
        return Step(self._number, event, kind, chunk, before, self._state, legal, flaw)

    def _classify(self, data: str) -> tuple[Kind, dict[str, Any] | None, Flaw | None]:
        if data == DONE:
            return Kind.TERMINATOR, None, None
        value, flaw = parse(data)
        if not isinstance(value, dict):
            if data.strip(' \t"').upper().startswith(DONE):
                return Kind.TERMINATOR, None, Flaw.INEXACT_DONE
            return Kind.UNREADABLE, None, flaw or Flaw.NOT_AN_OBJECT
        if self._usable(value) and value.get("error") is None:
            return self._follow(value), value, flaw
        if (error := _error_flaw(value)) is not None:
            return Kind.ERROR, value, flaw or error[0]
        return Kind.UNREADABLE, value, flaw or Flaw.UNUSABLE

    def _follow(self, chunk: dict[str, Any]) -> Kind:
        """Keep the books of open and finished choices, and tell what this chunk does to them."""
        choices = chunk["choices"]
        if not choices:
            return Kind.USAGE if chunk.get("usage") else Kind.METADATA
        finishes = False
        for choice in choices:
            index = choice["index"]
            if choice.get("finish_reason") not in NOT_FINISHED:
                finishes = True
                self._finished.add(index)
                self._open.discard(index)
            elif index not in self._finished:
                self._open.add(index)
        all_closed = finishes and not self._open and len(self._finished) >= self._wanted
        return Kind.FINISH if all_closed else Kind.DELTA


def _error_flaw(value: dict[str, Any]) -> tuple[Flaw | None] | None:
    """None: not an error. Otherwise the flaw of its form, if it has one."""
    if value.get("error") is not None:
        return (None,)
    bare = value.get("object") == "error" or value.get("type") == "error"
    if bare or ("choices" not in value and ("detail" in value or isinstance(value.get("message"), str))):
        return (Flaw.BARE_ERROR,)
    return None
