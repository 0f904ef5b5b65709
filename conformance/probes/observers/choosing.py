"""Which observer a run has: the one that is configured, or the first of all that sees a long request of ours run."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from conformance.probes import bodies
from conformance.probes.bench import Bench
from conformance.probes.intake import Budget
from conformance.probes.observer import Observer
from conformance.probes.recorder import Leave

from .black_box import BlackBox
from .cpu import Cpu, of_listener, of_process
from .journal import Journal
from .prometheus import prometheus
from .slots import slots

NAMES = ("journal", "prometheus", "slots", "cpu", "black-box")
"""In the order they are tried: the ones that know most and cost least first."""
BLACK_BOX = NAMES[-1]
CPU = "cpu"
UNTOLD = (CPU, BLACK_BOX)
"""Those that do not see by themselves whether the server is idle: they have to be shown."""
NONE = "none"
AT_WORK = "though nothing of ours runs"
"""In what an observer says that sees the server at work without our doing."""
STARTED = 0.3
"""Seconds beyond the first token that a long request has to get under way."""
LONGEST = 60.0
"""Seconds that a long request may run while it is looked at."""
CONFIGURE = (
    "say how in targets.yaml, below the target:  observer: {prometheus: {url: http://HOST:PORT/metrics, "
    "running: METRIC}}  or  slots: NUMBER  (requests that the server works on at the same time), for the black box"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a target says it is to be watched."""

    name: str = ""
    """One of NAMES, NONE, or "" for the first that sees."""
    url: str = ""
    """Of the document to read; "" for the server's own."""
    running: str = ""
    """A sum of metrics: requests at work."""
    produced: str = ""
    """A sum of metrics: tokens made."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Who watches, or why nobody does and what to write so that somebody can."""

    observer: Observer | None
    blind: str = ""


ANY = Wanted()


async def choose(bench: Bench, wanted: Wanted = ANY, *, process: int | None = None, over: float = 0.0) -> Choice:
    """Try observers on the idle server, then while a long request runs. Nothing of ours may run meanwhile.

    `bench` has everything but the observer. `process` is the server's, where it was started here; it may be at work
    until `over` with what was left, and is waited for where nobody would notice. What is asked is not recorded. When
    this returns nothing of ours runs any more, as far as the observer can tell.
    """
    if wanted.name == NONE:
        return Choice(None, "the target is not to be watched (observer: none)")
    stage = replace(bench.stage, record_to=None, budget=Budget(bench.stage.endpoint.limits))
    quiet = replace(bench, stage=stage, observer=None)
    try:
        candidates = _candidates(quiet, wanted, process)
    except ValueError as problem:
        return Choice(None, str(problem))
    troubles: list[str] = []
    for names in ([name for name in NAMES if name not in UNTOLD], *([name] for name in UNTOLD)):
        group = [one for one in candidates if one.name in names]
        if group and group[0].name in UNTOLD:
            await bench.sleep(max(0.0, over - bench.stage.clock()))
        chosen = await _first(quiet, group, troubles)
        if chosen is not None:
            return Choice(chosen)
    told = "; ".join(troubles)
    if wanted.name:
        return Choice(None, f"the observer {wanted.name}, which the target asks for, sees nothing: {told}")
    return Choice(None, f"nothing shows whether the server is at work ({told}); {CONFIGURE}")


def _candidates(bench: Bench, wanted: Wanted, process: int | None) -> list[Observer]:
    """Every observer there is, or the one that is wanted. Raises ValueError for a wrong metric."""
    stage, sleep = bench.stage, bench.sleep
    measure = of_listener(stage.endpoint.url) if process is None else of_process(process)
    made: dict[str, Callable[[], Observer]] = {
        "journal": lambda: Journal(stage=stage, sleep=sleep, url=wanted.url),
        "prometheus": lambda: prometheus(
            stage, sleep, url=wanted.url, running=wanted.running, produced=wanted.produced
        ),
        "slots": lambda: slots(stage, sleep, url=wanted.url),
        "cpu": lambda: Cpu(measure=measure, clock=stage.clock, sleep=sleep),
        "black-box": lambda: BlackBox(bench=bench),
    }
    return [make() for name, make in made.items() if wanted.name in ("", name)]


async def _first(bench: Bench, candidates: Sequence[Observer], troubles: list[str]) -> Observer | None:
    """The first of these that sees a long request run; why the others do not is added to `troubles`."""
    able = []
    for observer in candidates:
        trouble = await observer.rest()
        if AT_WORK in trouble:  # perhaps with what was left when the pace was measured
            trouble = await calm(bench, observer)
        if trouble:
            troubles.append(f"{observer.name}: {trouble}")
        else:
            able.append(observer)
    found = await _sees(bench, able, troubles)
    if found is None and any(observer.name == CPU for observer in able):
        found = await _sees(bench, [o for o in able if o.name == CPU and not await o.rest()], troubles)
    return found


async def _sees(bench: Bench, able: Sequence[Observer], troubles: list[str]) -> Observer | None:
    """The first of these, all of them at rest, that sees a long request run."""
    long = _Long(bench)
    try:
        for observer in able:
            if not await long.runs(observer.copies):
                troubles.append(f"{observer.name}: no long request could be kept running to be looked at")
            elif await observer.sees():
                await long.end()
                if not (trouble := await calm(bench, observer)):
                    return observer
                troubles.append(f"{observer.name}: after a long request had been left, {trouble}")
            else:
                troubles.append(f"{observer.name}: no difference between an idle server and a long request")
    finally:
        await long.end()
    if able:
        await bench.sleep(min(bench.tempo.lasts, LONGEST))  # nobody can tell whether it still works on it
    return None


async def calm(bench: Bench, observer: Observer) -> str:
    """Wait until nothing of ours runs, even where a server goes on with what was left, to its end.

    Says so where it still seems to; then the observer's next watch says no more than that.
    """
    until = bench.stage.clock() + min(2 * bench.tempo.lasts, LONGEST)
    while (trouble := await observer.rest()) and bench.stage.clock() < until:
        await bench.sleep(STARTED)
    return trouble


class _Long:
    """Long requests that run until they are ended."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._tasks: list[asyncio.Task[object]] = []

    async def runs(self, copies: int) -> bool:
        """Start so many, unless they run already; whether they still do when they ought to be under way."""
        if len(self._tasks) == copies and not any(task.done() for task in self._tasks):
            return True
        await self.end()
        bench = self._bench
        leave = Leave(seconds=LONGEST)
        self._tasks = [
            asyncio.create_task(bench.ask("long", bodies.long(bench), mark=bench.mark(), leave=leave))
            for _ in range(copies)
        ]
        await bench.sleep(bench.tempo.first + STARTED)
        return not any(task.done() for task in self._tasks)

    async def end(self) -> None:
        """Leave them all."""
        for task in self._tasks:
            task.cancel()  # to be cancelled is to leave
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
