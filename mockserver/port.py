"""A port at which connections are received. Knows no request: it is opened, and closed with all that is still open."""

import errno
import logging
import socket
from collections.abc import Callable
from typing import Any

from aiohttp import web

from .reception import Reception

HTTP_LOG = logging.getLogger("mockserver.http")
HTTP_LOG.setLevel(logging.CRITICAL)  # a client that speaks no HTTP is answered 400; aiohttp adds a traceback
GRACE = 0.05
"""Seconds that aiohttp gives each connection in the end: what was at work has been ended before."""

IDLE = 3630.0
"""Seconds: an hour and a half minute, as aiohttp has it."""


class Port:
    """Where `handle` is called for each request, and cancelled when its client leaves. Lives in one event loop."""

    def __init__(self, handle: Callable[..., Any], host: str, port: int | None, idle: float = IDLE) -> None:
        """With port None there is no socket: connections are those that `reception` is called for.

        A connection on which no request has come for `idle` seconds, or no whole head of one, is closed.
        """
        self._host, self._port = host, port
        self._idle = idle
        self._handle = handle
        self._runner: web.ServerRunner | None = None
        self.reception: Reception | None = None

    async def open(self, *, shared: bool = False) -> str:
        """Listen, and the URL without a path. `shared` lets other processes listen there too.

        Raises OSError, with what is wrong, where that port cannot be had.
        """
        self.reception = Reception(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            logger=HTTP_LOG,
            keepalive_timeout=self._idle,
        )
        self._runner = web.ServerRunner(self.reception, shutdown_timeout=GRACE)
        await self._runner.setup()
        if self._port is None:
            return "http://in-memory"
        try:
            await web.TCPSite(self._runner, self._host, self._port, reuse_port=shared).start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            raise cannot_listen(error, self._host, self._port) from None
        return url_of(self._runner.addresses[0])

    async def close(self) -> None:
        """Be gone: what is still open is torn down. Harmless where it was never open."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self.reception is not None:
            await self.reception.tear_down()


def url_of(listening: Any) -> str:
    """The URL, without a path, of the address of a listening socket: host, port and what IPv6 adds."""
    host, port = listening[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def why_not_at(host: str, port: int) -> str | None:
    """Why nobody can listen there; None where one can, as far as can be seen before."""
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET):
            return None
    except OSError as error:
        return cannot_listen(error, host, port).strerror


def cannot_listen(error: OSError | OverflowError, host: str, port: int | None) -> OSError:
    """Why no connection can be received there, and what to do about it."""
    code = error.errno if isinstance(error, OSError) else errno.EINVAL
    if code == errno.EADDRINUSE:
        return OSError(code, f"port {port} on {host} is in use; choose another one, or 0 for a free one")
    why = error.strerror if isinstance(error, OSError) else error
    return OSError(code, f"cannot listen on {host} port {port}: {why}")
