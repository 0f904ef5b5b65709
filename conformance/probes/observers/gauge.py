"""An observer that reads how many requests a server works on, and how many tokens it has made, from a document.

Knows no server: `prometheus` and `slots` say how to read theirs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from conformance.probes.bench import Sleep
from conformance.probes.connection import Clock
from conformance.probes.observer import Left
from conformance.protocols.watch import Watch

from . import looking
from .looking import Look, Reading

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
    at_end: bool = False
    """What was made for a request is counted when it ends, also where its client has left."""
    forgets: bool = False
    """What was made for a request is no longer counted once it has ended."""
    base: float = 0.0
    """Requests that are counted though nothing of ours runs."""
    before: float | None = None
    """Tokens made when last at rest; None once something was watched since."""
    rate: float = 0.0
    """Tokens a second while a long request ran; 0 where they are not counted as they are made."""
    made: float | None = None
    """Tokens made, as last read."""
    unrest: str = ""
    """Why there is no base."""
    what: str = ""
    """What is read, in the server's words."""

    async def rest(self) -> str:
        """The base of what follows; without one nothing can be watched."""
        self.unrest = await self._rest()
        return self.unrest

    async def _rest(self) -> str:
        """The base: nothing runs, or what is said to run makes no tokens where tokens are counted as they are made."""
        began, last, pause = self.clock(), None, looking.FIRST
        while True:
            now = await self.read()
            if isinstance(now, str):
                return now
            if now.running <= 0 or (last is not None and self.rate > 0 and _idle(last, now)):
                self.base, self.before = (0.0 if self.stale else now.running), now.produced
                return ""
            if self.clock() - began >= CALM:
                return f"{now.what} {now.shown} though nothing of ours runs; is somebody else using the server?"
            last = now if pause == looking.QUIET else None
            await self.sleep(pause)
            pause = looking.QUIET

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
                self.rate = _rate(seen)
                return True
            await self.sleep(PAUSE)
        return False

    async def watch(self, left: Left) -> Watch:
        """Look until the number is back at its base, or patience ends."""
        if self.unrest:
            return Watch(observer=self.name, how=self.unrest)
        looks: list[Look] = []
        trouble, flaps, self.made = "", False, None
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
        watch = looking.conclude(looks, left, self.rate, what=self.what, stale=self.stale)
        if flaps and not (watch.stopped is False and watch.produced):
            watch = Watch(observer="", how=f"{watch.how}: it goes up and down; does one address hide several servers?")
        elif not looks:
            watch = replace(watch, how=trouble or watch.how)
        return self._told(watch, left)

    async def _look(self, left: Left) -> Look | str:
        now = await self.read()
        if isinstance(now, str):
            return now
        self.made, self.what = now.produced, now.what
        produced = now.produced if self.rate > 0 else None
        return Look(self.clock() - left.at, now.running - self.base, produced, now.shown)

    def _told(self, watch: Watch, left: Left) -> Watch:
        """The watch in this observer's name; what was made after leaving counted from rest, where that is known."""
        before, self.before = self.before, None
        if watch.stopped and (self.forgets or self.stale):
            watch = replace(watch, produced=None)
        elif watch.stopped is not None and left.streamed and before is not None and self.made is not None:
            made = self.made - before - left.received
            sure = made >= 0 and left.counted and (self.rate > 0 or (self.at_end and watch.stopped))
            watch = replace(watch, produced=made if sure else watch.produced)
        if watch.leaked:
            self.base += watch.leaked  # or else it would be held against the next request
        return replace(watch, observer=self.name)


def _idle(before: Reading, now: Reading) -> bool:
    """Whether nothing was done between two readings."""
    return now.produced is not None and (before.running, before.produced) == (now.running, now.produced)


def _rate(seen: list[tuple[float, Reading]]) -> float:
    """Tokens a second in a row of readings, 0 where they do not grow from each to the next."""
    made = [reading.produced for _, reading in seen if reading.produced is not None]
    took = seen[-1][0] - seen[0][0]
    grows = len(made) == len(seen) and all(before < now for before, now in pairwise(made))
    return (made[-1] - made[0]) / took if grows and took > 0 else 0.0
