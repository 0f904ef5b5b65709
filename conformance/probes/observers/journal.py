"""The mock server's own journal: each request by its mark, with exact times and tokens. Knows no other server."""

import json
from dataclasses import dataclass
from typing import Any

from conformance.probes.bench import Sleep
from conformance.probes.observer import Left
from conformance.probes.performing import Stage
from conformance.protocols.watch import Watch

from . import looking
from .fetching import beside, fetch

SIZE = 16 * 1024 * 1024
"""Bytes of a journal: a thousand requests of a few thousand bytes, escaped."""
PATH = "/journal"
SERVER = "streamspec mock"
"""By this a journal is known as the mock server's."""

Document = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Journal:
    """Reads what the server wrote down of the one request."""

    stage: Stage
    sleep: Sleep
    url: str = ""
    name: str = "journal"
    says: str = ""
    copies: int = 1
    tells_apart: bool = True
    leaks: float = 0.0
    """Requests counted as running, beyond those at work, that were told of."""

    def __post_init__(self) -> None:
        self.url = self.url or beside(self.stage.endpoint.url, PATH)
        self.says = self.says or f"the mock server's journal, {self.url}"

    async def rest(self) -> str:
        """Whether there is a journal of ours."""
        document = await self._document()
        if isinstance(document, str):
            return document
        self.leaks = _leaks(document) or 0.0
        return ""

    async def sees(self) -> bool:
        """Whether some marked request is at work, or waits for its turn behind what was left before."""
        document = await self._document()
        if isinstance(document, str):
            return False
        entries = (entry for entry in document["requests"] if isinstance(entry, dict) and entry.get("mark"))
        return any(entry.get("stopped_at") is None and entry.get("left") is not True for entry in entries)

    async def watch(self, left: Left) -> Watch:
        """Look until the server has stopped. Times count from when the connection was closed at the server's side."""
        trouble, entry, at = f"{self.url} has no request with the mark {left.mark}", None, 0.0
        for due in looking.times(left):
            await self.sleep(max(0.0, left.at + due - self.stage.clock()))
            at = self.stage.clock() - left.at
            document = await self._document(f"?mark={left.mark}")
            if isinstance(document, str):
                trouble = document
                continue
            entry = _entry(document, left.mark) or entry
            if entry is not None and _number(entry.get("stopped_at")) is not None:
                return _told(entry, at, await self._leaked())
        return Watch(observer=self.name, how=trouble) if entry is None else _told(entry, at, None)

    async def _leaked(self) -> float | None:
        """Requests counted as running beyond those at work, and not told of yet."""
        document = await self._document()
        if isinstance(document, str) or (now := _leaks(document)) is None:
            return None
        before, self.leaks = self.leaks, now
        return max(0.0, now - before)

    async def _document(self, query: str = "") -> Document | str:
        page = await fetch(self.stage, self.url + query, SIZE)
        if page.trouble:
            return page.trouble
        try:
            value = json.loads(page.text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict) and value.get("server") == SERVER and isinstance(value.get("requests"), list):
            return value
        return f"{page.url} is no journal of the mock server"


def _at_work(document: Document) -> list[Document]:
    """The requests that are worked on."""
    entries = [entry for entry in document["requests"] if isinstance(entry, dict)]
    return [e for e in entries if e.get("began") is not None and e.get("stopped_at") is None]


def _leaks(document: Document) -> float | None:
    """Requests counted as running beyond those at work; None where none are counted."""
    running = _number(document.get("running"))
    return None if running is None else max(0.0, running - len(_at_work(document)))


def _entry(document: Document, mark: str) -> Document | None:
    """The newest request with this mark."""
    entries = (entry for entry in reversed(document["requests"]) if isinstance(entry, dict))
    return next((entry for entry in entries if entry.get("mark") == mark), None)


def _told(entry: Document, at: float, leaked: float | None) -> Watch:
    """What the last entry says, read `at` seconds after the client left."""
    made, then = _number(entry.get("produced")), _number(entry.get("produced_at_leave"))
    produced = None if made is None or then is None else max(0.0, made - then)
    tokens = "" if produced is None else f", {produced:g} tokens later"
    left_at, stopped_at = _number(entry.get("left_at")), _number(entry.get("stopped_at"))
    if stopped_at is None:
        how = f"the journal has the request at work {at:.2f} s after its client left{tokens}"
        return Watch(observer="journal", how=how, stopped=False, by=at, since=at, produced=produced)
    by = at if left_at is None else max(0.0, stopped_at - left_at)
    if entry.get("ended") is True and produced:
        how = f"the journal has the answer made to its end {by:.2f} s after its client left{tokens}"
        return Watch(observer="journal", how=f"{how}: that proves nothing, ask for a longer one", produced=produced)
    still = f", and {leaked:g} counted as running though nothing is made for it" if leaked else ""
    how = f"the journal has the request stopped {by:.2f} s after its client left{tokens}{still}"
    return Watch(observer="journal", how=how, stopped=True, by=by, since=by, produced=produced, leaked=leaked)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
