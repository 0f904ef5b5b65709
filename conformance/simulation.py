"""A client and a server in one process, in virtual time: no socket, and no waiting.

`VirtualLoop` is an event loop whose clock jumps to the next thing that is due; an hour of silence costs nothing, and
the same code gives the same times whatever else the machine does. `link` joins a client's asyncio protocol to a
server's as a TCP connection would: bytes, FIN, RST, half-close, and a window that closes when nobody reads.
"""

import asyncio
import selectors
import socket
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

WINDOW = 64 * 1024
"""Bytes on their way to a peer that does not read, unless its SO_RCVBUF says otherwise; more wait at the sender."""
HIGH = 64 * 1024
"""Bytes that wait at the sender until it is asked to pause."""

Result = TypeVar("Result")


class DeadlockError(RuntimeError):
    """Everybody waits, and nothing is due."""


class _Jumping(selectors.BaseSelector):
    """Looks at what is ready; instead of waiting, moves the clock."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, at a time that is `timeout` later if nothing is ready now."""
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise DeadlockError("nothing is ready and nothing is due: somebody waits for ever")
            self.now += max(0.0, timeout)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As any selector."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As any selector."""
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As any selector."""
        return self._real.modify(fileobj, events, data)

    def close(self) -> None:
        """As any selector."""
        self._real.close()

    def get_map(self) -> Any:
        """As any selector."""
        return self._real.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when nothing else can happen. Threads are not waited for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.now

    def pass_by(self, seconds: float) -> None:
        """Time passes while something is being done, as it does where that takes long."""
        self._jumping.now += seconds


def simulate(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Knobs:
    """What there is in the place of a socket: options can be set, and two of them have an effect."""

    family = socket.AF_UNIX

    def __init__(self) -> None:
        self.window = WINDOW
        self.resets = False

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """As of a socket."""
        if level == socket.SOL_SOCKET and option == socket.SO_RCVBUF and isinstance(value, int):
            self.window = value
        if level == socket.SOL_SOCKET and option == socket.SO_LINGER:
            self.resets = True


class Side(asyncio.Transport):
    """One side's end of a connection in memory."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._peer: Side | None = None
        self._knobs = Knobs()
        self._inbox: deque[bytes] = deque()
        self._outbox: deque[bytes] = deque()
        self._high = HIGH
        self._reading = True
        self._asked_to_pause = False
        self._closing = False
        self._lost = False
        self._said_eof = False
        self._sent_eof = False
        self._eof_due = False

    # -- what the protocol on this side calls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes to the peer."""
        if self._closing or self._said_eof or not data:
            return
        self._outbox.append(bytes(data))
        self._push()

    def write_eof(self) -> None:
        """No more will be written; the peer can still write."""
        if not self._said_eof:
            self._said_eof = True
            self._push()

    def can_write_eof(self) -> bool:
        """It can."""
        return True

    def close(self) -> None:
        """FIN, after what is still to be sent."""
        if not self._closing:
            self._closing = self._said_eof = True
            self._reading = False
            self._push()

    def abort(self) -> None:
        """At once: what is still to be sent is not. As of a socket, by FIN unless SO_LINGER makes it RST."""
        if not self._lost:
            self._closing = self._said_eof = True
            self._reading = False
            self._outbox.clear()
            self._push()

    def is_closing(self) -> bool:
        """Whether it was closed here."""
        return self._closing

    def pause_reading(self) -> None:
        """Nothing more is handed to the protocol."""
        self._reading = False

    def resume_reading(self) -> None:
        """What has come since is handed over."""
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.call_soon(self._hand_over)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002 - asyncio calls it so
        """Bytes that may wait here before the protocol is asked to pause. `low` is half of it."""
        self._high = HIGH if high is None else high
        self._mind_the_buffer()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait here."""
        return sum(map(len, self._outbox))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The addresses, and what there is in the place of a socket."""
        if name == "socket":
            return self._knobs
        return ("in memory", 0) if name in ("peername", "sockname") else default

    # -- what happens between the sides

    def _push(self) -> None:
        """As much as the peer's window takes goes over; a FIN goes last."""
        peer = self._peer
        while peer is not None and self._outbox and (peer._lost or sum(map(len, peer._inbox)) < peer._knobs.window):
            if peer._lost:  # what comes for a socket that is closed is answered by RST
                self._outbox.clear()
                self._loop.call_soon(self._lose, ConnectionResetError("reset by the peer"))
                return
            peer._inbox.append(self._outbox.popleft())
            self._loop.call_soon(peer._hand_over)
        self._mind_the_buffer()
        if self._said_eof and not self._outbox:
            self._end()

    def _end(self) -> None:
        """All has been sent: FIN, or RST where the socket is closed with bytes in it that nobody read."""
        peer = self._peer
        if self._closing and (self._inbox or self._knobs.resets):
            self._reset_the_peer()
        elif peer is not None and not self._sent_eof:
            self._sent_eof = peer._eof_due = True
            self._loop.call_soon(peer._hand_over)
        if self._closing:
            self._loop.call_soon(self._lose, None)

    def _mind_the_buffer(self) -> None:
        waiting = self.get_write_buffer_size()
        if waiting > self._high and not self._asked_to_pause:
            self._asked_to_pause = True
            self._protocol.pause_writing()
        elif self._asked_to_pause and waiting <= self._high // 2:
            self._asked_to_pause = False
            self._protocol.resume_writing()

    def _hand_over(self) -> None:
        """What lies here goes to the protocol, then the peer's FIN."""
        while self._inbox and self._reading and not self._lost:
            self._protocol.data_received(self._inbox.popleft())
            if self._peer is not None:
                self._peer._push()
        if self._eof_due and not self._inbox and not self._lost:
            self._eof_due = False
            if not self._protocol.eof_received():
                self.close()

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            if self._inbox:  # a socket that is closed with unread bytes in it sends RST
                self._inbox.clear()
                self._reset_the_peer()
            self._protocol.connection_lost(error)

    def _reset_the_peer(self) -> None:
        peer = self._peer
        if peer is not None and not peer._lost:
            peer._outbox.clear()
            self._loop.call_soon(peer._lose, ConnectionResetError("reset by the peer"))


def link(client: asyncio.Protocol, server: asyncio.Protocol) -> None:
    """Join two protocols, the server first, as a connection that has just been accepted."""
    ours, theirs = Side(client), Side(server)
    ours._peer, theirs._peer = theirs, ours
    server.connection_made(theirs)
    client.connection_made(ours)
