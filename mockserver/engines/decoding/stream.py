"""The events of one request on their way from the decode thread to whoever reads them. Knows no engine."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from .events import StepEvent


class TokenStream:
    """An asynchronous iterator of events, which ends when every choice has ended. Leaving it early aborts the request.

    Made in, and bound to, the running event loop.
    """

    def __init__(self, choices: int, most_unread: int, abort: Callable[[str], None]) -> None:
        self.loop = asyncio.get_running_loop()
        self._open = choices
        self._most_unread = most_unread
        self._abort = abort
        self._unread: deque[StepEvent] = deque()
        self._reader: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StepEvent:
        while not self._unread:
            if not self._open:
                raise StopAsyncIteration
            self._reader = self.loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._unread.popleft()

    async def aclose(self) -> None:
        """Abort what has not ended. Harmless when all has."""
        if self._open:
            self._abort("the reader left")

    def hand_over(self, event: StepEvent) -> None:
        """One more event. Called in the loop. Where too many lie unread the request is aborted."""
        self._unread.append(event)
        self._open -= event.finish is not None
        if len(self._unread) > self._most_unread and self._open:
            self._abort(f"{len(self._unread)} events lie unread")
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
