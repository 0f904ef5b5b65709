"""The bytes of one response on their way to reader and sink: the key blotted out, and no more than the limits allow.

Knows no socket and no clock.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from conformance.protocols.exchange import Ending
from conformance.protocols.reading import ExchangeReader
from conformance.wire.events import Message

from .endpoint import Limits
from .masking import Mask, Unpacked

PIECE = 64 * 1024
"""Bytes that are read before the limits are looked at again."""
CODED_PIECE = 256
"""The same for bytes that are, or may be, compressed: each may hold a thousand."""
EVENT_COST, BYTE_COST, OBJECT_COST, ARRAY_COST, VALUE_COST = 200, 3, 200, 64, 60
"""Bytes of memory, rounded up, that CPython and msgspec take for what they read."""
CODED_COST = 25
"""The same for a byte of which only the length is known: `[],[],` is the worst that it can be."""
ALWAYS = 64 * 1024
"""Bytes that an exchange may have even when the budget of its run is spent: enough for a refusal."""


class Sink(Protocol):
    """Whoever wants the bytes as they come."""

    def data(self, at: float, data: bytes, late: float = 0.0) -> None:
        """Bytes have come, `at` seconds after the request; by then they may have lain here for `late`."""

    def end(self, at: float, ending: Ending, left_by: str = "") -> None:
        """No more will; `left_by` says how we left, if we did."""


class Budget:
    """What the exchanges of one run may hold together: endless answers to every probe cost memory once."""

    def __init__(self, limits: Limits) -> None:
        self._left = 2 * limits.max_memory

    def take(self, weight: int) -> None:
        """An exchange has grown by so much."""
        self._left -= weight

    @property
    def spent(self) -> bool:
        """Nothing is left."""
        return self._left <= 0


class State(Enum):
    """What the bytes so far mean for reading on."""

    OPEN = "there is more to come"
    OVER = "the response has ended by its framing, or cannot be read"
    FULL = "the limits are reached, or the key is in what is compressed"
    SEEN = "as much as we wanted"


class Intake:
    """Takes the bytes of one response: blots out the key, hands them to reader and sink, measures them."""

    def __init__(
        self,
        reader: ExchangeReader,
        limits: Limits,
        *,
        key: str,
        sink: Sink | None,
        budget: Budget,
        wanted: int | None,
        enough: Callable[[ExchangeReader], bool] | None = None,
    ) -> None:
        self.reader = reader
        self._limits = limits
        self._mask = Mask(key)
        self._unpacked = Unpacked(key)
        self._sink = sink
        self._budget = budget
        self._wanted = wanted
        self._enough = enough
        self._received = 0
        self._weight = 0
        self._messages = 0
        self._kept_at: float | None = None
        self._late = 0.0
        self._unread = (0.0, b"")

    @property
    def empty(self) -> bool:
        """Nothing has come at all."""
        return self._received == 0

    @property
    def kept_at(self) -> float | None:
        """When bytes came that are kept back for a moment, because they may be the start of the key."""
        return None if self._mask.certain else self._kept_at

    def feed(self, at: float, data: bytes, late: float = 0.0) -> State:
        """Take bytes up to the point where the exchange ends. They may have lain here unread for `late` seconds."""
        self._late = late
        state = self._feed(at, self._mask.feed(data))
        self._kept_at = at if self._mask.keeps or self._unpacked.keeps else None
        return state

    def go_on(self) -> State:
        """Take all that still comes, and first what came in the read in which we had seen as much as we wanted."""
        self._wanted = self._enough = None
        (at, data), self._unread = self._unread, (0.0, b"")
        return self._feed(at, data)

    def rest(self) -> State:
        """Nothing follows soon: what was kept back is due, and no key."""
        at, self._kept_at = self._kept_at, None
        if at is not None:
            self._feed(at, self._mask.rest())
            self._take(at, self._unpacked.rest())
        return self._state()

    def _feed(self, at: float, data: bytes) -> State:
        start = 0
        state = self._state()
        while start < len(data) and state in (State.OPEN, State.OVER):
            size = PIECE if self._plain() else CODED_PIECE
            piece = data[start : start + min(size, self._limits.max_bytes - self._received)]
            start += len(piece)
            self._take(at, self._unpacked.feed(piece))
            state = self._state()
        if state is State.SEEN:
            self._unread = at, data[start:]
        return state

    def _take(self, at: float, piece: bytes) -> None:
        if not piece:
            return
        size, events = self.reader.size, len(self.reader.events)
        if self._sink is not None:
            self._sink.data(at, piece, self._late)
        self.reader.feed(piece, at, self._late)
        self._received += len(piece)
        new = self.reader.events[events:]
        self._messages += sum(isinstance(event, Message) for event in new)
        weight = EVENT_COST * len(new) + (weigh(piece) if self._plain() else CODED_COST * (self.reader.size - size))
        self._weight += weight
        self._budget.take(weight)

    def _plain(self) -> bool:
        """What comes on the wire is what is read."""
        return self.reader.head is not None and not self.reader.head.get("content-encoding")

    def _state(self) -> State:
        limits, reader = self._limits, self.reader
        if self._unpacked.found:
            return State.FULL
        if self._wanted is not None and self._messages >= self._wanted:
            return State.SEEN
        if self._enough is not None and self._enough(reader):
            return State.SEEN
        if max(self._received, reader.size) >= limits.max_bytes or self._weight >= limits.max_memory:
            return State.FULL
        if self._budget.spent and self._received >= ALWAYS:
            return State.FULL
        if reader.over:
            return State.OVER
        if reader.head is None and self._received > limits.max_head:
            return State.FULL
        return State.OPEN


def weigh(piece: bytes) -> int:
    """What the text and the JSON of these bytes take in memory once they are read, estimated."""
    json = OBJECT_COST * piece.count(b"{") + ARRAY_COST * piece.count(b"[") + VALUE_COST * piece.count(b",")
    return BYTE_COST * len(piece) + json
