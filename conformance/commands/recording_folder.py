"""The folder that a run records in: made before anything is sent, and of one run alone. Knows no recording."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance.targets import ConfigurationError

from .terminal import say


@contextmanager
def held(folder: Path | None) -> Iterator[None]:
    """Keep other runs out of a folder, where the system can (not on Windows).

    Raises OSError where it cannot be made, and ConfigurationError where another run records in it.
    """
    if folder is None:
        yield
        return
    if folder.is_dir() and next(folder.rglob("*.jsonl"), None):
        say(f"{folder} holds recordings already; those of the same name are replaced, the others stay")
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl  # Windows has none

    held_by_us = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held_by_us, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held_by_us)
        raise ConfigurationError(f"another run records in {folder}; give each run a folder of its own") from None
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        os.close(held_by_us)
