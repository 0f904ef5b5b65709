"""The scenario of a running server: its files, which are read again when they change, and how far each sequence is.

Knows no socket. A file that becomes wrong changes nothing: the scenario stays as it was, and the book tells what is
wrong with the file.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Request
from conformance.protocols.finding import shorten
from conformance.protocols.reading import protocol_of
from conformance.wire.script import Answer, Framing
from mockserver import answering
from mockserver.answering import Settings
from mockserver.engines.draft import Draft

from . import reading
from .asked import Asked, asked_of
from .breaking import broken
from .drafting import UnsayableError, drafted
from .matching import captured, matches, why_not
from .scenario import Entry, Reply, Scenario

LOG = logging.getLogger("mockserver.scenarios")
CONVERSATIONS = 10_000
"""Conversations that are remembered; the one that was silent for the longest goes first."""
TOLD = 20
"""Entries of which a refusal says why they do not match."""
NO_MATCH = "scenario_not_matched"
LONGEST = 300
"""Characters of a line of a refusal."""

Given = str | Path | Scenario | Sequence[str | Path]
"""A scenario, or files and folders of it."""
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Chosen:
    """What the scenario has to do with one request; `reply` is None where it has nothing to say."""

    entry: str = ""
    reply: Reply | None = None

    @property
    def fault(self) -> str:
        """The fault that the reply asks for."""
        return self.reply.fault if self.reply is not None else ""

    @property
    def breaks(self) -> bool:
        """Whether the reply is broken at a certain place."""
        return self.reply is not None and self.reply.breaks is not None

    def finished(self, answer: Answer) -> Answer:
        """The answer with the headers of the reply, broken where it says so."""
        if self.reply is None:
            return answer
        if self.reply.headers and answer.framing is not Framing.RAW:
            own = {name.lower() for name, _ in self.reply.headers}
            kept = tuple(header for header in answer.headers if header[0].lower() not in own)
            answer = replace(answer, headers=(*kept, *self.reply.headers))
        return broken(answer, self.reply.breaks) if self.reply.breaks is not None else answer


class Book:
    """A scenario that is being played. Raises ConfigurationError where it cannot be read at the start."""

    def __init__(self, given: Given) -> None:
        self.trouble = ""
        """What is wrong with the files as they are now."""
        self._paths: tuple[Path, ...] = ()
        self._stamp: _Stamp = ()
        self._counts: dict[int, int] = {}
        self._conversations: OrderedDict[tuple[int, str], int] = OrderedDict()
        if isinstance(given, Scenario):
            self.scenario = given
        else:
            self._paths = tuple(map(Path, [given] if isinstance(given, str | Path) else given))
            self._stamp = self._stamped()
            self.scenario = reading.load(self._paths)

    def reset(self) -> None:
        """Every sequence begins anew."""
        self._counts.clear()
        self._conversations.clear()

    def refresh(self) -> None:
        """Read the files again if they have changed; then every sequence begins anew."""
        if not self._paths or (stamp := self._stamped()) == self._stamp:
            return
        self._stamp = stamp
        try:
            self.scenario = reading.load(self._paths)
        except ConfigurationError as error:
            self.trouble = str(error)
            LOG.warning("the scenario stays as it was:\n%s", shorten_lines(self.trouble))
        else:
            self.trouble = ""
            self.reset()
            LOG.warning("the scenario was read again: %d entries", len(self.scenario.entries))

    def settings(self, settings: Settings) -> Settings:
        """The settings, with the models that the scenario serves."""
        models = tuple(dict.fromkeys((*settings.models, *self.scenario.models)))
        return settings if models == settings.models else replace(settings, models=models)

    def choose(self, request: Request, settings: Settings, chosen: Chosen) -> Draft | Answer | None:
        """What is said to a request that is in order; `chosen` learns which reply that is."""
        asked = asked_of(request, protocol_of(request))
        unsaid: dict[int, str] = {}
        for number, entry in enumerate(self.scenario.entries):
            if not matches(entry.when, asked):
                continue
            key = number, asked.conversation() if entry.per_conversation else ""
            reply = entry.reply(self._count(key))
            try:
                draft = drafted(reply, asked, _values(entry, asked), settings.seed)
            except UnsayableError as error:
                unsaid[number] = str(error)
                continue
            self._advance(key)
            chosen.entry, chosen.reply = entry.name, reply
            return draft
        if not self.scenario.refuses:
            return None
        entries = enumerate(self.scenario.entries)
        return _unmatched(f"{e.name}: {unsaid.get(number) or why_not(e.when, asked)}" for number, e in entries)

    def document(self) -> dict[str, object]:
        """What there is to know of it, as JSON values."""
        entries = [entry.name for entry in self.scenario.entries]
        return {"entries": entries, "trouble": self.trouble or None}

    def _count(self, key: tuple[int, str]) -> int:
        return self._conversations.get(key, 0) if key[1] else self._counts.get(key[0], 0)

    def _advance(self, key: tuple[int, str]) -> None:
        if not key[1]:
            self._counts[key[0]] = self._counts.get(key[0], 0) + 1
            return
        self._conversations[key] = self._conversations.get(key, 0) + 1
        self._conversations.move_to_end(key)
        if len(self._conversations) > CONVERSATIONS:
            self._conversations.popitem(last=False)

    def _stamped(self) -> _Stamp:
        """What changes when a file does."""
        try:
            return tuple(_stamp_of(path) for path in reading.files_of(self._paths))
        except ConfigurationError:
            return ()


def _stamp_of(path: Path) -> tuple[str, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), found.st_mtime_ns, found.st_size


def _values(entry: Entry, asked: Asked) -> dict[str, str]:
    return {
        "last_message": asked.message,
        "model": asked.model,
        "turn": str(asked.turn),
        **captured(entry.when, asked),
    }


def _unmatched(reasons: Iterable[str]) -> Answer:
    """The refusal of a request that no entry matches."""
    lines = [shorten(reason, LONGEST) for reason in reasons]
    more = [f"and {len(lines) - TOLD} more entries"] if len(lines) > TOLD else []
    message = "; ".join(["No entry of the scenario matches this request", *lines[:TOLD], *more])
    return answering.refusal(400, f"{message}.", code=NO_MATCH)


def shorten_lines(text: str) -> str:
    """Text of several lines, each safe for a terminal."""
    return "\n".join(shorten(line, LONGEST) for line in text.split("\n"))
