"""Turns: how many requests are worked on at the same time, and who is next. Knows no request."""

import asyncio
from collections import deque


class Slots:
    """First come, first served."""

    def __init__(self) -> None:
        self.taken = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def free(self, capacity: int) -> bool:
        """Whether somebody could begin at once; a capacity of 0 is without end."""
        return not capacity or (self.taken < capacity and not self._queue)

    async def take(self, capacity: int) -> None:
        """Begin, as soon as that may be. Whoever is cancelled meanwhile is not in the queue any more."""
        if self.free(capacity):
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((capacity, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            else:
                self._queue.remove((capacity, turn))
            raise

    def give(self) -> None:
        """Be done; the next ones begin."""
        self.taken -= 1
        while self._queue and self.taken < self._queue[0][0]:
            _, turn = self._queue.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
