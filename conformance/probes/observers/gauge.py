"""An observer that reads how many requests a server works on, and how many tokens it has made, from a document.

Knows no server: `prometheus` and `slots` say how to read theirs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from conformance.probes.connection import Clock
from conformance.probes.trials.bench import Sleep
from conformance.protocols.watch import Watch

from . import looking
from .looking import Look, Reading
from .observer import Left

PAUSE = 0.4
"""Seconds between looks while a long request runs; nobody has left then, so they disturb nothing."""
ENOUGH = 3
"""Looks in a row at which a running request has to show."""
LOOKS = 8
"""Looks after which it is no more waited for."""
AGAIN = 0.2
"""Seconds after which a number that has gone down is read once more: several servers may share an address."""
CALM = 5.0
"""Seconds that a server may still be at work, and not ours, before it is no use as a base."""

Read = Callable[[], Awaitable[Reading | str]]
"""Gives a reading, or why there is none."""


@dataclass(slots=True, kw_only=True)
class Gauge:
    """Watches a number of running requests."""

    name: str
    says: str
    read: Read
    clock: Clock
    sleep: Sleep
    stale: bool = False
    """The server brings its numbers up to date only while it works."""
    copies: int = 1
    tells_apart: bool = False
    base: float = 0.0
    """Requests that are counted though nothing of ours runs."""
    before: float | None = None
    """Tokens made when last at rest; None once something was watched since."""
    rate: float = 0.0
    """Tokens a second while a long request ran; 0 where they are not counted as they are made."""

    async def rest(self) -> str:
        """The base: nothing runs, or what is said to run makes no tokens and stays the same."""
        began, last = self.clock(), None
        while True:
            now = await self.read()
            if isinstance(now, str):
                return now
            if now.running <= 0 or (last is not None and _idle(last, now)):
                self.base, self.before = now.running, now.produced
                return ""
            if self.clock() - began >= CALM:
                return f"{now.says} though nothing of ours runs; is somebody else using the server?"
            last = now
            await self.sleep(looking.QUIET)

    async def sees(self) -> bool:
        """Whether the number is above its base for as long as we look."""
        seen: list[tuple[float, Reading]] = []
        for _ in range(LOOKS):
            now = await self.read()
            if isinstance(now, str):
                return False
            if now.running > self.base:
                seen.append((self.clock(), now))
            else:
                seen.clear()
            if len(seen) == ENOUGH:
                self.rate = _rate(*seen[0], *seen[-1])
                return True
            await self.sleep(PAUSE)
        return False

    async def watch(self, left: Left) -> Watch:
        """Look until the number is back at its base, or patience ends."""
        looks: list[Look] = []
        trouble, flaps = "", False
        for at in looking.times(left):
            await self.sleep(max(0.0, left.at + at - self.clock()))
            look = await self._look(left)
            if isinstance(look, str):
                trouble = look
                continue
            looks.append(look)
            if look.running <= 0:
                await self.sleep(AGAIN)
                again = await self._look(left)
                if isinstance(again, str) or again.running <= 0:
                    break
                flaps = True
                looks.append(again)
        watch = looking.conclude(looks, left, self.rate, stale=self.stale)
        if flaps and watch.stopped is not False:
            watch = Watch(observer="", how=f"{watch.how}: it goes up and down; does one address hide several servers?")
        elif not looks:
            watch = replace(watch, how=trouble or watch.how)
        return self._told(watch, looks, left)

    async def _look(self, left: Left) -> Look | str:
        now = await self.read()
        if isinstance(now, str):
            return now
        produced = now.produced if self.rate > 0 else None
        return Look(self.clock() - left.at, now.running - self.base, produced, now.says)

    def _told(self, watch: Watch, looks: list[Look], left: Left) -> Watch:
        """The watch in this observer's name; what was made after leaving counted from rest, where that is known."""
        before, self.before = self.before, None
        if before is not None and looks and (last := looks[-1].produced) is not None and watch.stopped is not None:
            watch = replace(watch, produced=max(0.0, last - before - left.received))
        if watch.leaked:
            self.base += watch.leaked  # or else it would be held against the next request
        return replace(watch, observer=self.name)


def _idle(before: Reading, now: Reading) -> bool:
    """Whether nothing was done between two readings, as far as tokens are counted."""
    return now.produced is not None and (before.running, before.produced) == (now.running, now.produced)


def _rate(at: float, before: Reading, then: float, now: Reading) -> float:
    """Tokens a second between two readings."""
    if before.produced is None or now.produced is None or then <= at:
        return 0.0
    return max(0.0, now.produced - before.produced) / (then - at)
