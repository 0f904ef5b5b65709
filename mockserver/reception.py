"""Connections of the mock server that remember how their client left. Knows no request."""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

FIN, RST = "fin", "rst"
TURNS = 3
"""Rounds of the event loop from a socket that is accepted, or torn down, to the end of that."""


class Door(RequestHandler):
    """A connection."""

    __slots__ = ("leave", "left_by", "way")

    way: asyncio.BaseTransport
    """Its transport, also when the connection is being closed."""

    leave: Callable[[str], None] | None
    """Told at once how the client left, while a request of this connection is worked on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nobody has left."""
        self.left_by = ""
        self.leave = None
        self.way = transport
        super().connection_made(transport)

    def eof_received(self) -> None:
        """The client has closed its half, or both: to us it has left.

        What still waits to be written is dropped, as asyncio would tell us of the end only after it.
        """
        self.left_by = FIN
        if self.leave is not None:
            self.leave(FIN)
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Writing to a client that has closed fails too, by another error than a reset."""
        if not self.left_by:
            self.left_by = RST if isinstance(exc, ConnectionResetError) else FIN
            if self.leave is not None:
                self.leave(self.left_by)
        if isinstance(self._manager, Reception):
            self._manager.forget(self.way)
        super().connection_lost(exc)


class Reception(web.Server):
    """Makes a Door for each connection, and knows which are open."""

    def __init__(self, handler: Callable[..., Any], **options: Any) -> None:
        super().__init__(handler, **options)
        self._open: set[asyncio.BaseTransport] = set()

    def __call__(self) -> RequestHandler:
        """Called by asyncio."""
        return Door(self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Called by the Door."""
        self._open.add(transport)
        super().connection_made(handler, transport)

    def forget(self, transport: asyncio.BaseTransport) -> None:
        """That connection is gone."""
        self._open.discard(transport)

    async def tear_down(self) -> None:
        """Tear down what is still open: a connection whose client reads nothing would stay so for ever."""
        await self._turns()  # what was accepted a moment ago becomes a connection
        for transport in tuple(self._open):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        await self._turns()  # asyncio closes the sockets

    @staticmethod
    async def _turns() -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)


def left_by(request: web.BaseRequest) -> str:
    """How the client of a request left: "fin" or "rst"."""
    return (request.protocol.left_by or FIN) if isinstance(request.protocol, Door) else FIN


def hang_up(request: web.BaseRequest) -> None:
    """Close the connection of a request at once; what still waits to be written is dropped."""
    if request.transport is not None:
        request.transport.abort()
