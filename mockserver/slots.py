"""Turns: how many requests are worked on at the same time, and who is next. Knows no request."""

import asyncio
from collections import deque

_Waiting = tuple[int, bool, asyncio.Future[None]]


class Slots:
    """First come, first served."""

    def __init__(self) -> None:
        self.taken = 0
        self._queue: deque[_Waiting] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    def free(self, capacity: int) -> bool:
        """Whether somebody could begin at once; a capacity of 0 is without end."""
        return not capacity or (self.taken < capacity and not self._queue)

    async def take(self, capacity: int, *, newest: bool = False) -> None:
        """Begin, as soon as that may be; `newest` is whether whoever came last is next.

        Whoever is cancelled meanwhile is not in the queue any more.
        """
        if self.free(capacity):
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (capacity, newest, turn)
        self._queue.append(waiting)
        try:
            await turn
        except asyncio.CancelledError:
            if waiting in self._queue:
                self._queue.remove(waiting)
            else:
                self.give()
            raise

    def give(self) -> None:
        """Be done; the next ones begin."""
        self.taken -= 1
        while self._queue:
            place = -1 if self._queue[-1][1] else 0
            capacity, _, turn = self._queue[place]
            if self.taken >= capacity:
                break
            del self._queue[place]
            self.taken += 1
            turn.set_result(None)
