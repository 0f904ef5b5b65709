"""One TCP or TLS connection whose bytes are stamped the moment they come. Knows no HTTP and no credentials.

An `asyncio.Protocol` rather than streams: a StreamReader forgets what it holds when a reset arrives, and stamps
nothing.
"""

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, cast

from conformance.protocols.exchange import Ending
from conformance.protocols.finding import shorten

from .endpoint import Endpoint
from .pulse import Pulse

HELD = 256 * 1024
"""Bytes that wait to be read before the peer is made to wait."""
CLOSING_S = 0.5
"""For the last bytes, and TLS's close_notify, to go out."""
SMALL = 4096
"""Bytes that the system keeps for a client that has stopped reading, as few as it lets us have."""

Clock = Callable[[], float]


class Unreachable(Exception):  # noqa: N818 - a state of the target, in the words of its report
    """There is no connection to the target; the text says what to do."""


class By(Enum):
    """How a client leaves."""

    FIN = "fin"
    """It closes in order."""
    RST = "rst"
    """It tears the connection down, as a killed process with unread bytes does."""
    HALF = "half-close"
    """It closes its sending side alone, and goes on reading."""


class Connection(asyncio.Protocol):
    """What came in waits here, with the time it came at, until `receive` takes it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.pulse: Pulse | None = None
        """Says how late we are ourselves, where somebody set it."""
        self.late = 0.0
        """For how long what was received last may have lain there before it was stamped."""
        self._pieces: deque[tuple[float, float, bytes]] = deque()
        self._held = 0
        self._news = asyncio.Event()
        self._closed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._ended: Ending | None = None
        self._ended_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        late = self.pulse.late() if self.pulse is not None else 0.0
        self._pieces.append((self.clock(), late, data))
        self._held += len(data)
        if self._held > HELD and self._transport is not None:
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        """Called by asyncio."""
        self._end(Ending.EOF)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._end(Ending.EOF if exc is None else Ending.RESET)
        self._closed.set()

    def _end(self, ending: Ending) -> None:
        if self._ended is None:
            self._ended, self._ended_at = ending, self.clock()
        self._news.set()

    def send(self, data: bytes) -> None:
        """Hand bytes to the system; what becomes of them shows when reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def receive(self, until: float) -> tuple[float, bytes | Ending]:
        """The next bytes or the end, and when it came; TIMEOUT when the clock passes `until`."""
        while not self._pieces and self._ended is None:
            self._news.clear()
            left = until - self.clock()
            if left <= 0:
                return self.clock(), Ending.TIMEOUT
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                return self.clock(), Ending.TIMEOUT
        if not self._pieces:
            return self._ended_at, self._ended or Ending.EOF
        at, self.late, data = self._pieces.popleft()
        self._held -= len(data)
        if self._held <= HELD and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        return at, data

    def stop_reading(self) -> None:
        """Take nothing more from the system, for good: the peer's window closes. `receive` is not called any more."""
        if self._transport is None or self._transport.is_closing():
            return
        if (sock := self._transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        self._transport.pause_reading()

    def leave(self, by: By) -> None:
        """Close, now. A FIN goes out after what is still to be sent, a RST instead of it.

        HALF closes the sending side alone; over TLS, which has no such thing, it does nothing.
        """
        if self._transport is None:
            return
        if by is By.HALF:
            if self._transport.can_write_eof() and not self._transport.is_closing():
                self._transport.write_eof()
            return
        if by is By.FIN:
            self._transport.close()
            return
        if (sock := self._transport.get_extra_info("socket")) is not None:
            # linger on, for 0 seconds: close sends a RST
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    async def closed(self) -> None:
        """Wait until the socket is gone; a peer that drags its feet is not waited for."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await self._closed.wait()
        except TimeoutError:
            if self._transport is not None:
                self._transport.abort()


async def connect(endpoint: Endpoint, clock: Clock) -> Connection:
    """A connection to the endpoint. Raises Unreachable, and ValueError where the configuration is wrong."""
    where = shorten(f"{endpoint.host}:{endpoint.port}")
    context = endpoint.tls()
    options: dict[str, Any] = {} if context is None else {"ssl": context, "ssl_shutdown_timeout": CLOSING_S}
    try:
        async with asyncio.timeout(endpoint.limits.connect_s):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(clock), endpoint.host, endpoint.port, **options
            )
    except OSError as error:  # TimeoutError and ssl.SSLError are OSErrors too
        raise Unreachable(_what_to_do(error, where, endpoint)) from error
    return connection


Dial = Callable[[Endpoint, Clock], Awaitable[Connection]]
"""How a connection is made; raises what `connect` raises."""


def _what_to_do(error: OSError, where: str, endpoint: Endpoint) -> str:
    match error:
        case TimeoutError() if error.errno is None:
            return f"{where} did not take a connection within {endpoint.limits.connect_s:g} s; is it up, and reachable?"
        case socket.gaierror():
            return (
                f"the host {shorten(endpoint.host)!r} is not known ({error.strerror}); look at the spelling of the url"
            )
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {where} is not trusted ({shorten(error.verify_message)}); "
                "give the file of its authority, or write `verify: false` to trust it all the same"
            )
        case ssl.SSLError():
            return f"{where} does not speak TLS ({shorten(str(error.reason))}); is it http:// rather than https://?"
        case ConnectionResetError() | ConnectionAbortedError() if endpoint.secure:
            return f"{where} hung up in the TLS handshake; is it http:// rather than https://?"
        case ConnectionRefusedError():
            return f"{where} refuses connections; start the server, or look at the port in the url"
    return f"no connection to {where} ({shorten(str(error))}); is the server up, and the url right?"
