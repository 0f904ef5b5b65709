"""What a mock server was asked and what it did: the newest requests, in memory. Holds no header, so no key either."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

LIMIT = 1000
"""Requests that are kept; the oldest goes first."""
BODY_LIMIT = 4096
"""Bytes of a request body up to which its value is kept."""


@dataclass(slots=True)
class Entry:
    """One request. It is filled in while the answer is being played."""

    number: int
    """Counted from 1 since the start of the server."""
    method: str
    path: str
    size: int = 0
    """Bytes of the request body."""
    body: object = None
    """The request body; null where it was longer than BODY_LIMIT."""
    fault: str | None = None
    status: int | None = None
    """Null until there is an answer."""
    events: int = 0
    """Writes of the response body: one per event of a stream."""
    sent: int = 0
    """Bytes written, head and framing included."""
    ended: bool = False
    """The answer was played to its end."""
    left: bool = False
    """The client was gone before that."""


class Journal:
    """The newest entries, oldest first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._count = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is on record."""
        return tuple(self._entries)

    def open(self, method: str, path: str) -> Entry:
        """A new entry for a request that has just come in."""
        self._count += 1
        entry = Entry(self._count, method, path)
        self._entries.append(entry)
        return entry

    def document(self) -> dict[str, Any]:
        """The journal as JSON values."""
        return {"requests": [asdict(entry) for entry in self._entries], "count": self._count}
