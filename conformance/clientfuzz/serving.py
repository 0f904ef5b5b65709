"""Cases on a port: each under its own base URL, many at once, played as the mock plays. Judges nothing.

`/c/NUMBER/v1` is the base URL of one visit. What is asked for below it does not matter: a POST gets the case, a GET of
models a list, so that clients that look first are content.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

from conformance.protocols.credentials import without_credentials
from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Framing, Send
from mockserver import intake
from mockserver.answering import read_body
from mockserver.journal import Entry
from mockserver.play import Played, for_this_client, play
from mockserver.reception import Reception, left_by

LOG = logging.getLogger("mockserver.http")
GRACE = 0.05
"""Seconds for open connections when the server stops."""
MODEL = "mock"
MODELS = {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "streamspec"}]}
BODY_KEPT = 64 * 1024
"""Bytes of a request body that are kept."""


@dataclass(slots=True)
class Visit:
    """One case under its own base URL."""

    number: int
    url: str
    answer: Answer
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """The client has sent its request."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """All has been sent, or the client has left."""
    requests: list[Request] = field(default_factory=list)
    played: Answer | None = None
    """As it went out to this client."""
    left: str = ""
    """How the client left before the end: "fin" or "rst"."""
    reported: bytes | None = None
    """What the client posted to /c/NUMBER/report."""


class CaseServer:
    """Plays cases. Lives in one event loop."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self._visits: dict[str, Visit] = {}
        self._count = 0
        self._runner: web.ServerRunner | None = None
        self._server: Reception | None = None
        self._plays: set[asyncio.Task[object]] = set()
        self.url = ""
        """Without a path."""

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError."""
        self._server = Reception(self._handle, handler_cancellation=True, access_log=None, logger=LOG)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=GRACE)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: open streams are broken off."""
        for task in self._plays:
            task.cancel()
        await asyncio.gather(*self._plays, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._server is not None:
            await self._server.tear_down()

    def open(self, answer: Answer) -> Visit:
        """Give an answer a base URL of its own."""
        self._count += 1
        visit = Visit(self._count, f"{self.url}/c/{self._count}/v1", answer)
        self._visits[str(self._count)] = visit
        return visit

    def close(self, visit: Visit) -> None:
        """Nobody is served there any more."""
        self._visits.pop(str(visit.number), None)

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
        parts = request.path.split("/")
        visit = self._visits.get(parts[2]) if len(parts) > 2 and parts[1] == "c" else None
        if visit is None:
            return await _plainly(request, _document(404, {"error": {"message": "no such case", "code": None}}))
        if parts[3:] == ["report"]:
            visit.reported = raw
            visit.over.set()
            return await _plainly(request, _document(200, {"reported": True}))
        if request.method != "POST":
            return await _plainly(request, _document(200, MODELS))
        return await self._visited(request, raw, visit)

    async def _visited(self, request: web.BaseRequest, raw: bytes, visit: Visit) -> web.StreamResponse:
        answer = for_this_client(request, visit.answer)
        headers = without_credentials(tuple(request.headers.items()))
        url = f"{self.url}{request.rel_url.raw_path}"
        body = read_body(raw) if raw and len(raw) <= BODY_KEPT else None
        visit.requests.append(Request(request.method, url, headers, body))
        visit.played = answer
        visit.asked.set()
        try:
            return await play(request, answer, Entry(0, "", ""), asyncio.sleep)
        except (ConnectionError, asyncio.CancelledError):
            visit.left = left_by(request)
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            visit.over.set()


async def _plainly(request: web.BaseRequest, answer: Answer) -> Played:
    return await play(request, answer, Entry(0, "", ""), asyncio.sleep)


def _document(status: int, value: object) -> Answer:
    headers = (("content-type", "application/json"),)
    return Answer(status, headers, (Send(json.dumps(value).encode()),), Framing.LENGTH)
