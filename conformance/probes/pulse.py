"""How late we are ourselves: a task that wakes often, and sees when it was not woken in time. Knows no connection.

What is read while we are late may have lain there since we ought to have looked. Whoever judges times has to know.
"""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

BEAT = 0.01
"""Seconds between two beats: what is shorter than this, nobody notices here."""
NOTED = 0.002
"""Seconds; timers are no more exact than this on an idle machine."""


class Pulse:
    """`async with Pulse(clock, sleep) as pulse`: inside, `pulse.late()` says for how long nobody may have looked."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to beat."""
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._due = None

    def late(self) -> float:
        """Seconds since the beat that is due; 0 where none is, or hardly."""
        late = self._clock() - self._due if self._due is not None else 0.0
        return late if late > NOTED else 0.0

    async def _beat(self) -> None:
        while True:
            self._due = self._clock() + BEAT
            await self._sleep(BEAT)
