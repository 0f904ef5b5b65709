"""When a process that is nothing but a server looks for garbage: in idle moments. Knows no request.

Python's own collector goes through everything whenever a quarter more has come to live: with a thousand streams that
is a standstill of a tenth of a second, again and again while they are opened, and every stream is late.
"""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

YOUNG = (2000, 5)
"""New objects until the youngest are looked at, and how often that is until those before them are: a millisecond."""
NEVER = 1_000_000
SECONDS = 1.0
"""Between two looks at whether it is idle."""
AT_LEAST = 60.0
"""Seconds after which everything is looked at, though it is not."""


@contextmanager
def swept(idle: Callable[[], bool], count: Callable[[], int]) -> Iterator[None]:
    """Inside an event loop: what is there already stays, and the rest is gone through when `idle` says so.

    `count` is what has been done since the start: where it does not change there is nothing to sweep.
    """
    loop = asyncio.get_running_loop()
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG, NEVER)
    done, swept_at = count(), loop.time()
    timer = None

    def look() -> None:
        nonlocal done, swept_at, timer
        if count() != done and (idle() or loop.time() - swept_at > AT_LEAST):
            gc.collect()
            done, swept_at = count(), loop.time()
        timer = loop.call_later(SECONDS, look)

    timer = loop.call_later(SECONDS, look)
    try:
        yield
    finally:
        timer.cancel()
        gc.set_threshold(*before)
        gc.unfreeze()
