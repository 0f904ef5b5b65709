"""A server that plays literal bytes on a real socket, and one exchange with it. Knows no rule."""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import pytest

from conformance.probes.connection import By, connect
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.recorder import record
from conformance.protocols.exchange import Exchange, Request

Act = bytes | float | str
"""Bytes are sent, a number is waited for in seconds, "fin" and "rst" close the connection, "hang" does nothing more."""

LIMITS = Limits(connect_s=5, head_s=5, exchange_s=5, linger_s=0.02)
KEY = "sk-very-secret-0123456789"


@dataclass
class Peer:
    """Plays its first act list to the first request, the second to the second, the last to all others."""

    plays: tuple[Iterable[Act], ...]
    tls: ssl.SSLContext | None = None
    requests: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    """Number of the connection, head, body."""
    left: list[str] = field(default_factory=list)
    """How the client left each connection: "fin" or "rst"."""
    connections: int = 0
    hangs: bool = False

    async def __aenter__(self) -> Self:
        self.tasks: set[asyncio.Task[None]] = set()
        self.server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self.tls)
        self.port: int = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def until(self, fact: Callable[[], object]) -> None:
        """Wait for something to show on the server's side, for two seconds at most."""
        for _ in range(1000):
            if fact():
                return
            await asyncio.sleep(0.002)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append((number, head, await _body(head.lower(), reader)))
                for act in self.plays[min(len(self.requests), len(self.plays)) - 1]:
                    if not await self._act(act, writer):
                        return
        except asyncio.IncompleteReadError:
            self.left.append("fin")
        except ConnectionResetError:
            self.left.append("rst")
        finally:
            writer.close()

    async def _act(self, act: Act, writer: asyncio.StreamWriter) -> bool:
        if isinstance(act, bytes):
            writer.write(act)
            await writer.drain()
        elif isinstance(act, float):
            await asyncio.sleep(act)
        elif act == "hang":
            self.hangs = True
            await asyncio.Event().wait()
        elif act == "fin":
            return False
        else:
            await asyncio.sleep(0.02)  # what was sent shall arrive before the reset
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        return True


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """The body of a request, as it was sent."""
    if b"transfer-encoding: chunked" in head:
        return await reader.readuntil(b"\r\n0\r\n\r\n")
    lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(sum(lengths))


@dataclass
class Asked:
    exchange: Exchange
    peer: Peer


def _endpoint(peer: Peer, **members: Any) -> Endpoint:
    scheme = "https" if peer.tls else "http"
    return Endpoint(
        **{"url": f"{scheme}://127.0.0.1:{peer.port}/v1", "model": "m", "key": KEY, "limits": LIMITS, **members}
    )


@pytest.fixture
def peer() -> type[Peer]:
    return Peer


@pytest.fixture
def endpoint() -> Callable[..., Endpoint]:
    """The endpoint that a peer is, with limits fit for tests."""
    return _endpoint


@pytest.fixture
def ask() -> Callable[..., Asked]:
    """Send one request to a peer that plays these acts."""

    def run(*acts: Act, limits: Limits = LIMITS, clock: Callable[[], float] = time.monotonic, **how: Any) -> Asked:
        return asyncio.run(_ask(acts, limits, clock, how))

    return run


async def _ask(acts: Iterable[Act], limits: Limits, clock: Callable[[], float], how: dict[str, Any]) -> Asked:
    endless = how.pop("endless", None)
    async with Peer((endless if endless is not None else acts,)) as server:
        where = _endpoint(server, limits=limits)
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        request = Request("POST", f"{where.url}/chat/completions", (), body)
        connection = await connect(where, clock)
        try:
            exchange = await record(connection, where, request, **how)
        finally:
            connection.leave(By.FIN)
            await connection.closed()
        await server.until(lambda: server.left or server.hangs or all(task.done() for task in server.tasks))
        return Asked(exchange, server)
