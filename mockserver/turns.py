"""Who goes on when: streams that wait for a moment, and requests that let others go first. Knows no stream.

One heap and one timer for all. A stream is a generator that says when it is due again, and is called back then; no
task wakes up for an event. Whatever is due goes on in the order in which it was due, and for so long at a time that the
loop looks at its sockets every other millisecond: a client that leaves is seen then, however many others are served.
"""

import asyncio
from collections import deque
from collections.abc import Generator
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count

ROUND = 0.002
"""Seconds between two looks at the sockets."""
MOST = 1024
"""Steps in one round, also on a clock that stands still meanwhile."""
WAKES = 2
"""Requests that begin in one round, on top of it; one, where there is no time left."""
EXACT = 1e-6
"""Seconds that do not matter."""

Steps = Generator[float | None, float, None]
"""Each step says when the next one is due, on the clock of the loop, and is told what time it is then; None to go no
further for now."""
Turn = tuple[float, int, Steps, "asyncio.Future[bool]"]


class Turns:
    """One timer for all, which is asyncio's at the price of one."""

    def __init__(self) -> None:
        self._waiting: list[Turn] = []
        self._queue: deque[asyncio.Future[None]] = deque()
        self._number = count()
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0
        self._given_up = 0
        """Of those that wait, who need not be called any more."""

    def __len__(self) -> int:
        """How many streams are kept."""
        return len(self._waiting)

    async def next(self) -> None:
        """Let those go first who have waited longer, and the streams that are due: they were promised a moment."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.append(turn)
        self._ring_by(loop.time())
        await turn

    async def through(self, steps: Steps) -> bool:
        """Take the first step now and the others when they are due; whether they came to their end.

        Raises what a step raises.
        """
        for due in steps:  # the first step, which is perhaps the only one
            return due is not None and await self._rest(steps, due)
        return True

    async def _rest(self, steps: Steps, due: float) -> bool:
        over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (due, next(self._number), steps, over))
        self._ring_by(due)
        try:
            return await over
        except asyncio.CancelledError:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Somebody waits no longer, perhaps for something that is an hour away: half of all may be such."""
        self._given_up += 1
        if self._given_up > 16 + len(self._waiting) // 2:
            self._waiting[:] = [turn for turn in self._waiting if not turn[3].done()]
            heapify(self._waiting)
            self._given_up = 0

    def _ring_by(self, due: float) -> None:
        """Have a round then, or before."""
        if self._timer is None or due < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            loop = asyncio.get_running_loop()
            self._rings_at = due
            self._timer = loop.call_at(due, self._ring) if due > loop.time() else loop.call_soon(self._ring)

    def _ring(self) -> None:
        """A round: the streams that are due, as far as its time goes, and some of those that let them go first."""
        now, ends = self._go_on()
        wakes = WAKES if now < ends else 1
        while self._queue and wakes:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                wakes -= 1
        self._timer = None
        if self._queue:
            self._ring_by(now)
        elif self._waiting:
            self._ring_by(self._waiting[0][0])

    def _go_on(self) -> tuple[float, float]:
        """Call the streams that are due back; what time it is then, and when the time of the round is over."""
        time, waiting = asyncio.get_running_loop().time, self._waiting
        now = time()
        ends, due, left = now + ROUND, now + EXACT, MOST
        while left and waiting and waiting[0][0] <= due and now < ends:
            _, number, steps, over = waiting[0]
            if over.done():
                heappop(waiting)
                self._given_up -= 1
                continue
            try:
                again = steps.send(now)
            except StopIteration:
                heappop(waiting)
                over.set_result(True)
            except Exception as error:  # noqa: BLE001 - it is raised where the steps are awaited
                heappop(waiting)
                over.set_exception(error)
            else:
                if again is None:
                    heappop(waiting)
                    over.set_result(False)
                else:
                    heapreplace(waiting, (again, number, steps, over))
            left -= 1
            now = time()
        return now, ends
