"""Gateways in memory, each with its own faults: HTTP in front, HTTP behind, and what is done to what passes through."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11

from conformance.gateway.running import Choice, GatewayReport, run_gateway
from conformance.probes.connection import Connection
from conformance.probes.endpoint import Endpoint, Limits
from conformance.simulation import link, simulate
from conformance.wire.decoder import Decoder
from conformance.wire.events import Message
from mockserver.upstream import Upstream

DONE = b"data: [DONE]\n\n"
Headers = list[tuple[bytes, bytes]]
Chunk = dict[str, Any]


def same(value: Any) -> Any:
    return value


@dataclass
class Ways:
    """What a gateway does otherwise than pass everything on as it comes."""

    request: Callable[[Chunk], Chunk] = same
    head: Callable[[int, Headers], tuple[int, Headers]] = lambda status, headers: (status, headers)
    chunk: Any = None
    """Given each chunk, those that are sent instead; None breaks the connection. Events are then written anew. A class
    is made anew for each stream."""
    reads: Callable[[bytes], list[bytes]] | None = None
    """Given all bytes of a stream, its events; instead of a proper SSE decoder."""
    document: Callable[[bytes], bytes] = same
    at_end: Callable[["Back"], bytes] = lambda _: b""
    """What is sent behind the upstream's last event."""
    hides_cuts: bool = False
    tells_cuts: bytes = b""
    delivery: str = "each"
    """"each", "whole", "head" (held until the first event) or seconds."""
    stops: str = "at once"
    """"at once", "write", "never", "headed" (only after the head) or seconds."""
    half_closes: str = ""
    """The same for a client that leaves by FIN, where that is another."""
    alone: tuple[int, bytes] | None = None
    """Status and body, without the upstream."""
    hostile: Callable[[asyncio.Transport], Coroutine[Any, Any, None]] | None = None
    twice: bool = False
    lag: float = 0.0
    """Seconds by which each piece is later."""
    gap: float = 0.0
    """Seconds between two pieces, at least."""
    ends: bool = True
    leaves_early: bool = False
    """It hangs up on the upstream, and ends the answer in order, where `chunk` gives None."""
    spills: bool = False
    """What is held at the end is lost."""
    spoils_framing: bool = False
    busy: float = 0.0
    """Seconds before a request is passed on."""


class Front(asyncio.Protocol):
    """The side that the client sees."""

    def __init__(self, ways: Ways, upstream: Upstream) -> None:
        self.ways, self.upstream = ways, upstream
        self.parser = h11.Connection(h11.SERVER)
        self.body = b""
        self.gone = False
        self.stops = ways.stops
        self.back: Back | None = None
        self.tasks: list[asyncio.Task[None]] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.receive_data(data)
        while True:
            event = self.parser.next_event()
            if isinstance(event, h11.Request):
                self.asked = event
            elif isinstance(event, h11.Data):
                self.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                if self.ways.busy:
                    asyncio.get_running_loop().call_later(self.ways.busy, self.forward)
                else:
                    self.forward()
            else:
                return

    def forward(self) -> None:
        if self.ways.hostile is not None:
            self.tasks.append(asyncio.create_task(self.ways.hostile(self.transport)))
            return
        if self.ways.alone is not None:
            status, body = self.ways.alone
            self.send_head(status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))])
            self.transport.write(body)
            self.transport.close()
            return
        try:
            body = json.dumps(self.ways.request(json.loads(self.body))).encode()
        except ValueError:
            body = self.body
        headers = [(k, v) for k, v in self.asked.headers if k not in (b"content-length", b"host")]
        sent = b"POST %s HTTP/1.1\r\nhost: up\r\ncontent-length: %d\r\n" % (self.asked.target, len(body))
        sent += b"".join(b"%s: %s\r\n" % pair for pair in headers) + b"\r\n" + body
        if self.ways.twice:
            link(first := Back(Front(Ways(), self.upstream)), self.upstream.accept())
            first.front.transport = asyncio.Transport()
            first.front.gone = True
            first.transport.write(sent)
        self.back = Back(self)
        link(self.back, self.upstream.accept())
        self.back.transport.write(sent)

    def send_head(self, status: int, headers: Headers) -> None:
        lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
        self.transport.write(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, lines))

    def eof_received(self) -> None:
        self.leave(self.ways.half_closes or self.ways.stops)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave(self.ways.stops)

    def leave(self, stops: str) -> None:
        if self.gone:
            return
        self.gone, self.stops, back = True, stops, self.back
        if back is None or stops in ("write", "never") or (stops == "headed" and not back.headed):
            return
        if stops in ("at once", "headed"):
            back.transport.close()
        else:
            asyncio.get_running_loop().call_later(float(stops), back.transport.close)


class Back(asyncio.Protocol):
    """The side that the upstream sees."""

    def __init__(self, front: Front) -> None:
        self.front, self.ways = front, front.ways
        self.parser = h11.Connection(h11.CLIENT)
        self.parser.send(h11.Request(method="POST", target="/", headers=[("host", "up")]))
        self.parser.send(h11.EndOfMessage())
        self.decoder = Decoder()
        self.chunk = self.ways.chunk() if isinstance(self.ways.chunk, type) else self.ways.chunk
        self.headed = self.over = self.stream = self.spoilt = False
        self.free_at = 0.0
        self.raw = b""
        self.pending: list[bytes] = []
        self.seen: list[Chunk | str] = []
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.front.gone and self.front.stops in ("write", "headed"):
            self.transport.close()
            return
        self.parser.receive_data(data)
        self.advance()

    def advance(self) -> None:
        while not self.over:
            try:
                event = self.parser.next_event()
            except h11.RemoteProtocolError:
                self.finish(cut=True)
                return
            if isinstance(event, h11.Response):
                self.take_head(event)
            elif isinstance(event, h11.Data):
                self.take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self.finish(cut=False)
            else:
                return

    def take_head(self, event: h11.Response) -> None:
        self.headed = True
        headers = [(k, v) for k, v in event.headers if k not in (b"content-length", b"transfer-encoding")]
        status, headers = self.ways.head(event.status_code, headers)
        self.stream = any(k == b"transfer-encoding" for k, _ in event.headers)
        lines = b"".join(b"%s: %s\r\n" % pair for pair in [*headers, (b"transfer-encoding", b"chunked")])
        self.out(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, lines), head=True)

    def take(self, data: bytes) -> None:
        self.raw += data
        if not self.stream:
            return
        if self.ways.reads is not None:
            return
        if self.chunk is None:
            self.body(data)
            return
        for event in self.decoder.feed(data):
            if isinstance(event, Message):
                self.rewrite(event.data)

    def rewrite(self, text: str) -> None:
        try:
            value = json.loads(text)
        except ValueError:
            self.seen.append(text)
            if not (text == "[DONE]" and self.spoilt):
                self.body(b"data: %s\n\n" % text.encode())
            return
        self.seen.append(value)
        assert self.chunk is not None
        chunks = self.chunk(value)
        if chunks is None:
            self.over = True
            if self.ways.leaves_early:
                self.out(b"0\r\n\r\n")
                self.transport.close()
            self.front.transport.close()
            return
        for chunk in chunks:
            self.body(b"data: %s\n\n" % json.dumps(chunk).encode())

    def body(self, data: bytes) -> None:
        if data:
            self.out(b"%x\r\n%s\r\n" % (len(data), data))

    def out(self, data: bytes, *, head: bool = False) -> None:
        if self.front.gone:
            return
        delivery = self.ways.delivery
        if self.ways.lag or self.ways.gap:
            loop = asyncio.get_running_loop()
            self.free_at = max(loop.time() + self.ways.lag, self.free_at + self.ways.gap)
            loop.call_at(self.free_at, self.front.transport.write, data)
        elif delivery == "each" or (delivery == "head" and not head):
            self.flush()
            self.front.transport.write(data)
        else:
            self.hold(data, delivery)

    def hold(self, data: bytes, delivery: str) -> None:
        self.pending.append(data)
        if delivery not in ("whole", "head") and self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(float(delivery), self.flush)

    def flush(self) -> None:
        self.timer = None
        if self.pending and not self.front.gone:
            self.front.transport.write(b"".join(self.pending))
        self.pending.clear()

    def finish(self, *, cut: bool) -> None:
        if self.over or not self.ways.ends:
            return
        self.over = True
        if self.headed:
            self.rest()
            if not self.stream:
                self.body(self.ways.document(self.raw))
            self.end(cut=cut)
            if self.ways.spills:
                self.pending.clear()
            self.flush()
        if not self.front.gone:
            asyncio.get_running_loop().call_at(self.free_at + 0.001, self.front.transport.close)

    def rest(self) -> None:
        """What was not sent while it came."""
        if self.chunk is not None:
            for event in self.decoder.close():
                if isinstance(event, Message):
                    self.rewrite(event.data)
        if self.ways.reads is not None and self.stream:
            for piece in self.ways.reads(self.raw):
                self.body(piece)

    def end(self, *, cut: bool) -> None:
        if cut and not (self.ways.hides_cuts or self.ways.tells_cuts):
            return
        if self.stream:
            self.body(self.ways.tells_cuts if cut else b"")
            self.body(self.ways.at_end(self))
        self.out(b"0\r\n\r\n" if not self.ways.spoils_framing else b"zz\r\n\r\n")

    def eof_received(self) -> None:
        self.parser.receive_data(b"")
        self.advance()
        self.finish(cut=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish(cut=True)


@dataclass
class Tried:
    report: GatewayReport
    seconds: float
    upstream: Upstream
    names: dict[str, set[str]] = field(default_factory=dict)


def run(
    ways: Ways | None,
    *only: str,
    limits: Limits | None = None,
    deadline: float = 5.0,
    after_check: Ways | None = None,
    wait: float = 0.0,
    record_to: Path | None = None,
    at_start: Callable[[asyncio.AbstractEventLoop], object] = lambda _: None,
) -> Tried:
    """A run in memory and virtual time; without `ways` the client talks to the upstream itself.

    `after_check` are the ways of every request but the first, by which it is seen whether anything comes through.
    """

    async def main() -> Tried:
        loop = asyncio.get_running_loop()
        count = 0
        at_start(loop)
        async with Upstream(loop.time, "m", port=None) as upstream:

            async def dial(_: Endpoint, clock: Callable[[], float]) -> Connection:
                connection = Connection(clock)
                nonlocal count
                count += 1
                own = after_check if after_check is not None and count > 1 else ways
                link(connection, upstream.accept() if own is None else Front(own, upstream))
                return connection

            endpoint = Endpoint(url="http://gw/v1", model="m", limits=limits or Limits(exchange_s=10, head_s=10))
            choice = Choice.of(only, deadline)
            report = await run_gateway(
                endpoint, upstream, choice=choice, clock=loop.time, dial=dial, wait=wait, record_to=record_to
            )
            tried = Tried(report, loop.time(), upstream)
            tried.names = {
                result.situation.name: {change.sort.name for change in result.changes} for result in report.results
            }
            return tried

    return simulate(main())
