"""Cases on a port: each under its own base URL, many at once, played as the mock plays. Judges nothing.

`/case/NUMBER/v1` is the base URL of one visit. What is asked for below it does not matter: a POST gets the case, a GET
of models a list, so that clients that look first are content. A desk answers what is asked beside the cases.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from aiohttp import web

from conformance.protocols.credentials import without_credentials
from conformance.protocols.exchange import Request
from conformance.wire.script import Act, Answer, Wait
from mockserver import intake
from mockserver.answering import read_body
from mockserver.journal import Entry
from mockserver.play import Played, for_this_client, play
from mockserver.port import Port
from mockserver.reception import hang_up, left_by

from .contract import Report
from .streams import document

MODEL = "mock"
MODELS = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "streamspec"}]}
BODY_KEPT = 64 * 1024
"""Bytes of a request body that are kept."""
REQUESTS_KEPT = 100
"""Of one visit; more are answered, and not counted."""
CASE = re.compile(r"/case/(?:(?P<number>\d+)|(?P<name>.+?)(?=/v1(?:/|$)|/report$))(?:/(?P<rest>.*))?", re.DOTALL)
"""A visit by its number, or by its name, which may have slashes in it."""
STEPS, SPREAD = 20, 0.1
"""How often an answer that is played slowly waits at most, and the seconds that makes: enough to see who leaves."""


@dataclass(slots=True)
class Visit:
    """One case under its own base URL."""

    number: int
    url: str
    answer: Answer
    name: str = ""
    """Another name for the number."""
    patience: float | None = None
    """Seconds after which a client that is still there hangs; None where somebody else looks to that."""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """The client has sent its request."""
    requests: list[Request] = field(default_factory=list)
    played: Answer | None = None
    """As it went out to this client."""
    sent: int = 0
    """Bytes that went out for its last request, head and framing included, those that are on their way not counted."""
    ended: bool = False
    """All has been sent."""
    left: str = ""
    """How the client left before the end: "fin" or "rst"."""
    hung: bool = False
    """It was still there when its time was over, and had reported nothing."""
    report: Report | None = None
    """What it posted to the desk."""


class Desk(Protocol):
    """Answers what is asked beside the cases."""

    def answer(self, request: web.BaseRequest, raw: bytes, visit: Visit | None, rest: str) -> Answer | None:
        """What to answer; None where a case is to be played. `rest` is what is asked for below the visit."""

    def dressed(self, request: web.BaseRequest, answer: Answer) -> Answer:
        """An answer with the headers that whoever asks needs."""

    def answered(self, request: web.BaseRequest) -> None:
        """An answer of the desk has gone out."""


class CaseServer:
    """Plays cases. Lives in one event loop."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, desk: Desk | None = None) -> None:
        self._desk = desk
        self._visits: dict[str, Visit] = {}
        self._count = 0
        self._at = Port(self._handle, host, port)
        self._plays: set[asyncio.Task[object]] = set()
        self.url = ""
        """Without a path."""

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError."""
        self.url = await self._at.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: open streams are broken off."""
        for task in self._plays:
            task.cancel()
        await asyncio.gather(*self._plays, return_exceptions=True)
        await self._at.close()

    def open(self, answer: Answer, name: str = "", patience: float | None = None) -> Visit:
        """Give an answer a base URL of its own, and another by its name."""
        self._count += 1
        visit = Visit(self._count, f"{self.url}/case/{self._count}/v1", answer, name, patience)
        self._visits[str(self._count)] = visit
        if name:
            self._visits[name] = visit
        return visit

    def close(self, visit: Visit) -> None:
        """Nobody is served there any more."""
        for key in (str(visit.number), visit.name):
            self._visits.pop(key, None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._plays.add(task)
        try:
            return await self._respond(request)
        except ConnectionError:
            return Played(keep=False)
        finally:
            self._plays.discard(task)

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await intake.read(request)
        if isinstance(raw, Answer):
            return await _plainly(request, raw)
        found = CASE.fullmatch(request.path)
        visit = self._visits.get(found["number"] or found["name"]) if found else None
        if self._desk is not None:
            said = self._desk.answer(request, raw, visit, (found["rest"] or "") if found else "")
            if said is not None:
                played = await _plainly(request, self._desk.dressed(request, said))
                self._desk.answered(request)
                return played
        if visit is None:
            answer = document(404, {"error": {"message": "no such case", "code": None}})
        elif request.method != "POST":
            answer = document(200, MODELS)
        else:
            return await self._visited(request, raw, visit)
        return await _plainly(request, self._desk.dressed(request, answer) if self._desk is not None else answer)

    async def _visited(self, request: web.BaseRequest, raw: bytes, visit: Visit) -> web.StreamResponse:
        dressed = self._desk.dressed(request, visit.answer) if self._desk is not None else visit.answer
        answer = for_this_client(request, dressed)
        if len(visit.requests) < REQUESTS_KEPT:
            headers = without_credentials(tuple(request.headers.items()))
            url = f"{self.url}{request.rel_url.raw_path}"
            body = read_body(raw) if raw and len(raw) <= BODY_KEPT and not visit.requests else None
            visit.requests.append(Request(request.method, url, headers, body))
        visit.played, visit.ended, visit.left = answer, False, ""
        visit.asked.set()
        entry = Entry(0, "", "")
        try:
            async with asyncio.timeout(visit.patience):
                carry = iter if visit.patience is None else _slowly
                return await play(request, answer, entry, asyncio.sleep, carry=carry)
        except TimeoutError:
            visit.hung = visit.report is None
            visit.left = ""
            hang_up(request)
            return Played(keep=False)
        except (ConnectionError, asyncio.CancelledError):
            visit.left = left_by(request)
            hang_up(request)
            raise
        finally:
            visit.sent, visit.ended = entry.sent, entry.ended


def _slowly(acts: Iterable[Act]) -> Iterator[Act]:
    """The same acts over a moment, so that who leaves before the end is seen to."""
    every = list(acts)
    stride = len(every) // STEPS + 1
    waits = (len(every) - 1) // stride
    for place, act in enumerate(every):
        if place and place % stride == 0:
            yield Wait(SPREAD / waits)
        yield act


async def _plainly(request: web.BaseRequest, answer: Answer) -> Played:
    return await play(request, answer, Entry(0, "", ""), asyncio.sleep)
