"""Connections of the mock server that remember how their client left. Knows no request."""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

FIN, RST = "fin", "rst"


class Door(RequestHandler):
    """A connection."""

    __slots__ = ("leave", "left_by")

    leave: Callable[[str], None] | None
    """Told at once how the client left, while a request of this connection is worked on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Nobody has left."""
        self.left_by = ""
        self.leave = None
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
        super().connection_lost(exc)


class Reception(web.Server):
    """Makes a Door for each connection."""

    def __call__(self) -> RequestHandler:
        """Called by asyncio."""
        return Door(self, loop=self._loop, **self._kwargs)


def left_by(request: web.BaseRequest) -> str:
    """How the client of a request left: "fin" or "rst"."""
    return (request.protocol.left_by or FIN) if isinstance(request.protocol, Door) else FIN
