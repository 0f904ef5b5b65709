"""Several streams open at the same time: opened, read, left and finished at will, each with a word of its own.

Knows no hypothesis and no order of steps; judges nothing.
"""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.probes.connection import By
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.markers import asks_for, word_of
from conformance.protocols.reading import ExchangeReader

from .asking import Asker

TOKENS = 48
"""Of a stream: a word that nobody knows takes some four, so it is said several times."""


@dataclass(slots=True)
class Stream:
    """One of them, from its opening to whatever end."""

    number: int
    word: str
    request: Request
    asker: Asker
    record_to: Path | None = None
    reader: ExchangeReader | None = None
    exchange: Exchange | None = None
    """What came, once it is over."""
    left: bool = False
    """We left it."""
    _task: asyncio.Task[Exchange] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _started: float = 0.0

    @property
    def open(self) -> bool:
        """It is neither over nor left."""
        return self.exchange is None

    @property
    def messages(self) -> int:
        """How many have come."""
        return len(self.reader.steps) if self.reader is not None else 0

    async def begin(self) -> None:
        """Send the request; what comes is read whenever the loop runs."""
        self._started = self.asker.clock()
        asked = self.asker.exchange(self.request, record_to=self.record_to, look=self._look_at)
        self._task = asyncio.ensure_future(asked)
        await asyncio.sleep(0)

    def _look_at(self, reader: ExchangeReader) -> None:
        self.reader = reader
        self._news.set()

    async def read(self, messages: int) -> None:
        """Wait until so many more messages have come, or the stream is over."""
        wanted = self.messages + messages
        assert self._task is not None
        while self.messages < wanted and not self._task.done():
            self._news.clear()
            news = asyncio.ensure_future(self._news.wait())
            await asyncio.wait({news, self._task}, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
        self._look()

    async def finish(self) -> None:
        """Read to the end, whatever end that is."""
        assert self._task is not None
        await asyncio.wait({self._task})
        self._look()

    async def leave(self) -> None:
        """Close the connection before the stream is over."""
        assert self._task is not None
        self._look()
        if self.exchange is not None:
            return
        self.left = True
        self._task.cancel()
        await asyncio.wait({self._task})
        at = self.asker.clock() - self._started
        reader = self.reader or ExchangeReader(self.request)
        self.exchange = reader.close(Ending.LEFT, at, left_by=By.FIN.value)
        self.asker.note(self.exchange)

    def _look(self) -> None:
        if self.exchange is None and self._task is not None and self._task.done():
            self.exchange = self._task.result()
            self.asker.note(self.exchange)


def stream_of(asker: Asker, number: int, secret: str, more: dict[str, Any], record_to: Path | None) -> Stream:
    """A stream that is not open yet; the secret makes its word."""
    word = word_of(hashlib.sha256(secret.encode()).hexdigest()[:16])
    body = {"messages": asks_for(word), "max_tokens": TOKENS, "stream": True, "temperature": 0, **more}
    return Stream(number, word, asker.request_of(body), asker, record_to)
