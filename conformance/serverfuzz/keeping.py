"""Where failing examples are kept between campaigns: one drawer of hypothesis' example database per kind of failure.

Any database of hypothesis will do: a folder, Redis, several at once; several processes and machines may share one.
hypothesis keeps and throws away under a key of its own; here each key stands for the kind that is hunted just then, so
that a kind which is not looked for at the moment loses nothing.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

KEY = b"streamspec"
"""What hypothesis is told to keep things under."""
SECOND = b".secondary"
"""Ends the keys of examples that were shrunk further."""
INTERRUPTED = "interrupted"
"""The drawer of what was under way when somebody pressed Ctrl-C."""
REDIS = ("redis://", "rediss://", "unix://")
LONGEST = 300
"""Characters of the name of a kind."""


class Drawers(ExampleDatabase):
    """A database as hypothesis sees it while one kind is hunted."""

    def __init__(self, inner: ExampleDatabase, target: str, sort: str) -> None:
        super().__init__()
        self._inner = inner
        self._index = f"streamspec/{target}/{sort}".encode()
        self.kind = ""
        """The kind that is hunted; while it is "", nothing is kept and nothing is found."""

    def kinds(self) -> list[str]:
        """The kinds of which something is kept."""
        names = (name.decode("utf-8", "replace") for name in self._inner.fetch(self._index))
        return sorted(name for name in names if name and len(name) <= LONGEST)

    def save(self, key: bytes, value: bytes) -> None:
        """Keep an example of the kind that is hunted."""
        if self.kind and not key.endswith(b"pareto"):
            self._inner.save(self._drawer(key), value)
            self._inner.save(self._index, self.kind.encode())

    def fetch(self, key: bytes) -> Iterable[bytes]:
        """The examples of the kind that is hunted."""
        return self._inner.fetch(self._drawer(key)) if self.kind else ()

    def delete(self, key: bytes, value: bytes) -> None:
        """An example has become smaller, or fails no more."""
        if self.kind:
            self._inner.delete(self._drawer(key), value)

    def forget(self, kind: str) -> None:
        """Nothing of this kind fails any more."""
        for value in list(self._inner.fetch(self._drawer(KEY, kind))):
            self._inner.delete(self._drawer(KEY, kind), value)
        self._inner.delete(self._index, kind.encode())

    def _drawer(self, key: bytes, kind: str = "") -> bytes:
        name = hashlib.sha256((kind or self.kind).encode()).hexdigest()[:16].encode()
        return self._index + b"/" + name + (SECOND if key.endswith(SECOND) else b"")


class Nowhere(ExampleDatabase):
    """Keeps nothing."""

    def __init__(self) -> None:
        super().__init__()

    def save(self, key: bytes, value: bytes) -> None:
        """Nothing is kept."""

    def fetch(self, key: bytes) -> Iterable[bytes]:  # noqa: ARG002 - as any database
        """Nothing is there."""
        return ()

    def delete(self, key: bytes, value: bytes) -> None:
        """Nothing is there."""


def opened(where: str) -> ExampleDatabase:
    """The database at a folder or a Redis URL. Raises ValueError where there is none to be had."""
    if not where.startswith(REDIS):
        return DirectoryBasedExampleDatabase(Path(where))
    try:
        from hypothesis.extra.redis import RedisExampleDatabase  # noqa: PLC0415 - an extra that few need
        from redis import Redis  # noqa: PLC0415
    except ImportError:
        raise ValueError(f"{where.partition('://')[0]} needs the Redis client:  pip install redis") from None
    return RedisExampleDatabase(Redis.from_url(where))
