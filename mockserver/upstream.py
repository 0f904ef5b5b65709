"""An upstream for a gateway under test: plays what is planned for a marked request, and notes every byte and every end.

Unlike the mock server it minds the connection itself, because when a peer's FIN or RST comes is what it is there to
tell. Knows no situation, no client and no verdict.
"""

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, cast

import h11

from conformance.protocols.credentials import without_credentials
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Reset, Send, Wait

from . import answering, routes
from .answering import Settings
from .port import url_of

MARK = "x-streamspec-mark"
IN_TEXT = re.compile(rb"streamspec-mark-([0-9a-f]{12})")
"""How a mark stands in the text of a message: gateways drop headers, but not what the user says."""
ASKED = "/chat/completions"
BODY_MAXIMUM = 8 * 1024 * 1024
KEPT_PER_MARK = 20
"""Requests with the same mark that are noted; a gateway that retries for ever is answered, and no more."""
KEPT_STRANGERS = 50
AHEAD = 1024 * 1024
"""Bytes that may come while an answer is being sent."""
CONNECTIONS = 500
"""At the same time; a further one is closed at once."""
DELIVERY = 0.05
"""Seconds for the last bytes to be read before a reset overtakes them."""
ABORT = struct.pack("ii", 1, 0)

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is answered."""

    answer: Answer
    cut: bool = False
    """The connection is closed by FIN where the framing promises more."""
    before: float = 0.0
    """Seconds before the head."""


@dataclass(slots=True, kw_only=True)
class Served:
    """One request that came through the gateway, and what was sent in return. Times are of the shared clock."""

    mark: str
    request: Request
    """Credentials left out."""
    version: str
    """Of HTTP, as the gateway speaks it: "1.0" or "1.1"."""
    at: float
    plan: Plan
    writes: list[tuple[float, bytes]] = field(default_factory=list)
    """Every write, framing included; the first is the head, unless there is none."""
    planned: tuple[bytes, ...] = ()
    """Every write that there is to be, framing included."""
    ended_at: float | None = None
    """When all had been sent."""
    left_at: float | None = None
    """When the gateway was seen to leave before that."""
    left_by: str = ""
    """"fin" or "rst"."""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def writes_after(self, at: float) -> int:
        """Events that were sent after a moment."""
        return sum(1 for position, (when, _) in enumerate(self.writes) if position and when > at)


Respond = Callable[[Request], Plan]


class Upstream:
    """Listens, or is given transports by `accept()`; answers a request by what `expect` said of its mark."""

    def __init__(self, clock: Clock, model: str, host: str = "127.0.0.1", port: int | None = 0) -> None:
        """With port None there is no socket."""
        self.clock = clock
        self.url = "http://in-memory/v1"
        self.strangers: list[Served] = []
        """Requests without a mark of ours."""
        self._settings = Settings(models=(model,))
        self._host = host
        self._port = port
        self._plans: dict[str, Respond] = {}
        self._served: dict[str, list[Served]] = {}
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError where that address cannot be had."""
        if self._port is not None:
            self._server = await asyncio.get_running_loop().create_server(self.accept, self._host, self._port)
            self.url = f"{url_of(self._server.sockets[0].getsockname())}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop: what is still played is broken off."""
        if self._server is not None:
            self._server.close()
        tasks = [line.task for line in self._lines if line.task is not None]
        for line in list(self._lines):
            line.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    def accept(self) -> asyncio.Protocol:
        """Our side of a new connection."""
        line = _Line(self)
        self._lines.add(line)
        return line

    @property
    def full(self) -> bool:
        """No further connection is taken."""
        return len(self._lines) > CONNECTIONS

    def expect(self, mark: str, respond: Respond) -> None:
        """A request with this mark will come, and is to be answered so."""
        self._plans[mark] = respond
        self._served[mark] = []

    def served(self, mark: str) -> tuple[Served, ...]:
        """The requests with this mark that have come, in their order."""
        return tuple(self._served.get(mark, ()))

    async def departure(self, mark: str, until: float) -> None:
        """Wait until nothing is being sent for this mark any more."""
        for served in self._served.get(mark, ()):
            try:
                async with asyncio.timeout(max(0.0, until - self.clock())):
                    await served.over.wait()
            except TimeoutError:
                return

    def drop(self, mark: str) -> None:
        """Break off whatever is still being sent for this mark; what comes late for it is refused."""
        self._plans[mark] = _too_late
        for line in list(self._lines):
            if line.serving is not None and line.serving.mark == mark:
                line.abort()

    def open(self, request: Request, raw: bytes, version: str) -> Served:
        """A request has come: what is to be answered, and where that is noted."""
        found = [match.group(1).decode() for match in IN_TEXT.finditer(raw)] + [request.header(MARK) or ""]
        if not request.path.endswith(ASKED):
            found = []  # a router that has the text tokenised first, say
        mark = next((mark for mark in found if mark in self._plans), "")
        plan = self._plans[mark](request) if mark else self._to_stranger(request)
        served = Served(mark=mark, request=request, version=version, at=self.clock(), plan=plan)
        kept, limit = (self._served[mark], KEPT_PER_MARK) if mark else (self.strangers, KEPT_STRANGERS)
        if len(kept) < limit:
            kept.append(served)
        return served

    def closed(self, line: "_Line") -> None:
        """A connection is gone."""
        self._lines.discard(line)

    def _to_stranger(self, request: Request) -> Plan:
        """Health checks and lists of models that a gateway asks for by itself."""
        path = request.path if request.path.startswith(("/v1/", routes.HEALTH)) else f"/v1{request.path}"
        return Plan(routes.respond(replace(request, url=f"http://upstream{path}"), self._settings))


def _too_late(_: Request) -> Plan:
    return Plan(answering.refusal(503, "Whoever asked for this has gone."))


class _Line(asyncio.Protocol):
    """One connection from the gateway; its requests one after another."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._transport: asyncio.Transport | None = None
        self._parser = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self.task: asyncio.Task[None] | None = None
        self.serving: Served | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        if self._upstream.full:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        try:
            self._parser.receive_data(data)
            if self.serving is not None and len(self._parser.trailing_data[0]) > AHEAD:
                self.abort()
            self._advance()
        except h11.RemoteProtocolError:
            self.abort()

    def eof_received(self) -> None:
        """Called by asyncio: a FIN. Nobody sends one who still wants an answer, so it is a client that has left."""
        self._gone("fin")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._gone("rst" if exc is not None else "fin")
        self._writable.set()
        self._upstream.closed(self)

    def pause_writing(self) -> None:
        """Called by asyncio: the gateway does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._writable.set()

    def abort(self) -> None:
        """Tear the connection down."""
        if self.serving is not None:
            self.serving.over.set()
            self.serving = None
        if self.task is not None:
            self.task.cancel()
        if self._transport is not None:
            if (sock := self._transport.get_extra_info("socket")) is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self._transport.abort()

    def _gone(self, how: str) -> None:
        if self.serving is not None and self.serving.left_at is None:
            self.serving.left_at, self.serving.left_by = self._upstream.clock(), how
            self.serving.over.set()
        if self.task is not None:
            self.task.cancel()

    def _advance(self) -> None:
        """Read on to the end of a request; while one is being answered, the next has to wait."""
        while self.serving is None:
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head = event
                if self._parser.they_are_waiting_for_100_continue and self._transport is not None:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > BODY_MAXIMUM:
                    self.abort()
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            else:
                return

    def _answer(self) -> None:
        assert self._head is not None
        raw, self._body = bytes(self._body), bytearray()
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in self._head.headers.raw_items())
        target = self._head.target.decode("latin-1")
        url = target if "://" in target else f"{self._upstream.url.removesuffix('/v1')}{target}"
        request = Request(
            self._head.method.decode("latin-1"),
            url,
            without_credentials(headers),
            answering.read_body(raw) if raw else None,
        )
        version = self._head.http_version.decode("latin-1")
        keeps = version == "1.1" and "close" not in (request.header("connection") or "").lower()
        self.serving = self._upstream.open(request, raw, version)
        self.task = asyncio.create_task(self._play(self.serving, keeps=keeps))

    async def _play(self, served: Served, *, keeps: bool) -> None:
        answer, cut = served.plan.answer, served.plan.cut
        if served.version == "1.0" and answer.framing is Framing.CHUNKED:
            answer = replace(answer, framing=Framing.CLOSE)
        script = encoder.on_the_wire(answer)
        if cut and answer.framing is Framing.CHUNKED:
            script = script[:-1]  # without the last chunk
        served.planned = tuple(act.data for act in script if isinstance(act, Send))
        if served.plan.before:
            await asyncio.sleep(served.plan.before)
        for act in script:
            match act:
                case Send(data):
                    await self._write(served, data)
                case Wait(seconds):
                    await asyncio.sleep(seconds)
                case Reset():
                    await asyncio.sleep(DELIVERY)
                    served.ended_at = self._upstream.clock()
                    self.abort()
                    return
        served.ended_at = self._upstream.clock()
        served.over.set()
        self.serving = self.task = None
        if cut or not keeps or answer.framing is Framing.CLOSE:
            self._close()
        else:
            self._next()

    async def _write(self, served: Served, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            served.writes.append((self._upstream.clock(), data))
            self._transport.write(data)
        await asyncio.sleep(0)
        await self._writable.wait()

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        """The next request on this connection."""
        rest, _ = self._parser.trailing_data
        self._parser = h11.Connection(h11.SERVER)
        self._head = None
        if rest:
            self.data_received(rest)
