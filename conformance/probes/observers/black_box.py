"""Whether a server is at work, by how long it lets a short request wait. Needs nothing but the endpoint itself.

All the places that a server is declared to have are held by long requests. A short request then waits; when the long
ones are left and the server stops working on them, it does not. Two baselines of the same run, idle and held, say how
long each takes here; an exact permutation test says how sure a difference is. A short request's time is that to the
end of its answer of a token or two: some servers send a first event before they have a place.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import pairwise
from statistics import median

from conformance.probes.bench import Bench
from conformance.probes.intake import Budget
from conformance.probes.observer import Left
from conformance.probes.probe import Body
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.watch import Watch
from conformance.rules.chance import by_chance

from . import looking

IDLE = 8
"""Short requests of the idle baseline, after one that warms up."""
HELD = 6
"""Those of the held one; half as many more where they leave it open."""
FRESH = 4
"""Those that say which of the two it is now; as many again where they leave it open."""
ALPHA = 0.02
"""A chance below this is no accident; several looks are taken, so it is a small one."""
LIKE = 0.05
"""A chance above this is no surprise."""
SEEN = 0.002
"""The chance below which the two baselines are not of the same kind: everything else rests on that."""
SLOWER, LEAST = 4.0, 0.5
"""A short request is given up after so many times the idle median, at least after so many seconds, and not before
the slowest of the idle ones would have been."""
SHORT: Body = {"messages": [{"role": "user", "content": "Say hi"}], "max_tokens": 2, "stream": True}
HTTP_OK = 200
FULL = (429, 503)
"""Statuses that say there is no place."""


class Outcome(Enum):
    """What became of a short request."""

    ANSWERED = "it was answered"
    WAITED = "it was given up, or told that there is no place"
    FAILED = "it was refused, or broke off"


@dataclass(frozen=True, slots=True)
class Short:
    """A short request, and the seconds it took or was waited for."""

    seconds: float
    outcome: Outcome
    status: int = 0


@dataclass(slots=True, kw_only=True)
class BlackBox:
    """Watches how long short requests take."""

    bench: Bench
    short: Body = field(default_factory=lambda: dict(SHORT))
    name: str = "black-box"
    says: str = "how long short requests take while all slots are held"
    copies: int = 1
    tells_apart: bool = False
    idle: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    unrest: str = ""
    """Why it is not known to be idle."""

    def __post_init__(self) -> None:
        self.copies = max(1, self.bench.slots)
        stage = replace(self.bench.stage, record_to=None, budget=Budget(self.bench.stage.endpoint.limits))
        self.bench = replace(self.bench, stage=stage, observer=None)

    async def rest(self) -> str:
        """The idle baseline, or whether the server is idle; where it is not, nothing can be watched."""
        self.unrest = await self._rest()
        return self.unrest

    async def _rest(self) -> str:
        """The idle baseline, the first time; later, whether the server is idle again."""
        if self.bench.slots <= 0:
            return "how many requests the server works on at the same time is not declared"
        if self.held:
            fresh = [await self._short(self._enough) for _ in range(FRESH)]
            busy = self._free(fresh)[0] is False
            return "short requests wait as if the server were at work, though nothing of ours runs" if busy else ""
        patience = self.bench.stage.endpoint.limits.head_s
        taken = [await self._short(patience) for _ in range(IDLE + 1)][1:]
        if bad := [short for short in taken if short.outcome is not Outcome.ANSWERED]:
            last = f"the last has status {bad[-1].status}" if bad[-1].status else "the last none at all"
            return f"{len(bad)} of {IDLE} short requests to the idle server got no proper answer, {last}"
        self.idle = [short.seconds for short in taken]
        return ""

    async def sees(self) -> bool:
        """Whether short requests take longer while long ones run in all slots."""
        if not self.idle:
            return False
        taken = [await self._short(self._enough) for _ in range(HELD)]
        if SEEN < by_chance([short.seconds for short in taken], self.idle) <= LIKE:
            taken += [await self._short(self._enough) for _ in range(HELD // 2)]
        times = [short.seconds for short in taken]
        if any(short.outcome is Outcome.FAILED for short in taken):
            return False
        if by_chance(times, self.idle) > SEEN or median(times) < 2 * median(self.idle):
            return False
        self.held = times
        return True

    async def watch(self, left: Left) -> Watch:
        """Send short requests until one is answered, or patience ends; then some more, to be sure."""
        if not self.held or self.unrest:
            how = self.unrest or "how long a short request waits when all slots are held is not known"
            return Watch(observer=self.name, how=how)
        waiting: list[tuple[float, asyncio.Task[Short]]] = []
        try:
            return await self._watch(left, waiting)
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)

    async def _watch(self, left: Left, waiting: list[tuple[float, asyncio.Task[Short]]]) -> Watch:
        since, open_ = 0.0, 0
        for due, following in pairwise(_times(left)):
            if (now := self._now(left)) < due:
                await self.bench.sleep(due - now)
            sent = self._now(left)
            waiting.append((sent, asyncio.create_task(self._short(max(left.patience - sent, LEAST)))))
            sent, short = await self._first(left, waiting, following)
            if short.outcome is Outcome.WAITED:
                since = self._now(left)
                continue
            if short.outcome is Outcome.FAILED:
                return Watch(observer=self.name, how="a short request that was sent to find out got no proper answer")
            by = max(sent, sent + short.seconds - min(self.idle))
            free, sure, fresh = await self._settle()
            if free:
                waited = short.seconds > 2 * max(self.idle) + LEAST / 5
                return self._stopped(left, by, max(since, by - max(self.idle)) if waited else since, sure, fresh)
            open_ += free is None
            since = self._now(left) if free is False else since
        return await self._went_on(left, waiting, since, open_)

    async def _first(
        self, left: Left, waiting: list[tuple[float, asyncio.Task[Short]]], until: float
    ) -> tuple[float, Short]:
        """The first of the requests that wait to come back, and when it was sent; one that waits if none does."""
        alarm = asyncio.create_task(_until(self.bench.sleep(max(0.0, until - self._now(left)))))
        tasks = [task for _, task in waiting if not task.done()]
        try:
            await asyncio.wait([alarm, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
        for sent, task in waiting:
            if task.done() and task.result().outcome is not Outcome.WAITED:
                waiting.remove((sent, task))
                return sent, task.result()
        return waiting[0][0], Short(self._now(left) - waiting[0][0], Outcome.WAITED)

    async def _settle(self) -> tuple[bool | None, float, list[Short]]:
        """Whether the server is free now, how sure that is, and by which requests."""
        fresh = [await self._short(self._enough) for _ in range(FRESH)]
        free, sure = self._free(fresh)
        if free is None:
            fresh += [await self._short(self._enough) for _ in range(FRESH)]
            free, sure = self._free(fresh)
        return free, sure, fresh

    def _free(self, fresh: Sequence[Short]) -> tuple[bool | None, float]:
        """Whether these times are of an idle server, and how sure that is; None where they could be of either."""
        if any(short.outcome is Outcome.FAILED for short in fresh):
            return None, 0.0
        times = [short.seconds for short in fresh]
        quicker, slower = by_chance(self.held, times), by_chance(times, self.idle)
        if quicker <= ALPHA and slower > LIKE:
            return True, 1.0 - quicker
        if slower <= ALPHA and quicker > LIKE:
            return False, 1.0 - slower
        return None, 0.0

    def _stopped(self, left: Left, by: float, since: float, sure: float, fresh: Sequence[Short]) -> Watch:
        times = median(short.seconds for short in fresh)
        how = f"{self._calibrated}; answered again {by:.2f} s after the client had left, then in {times:.3f} s"
        if by > looking.natural(left):
            return Watch(observer=self.name, how=f"{how}; by then the answer had ended by itself: ask for a longer one")
        return Watch(observer=self.name, how=how, stopped=True, by=by, since=since, sure=sure)

    async def _went_on(
        self, left: Left, waiting: list[tuple[float, asyncio.Task[Short]]], since: float, open_: int
    ) -> Watch:
        """Patience is over, and the server was not seen free."""
        if (now := self._now(left)) < left.patience:
            await self.bench.sleep(left.patience - now)
        at = self._now(left)
        if waiting:
            waits = [at - sent for sent, _ in waiting]
            chance = by_chance(waits, self.idle)
            how = f"{self._calibrated}; {len(waits)} sent after the client had left waited {max(waits):.2f} s and more"
            if chance <= ALPHA and not any(task.done() and _answered(task) for _, task in waiting):
                return Watch(observer=self.name, how=how, stopped=False, by=at, since=at, sure=1.0 - chance)
        else:
            free, sure, fresh = await self._settle()
            times = median(short.seconds for short in fresh)
            how = f"{self._calibrated}; {times:.3f} s {at:.2f} s after the client had left"
            if free is False and since > 0 and not open_:
                return Watch(observer=self.name, how=how, stopped=False, by=at, since=since, sure=sure)
            if free:
                return self._stopped(left, at, since, sure, fresh)
        return Watch(observer=self.name, how=f"{how}: that could be either")

    async def _short(self, patience: float) -> Short:
        """Send a short request, and wait for its answer for so long."""
        clock = self.bench.stage.clock
        began = clock()
        exchange = await self.bench.ask("short", self.short, leave=Leave(seconds=patience))
        outcome = _outcome(exchange)
        taken = clock() - began if exchange.ended_at is None else exchange.ended_at
        return Short(max(taken, patience) if outcome is Outcome.WAITED else taken, outcome, exchange.status)

    def _now(self, left: Left) -> float:
        return self.bench.stage.clock() - left.at

    @property
    def _enough(self) -> float:
        return max(SLOWER * median(self.idle), 1.5 * max(self.idle), LEAST)

    @property
    def _calibrated(self) -> str:
        idle, held = median(self.idle), median(self.held)
        return f"short requests took {idle:.3f} s when idle, {held:.3f} s or more with all {self.copies} slots held"


def _times(left: Left) -> tuple[float, ...]:
    """When to send a short request, and the end of patience: oftener than one would look, so that more of them wait."""
    times = [looking.times(left)[0]]
    while times[-1] + looking.QUIET + LEAST < left.patience:
        times.append(times[-1] + looking.QUIET)
    return (*times, left.patience)


def _outcome(exchange: Exchange) -> Outcome:
    if exchange.ending is Ending.LEFT or exchange.status in FULL:
        return Outcome.WAITED
    whole = exchange.ending is Ending.EOF and exchange.status == HTTP_OK
    return Outcome.ANSWERED if whole else Outcome.FAILED


def _answered(task: "asyncio.Task[Short]") -> bool:
    return task.result().outcome is Outcome.ANSWERED


async def _until(awaitable: Awaitable[object]) -> None:
    await awaitable
