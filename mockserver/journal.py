"""What a mock server was asked and what it did: the newest requests, in memory. Holds no header but the mark.

Times are seconds on the clock of the loop since the server started.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

SERVER = "streamspec mock"
"""By this the journal is known as ours."""
LIMIT = 1000
"""Requests that are kept; the oldest goes first."""
BODY_LIMIT = 4096
"""Bytes of a request body up to which its value is kept."""
MARK_LIMIT = 64
"""Characters of a mark that are kept."""


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
    mark: str = ""
    """The header x-streamspec-mark."""
    fault: str | None = None
    scenario: str = ""
    """The entry of the scenario that replies, "" where none does."""
    status: int | None = None
    """Null until there is an answer."""
    events: int = 0
    """Writes of the response body: one per event of a stream."""
    sent: int = 0
    """Bytes written, head and framing included."""
    ended: bool = False
    """The answer was made to its end, though it be for nobody."""
    left: bool = False
    """The client was gone before that."""
    left_by: str = ""
    """How it left: "fin" or "rst". A client that closes its half of the connection has left by "fin"."""
    came_at: float | None = None
    began: float | None = None
    """Work on it began; null while it waits its turn."""
    left_at: float | None = None
    stopped_at: float | None = None
    """Work on it ended, for whatever reason; or it was given up before it had its turn."""
    produced: int = 0
    """Tokens made, also when nobody was there to get them; where an answer is not made token by token, its events."""
    produced_at_leave: int | None = None


class Journal:
    """The newest entries, oldest first."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = clock
        self.counts: Callable[[], tuple[int, int]] = lambda: (0, 0)
        """How many requests are counted as worked on, and how many wait for their turn."""
        self._forgotten = 0
        self._entries: deque[Entry] = deque(maxlen=limit)
        self._count = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is on record."""
        return tuple(self._entries)

    @property
    def produced(self) -> int:
        """Tokens made for all requests since the start."""
        return self._forgotten + sum(entry.produced for entry in self._entries)

    def open(self, method: str, path: str, mark: str = "") -> Entry:
        """A new entry for a request that has just come in."""
        self._count += 1
        if len(self._entries) == self._entries.maxlen:
            self._forgotten += self._entries[0].produced
        entry = Entry(self._count, method, path, mark=mark[:MARK_LIMIT], came_at=self.clock())
        self._entries.append(entry)
        return entry

    def document(self, mark: str = "") -> dict[str, Any]:
        """The journal as JSON values; of the requests only those with this mark, if one is given."""
        running, waiting = self.counts()
        return {
            "server": SERVER,
            "now": self.clock(),
            "running": running,
            "waiting": waiting,
            "produced": self.produced,
            "requests": [asdict(entry) for entry in self._entries if mark in ("", entry.mark)],
            "count": self._count,
        }
