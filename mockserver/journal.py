"""What a mock server was asked and what it did: the newest requests, in memory. Holds no header but the mark.

Times are seconds on the clock of the loop since the server started.
"""

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

SERVER = "streamspec mock"
"""By this the journal is known as ours."""
LIMIT = 1000
"""Requests that are kept; the oldest goes first."""
BODY_LIMIT = 4096
"""Bytes of a request body up to which its value is kept."""
MARK_LIMIT = 64
"""Characters of a mark that are kept."""
WRITES_LIMIT = 200
"""Writes of a body whose times are kept, the first ones: 1.6 kB for each entry."""


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
    """The entry of the scenario that replies, or the recording; "" where none does."""
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
    writes: "array[float]" = field(default_factory=lambda: array("d"))
    """When each of the first events was written."""

    def wrote(self, at: float, events: int = 1) -> None:
        """So many events of the body have been written at once."""
        self.events += events
        if (left := WRITES_LIMIT - len(self.writes)) > 0:
            if events == 1:
                self.writes.append(at)
            else:
                self.writes.extend([at] * min(events, left))

    def document(self, *, writes: bool = False) -> dict[str, Any]:
        """The entry as JSON values; the times of the writes only where they are asked for, as they are many."""
        members = {name: getattr(self, name) for name in MEMBERS}
        if writes:
            members["writes"] = [round(at, 6) for at in self.writes]
        return members


MEMBERS = tuple(member.name for member in fields(Entry) if member.name != "writes")


class Journal:
    """The newest entries, oldest first."""

    def __init__(self, limit: int = LIMIT, clock: Callable[[], float] = lambda: 0.0, worker: str = "") -> None:
        self.clock = clock
        self.worker = worker
        """Which of several processes this is the journal of, "2 of 4"; "" where there is one."""
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

    def count(self) -> int:
        """Requests since the start."""
        return self._count

    def is_idle(self) -> bool:
        """Whether nobody is worked for, and nobody waits."""
        return self.counts() == (0, 0)

    def open(self, method: str, path: str, mark: str = "") -> Entry:
        """A new entry for a request that has just come in."""
        self._count += 1
        if len(self._entries) == self._entries.maxlen:
            self._forgotten += self._entries[0].produced
        entry = Entry(self._count, method, path, mark=mark[:MARK_LIMIT], came_at=self.clock())
        self._entries.append(entry)
        return entry

    def clear(self) -> None:
        """Forget the entries. The numbers go on, and so do the sums."""
        self._forgotten += sum(entry.produced for entry in self._entries)
        self._entries.clear()

    def document(self, mark: str = "", last: int = LIMIT, *, writes: bool = False) -> dict[str, Any]:
        """The journal as JSON values; of the requests only those with this mark, if one is given, and the last ones."""
        shown = [entry for entry in self._entries if mark in ("", entry.mark)]
        running, waiting = self.counts()
        return {
            "server": SERVER,
            **({"worker": self.worker} if self.worker else {}),
            "now": self.clock(),
            "running": running,
            "waiting": waiting,
            "produced": self.produced,
            "requests": [entry.document(writes=writes) for entry in shown[max(0, len(shown) - last) :]],
            "count": self._count,
        }
