"""An answer that nothing interferes with, as fast as it may be written. Knows no behaviour, no protocol and no fault.

What comes out is what `play` would send and note; that is slower, as it asks at each act who minds.
"""

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator

from aiohttp import web

from conformance.wire import encoder
from conformance.wire.script import Act, Reset, Send, Wait

from .journal import WRITES_LIMIT, Entry
from .turns import Steps, Turns

IN_A_ROW = 32
"""Events that are written before others have their turn: half a millisecond. Written in a row to one client they cost
the system half of what they cost by turns."""
BEHIND = 1.0
"""Seconds that are made up for, where a machine stood still for longer."""
TOGETHER = 64 * 1024
"""Bytes that go out in one write, where that may be."""


class Flow:
    """The writing side of one answer."""

    def __init__(
        self, request: web.BaseRequest, entry: Entry, turns: Turns, clock: Callable[[], float], *, coalesce: bool
    ) -> None:
        self.said = False
        """Something was to be sent."""
        self._request = request
        self._entry = entry
        self._turns = turns
        self._clock = clock
        self._most = TOGETHER if coalesce else 0
        self._time = asyncio.get_running_loop().time
        self._whole = True
        self._counted = False
        self._row = 0
        self._held: list[bytes] = []
        self._size = self._events = 0
        """Bytes that are held, and events in them."""

    async def through(self, acts: Iterable[Act], *, in_body: bool) -> bool:
        """Send all of it; whether it ends without a reset, which is left to the caller.

        `in_body` is whether the first act belongs to the body. Raises ConnectionError when the client has gone.
        """
        transport = self._request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        transport.set_write_buffer_limits(high=0)  # so that drain waits until everything is handed over
        if self._request.method == "HEAD":
            acts = _up_to_the_head(acts)
        steps = (self._together if self._most else self._each)(acts, transport, in_body)
        while not await self._turns.through(steps):
            await self._request.writer.drain()
        return self._whole

    def _together(self, acts: Iterable[Act], transport: asyncio.Transport, in_body: bool) -> Steps:
        """All that is due, in one write."""
        due = self._time()
        for act in acts:
            match act:
                case Send(data):
                    event = in_body and data != encoder.LAST_CHUNK and (self.said or not data.endswith(b"\r\n\r\n"))
                    in_body = self.said = True
                    if self._hold(data, event) and self._write(transport):
                        due = yield from self._rest(transport, due)
                case Wait(seconds, makes):
                    due += seconds
                    if due > self._time() or not self._held:
                        if self._held and self._write(transport):
                            due = yield from self._rest(transport, due)
                        self._row = 0
                        now = yield due
                        due = max(due, now - BEHIND)
                    if makes is not None:
                        self._counted = True
                        self._entry.produced += makes
                case Reset():
                    self._whole = False
                    break
        if self._held and self._write(transport):
            yield from self._rest(transport, due)

    def _each(self, acts: Iterable[Act], transport: asyncio.Transport, in_body: bool) -> Steps:
        """Each in a write of its own. No call that can be left out: there are a hundred thousand a second."""
        entry, clock, last = self._entry, self._clock, encoder.LAST_CHUNK
        write, closing, unsent = transport.write, transport.is_closing, transport.get_write_buffer_size
        writes = entry.writes
        due, row, counts = self._time(), 0, 1
        for act in acts:
            if type(act) is Send:
                data = act.data
                if entry.left or (row and closing()):
                    raise ConnectionResetError("the client has gone")
                write(data)
                entry.sent += len(data)
                if in_body and data != last and (self.said or not data.endswith(b"\r\n\r\n")):
                    entry.produced += counts
                    entry.events += 1
                    if entry.events <= WRITES_LIMIT:
                        writes.append(clock())
                in_body = self.said = True
                row += 1
                if row == IN_A_ROW or unsent():
                    row = 0
                    due = yield from self._rest(transport, due)
            elif type(act) is Wait:
                row = 0
                due += act.seconds
                now = yield due
                if now - due > BEHIND:
                    due = now - BEHIND
                if act.makes is not None:
                    counts = 0
                    entry.produced += act.makes
            else:
                self._whole = False
                return

    def _hold(self, data: bytes, event: bool) -> bool:
        """Take these bytes; whether it is time to write."""
        self._held.append(data)
        self._size += len(data)
        if event:
            self._events += 1
            if not self._counted:
                self._entry.produced += 1
        return self._size > self._most

    def _write(self, transport: asyncio.Transport) -> bool:
        """Hand what is held to the kernel; whether it is time for a rest."""
        entry, held = self._entry, self._held
        if entry.left or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        transport.write(held[0] if len(held) == 1 else b"".join(held))
        entry.sent += self._size
        if self._events:
            entry.wrote(self._clock(), self._events)
        held.clear()
        self._size = self._events = 0
        self._row += 1
        return self._row >= IN_A_ROW or transport.get_write_buffer_size() > 0

    def _rest(self, transport: asyncio.Transport, due: float) -> Generator[float | None, float, float]:
        """Go on when the kernel has taken everything, or when others have had their turn; what is due since when."""
        self._row = 0
        if transport.get_write_buffer_size():
            yield None
            return self._time()  # whom the client holds up has nothing to make up for
        yield self._time()
        return due


def _up_to_the_head(acts: Iterable[Act]) -> Iterator[Act]:
    for act in acts:
        yield act
        if isinstance(act, Send):
            return
