"""Who goes on when: streams that wait for a moment, and streams that let others go first. Knows no stream.

Whatever is due goes on in the order in which it was due, and so few at a time that the loop looks at its sockets every
other millisecond: a client that leaves is seen then, however many others are being served.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

ROUND = 0.002
"""Seconds between two looks at the sockets."""
MOST = 1024
"""Streams that go on in one round, where these are quick."""
SHORT = 1.0
"""Seconds; longer waits have timers of their own, which go when nobody waits any more."""
EXACT = 1e-6
"""Seconds that do not matter."""


class Turns:
    """One timer for all, which is asyncio's at the price of one."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0
        self._most = 8
        self._full = False
        """Others were left over in the last round, for the next one at once."""
        self._began = 0.0

    async def next(self) -> None:
        """Let those go first who have waited longer."""
        await self._wait(asyncio.get_running_loop().time())

    async def until(self, due: float) -> None:
        """Wait for a moment on the clock of the loop."""
        ahead = due - asyncio.get_running_loop().time()
        if ahead > SHORT:
            await asyncio.sleep(ahead)
        else:
            await self._wait(due)

    async def _wait(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        heappush(self._waiting, (due, next(self._number), turn))
        if self._timer is None or due < self._rings_at:
            self._ring_at(due)
        await turn

    def _ring_at(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = due
        self._timer = loop.call_at(due, self._ring) if due > loop.time() else loop.call_soon(self._ring)

    def _ring(self) -> None:
        """Whatever is due goes on, as far as one round goes."""
        now = asyncio.get_running_loop().time()
        if self._full:
            self._adapt(now - self._began)
        waiting, left = self._waiting, self._most
        due = now + EXACT
        while left and waiting and waiting[0][0] <= due:
            turn = heappop(waiting)[2]
            if not turn.done():
                turn.set_result(None)
                left -= 1
        self._full, self._began = bool(waiting) and waiting[0][0] <= due, now
        self._timer = None
        if waiting:
            self._ring_at(waiting[0][0])

    def _adapt(self, took: float) -> None:
        """More or fewer in the next round, by how long the last one took."""
        share = ROUND / took if took > 0 else 2.0
        self._most = max(1, min(MOST, int(self._most * min(share, 2.0)) + 1))
