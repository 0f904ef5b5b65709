"""The trials of one run: the pace is measured, somebody chosen who watches, the plan told, and then they are made.

They come after the probes, one after the other; where the observer tells requests apart, those that bear company are
made side by side, when the others are done. Knows no trial by name and prints nothing.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from conformance.probes import bodies
from conformance.probes.bench import Bench, Sleep, Tempo
from conformance.probes.observer import Observer
from conformance.probes.observers.choosing import ANY, Wanted, calm, choose
from conformance.probes.observers.journal import Journal
from conformance.probes.performing import SILENT, Stage
from conformance.probes.probe import Body
from conformance.probes.runner import Silent
from conformance.protocols.exchange import Ending, Exchange

from .calibrating import UNKNOWN, calibrate
from .trial import Part, Trial

AT_A_TIME = 8
"""Trials side by side, where that may be and the slots are not declared."""
SHORTEST = 2.0
"""Seconds that the long answer must last for anybody to see that it is worked on."""
IN_CASE = (
    "say in targets.yaml what the target answers at length, below it:  "
    "long: {prompt: 'Count to ten thousand', body: {ignore_eos: true}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is going to be done, and what it takes."""

    trials: tuple[Trial, ...]
    tempo: Tempo
    seconds: float
    """On a healthy server."""
    seconds_at_worst: float
    """On one that never stops."""
    tokens: int
    tokens_at_worst: int
    observer: str
    """Where somebody looks, in words; "" where nobody does."""
    blind: str
    """Why nobody does, and what to configure."""
    leaving: float = 0.0
    """Of the seconds, those of the trials of leaving."""


OnPlan = Callable[[Plan], None]
OnTrial = Callable[[Trial, Sequence[Exchange]], None]


@dataclass(slots=True, kw_only=True)
class _Run:
    """The trials of one run, and what came of them."""

    bench: Bench
    trials: Sequence[Trial]
    on_progress: OnTrial | None
    before: tuple[Exchange, ...] = ()
    done: dict[str, list[Exchange]] = field(default_factory=dict)

    def exchanges(self) -> list[Exchange]:
        """What there is, in the order of the trials."""
        made = [exchange for trial in self.trials for exchange in self.done.get(trial.name, [])]
        return [*self.before, *made]

    async def step(self, trial: Trial) -> None:
        """Make one trial; give up when the target is beyond hope and something is left to be done."""
        stage, observer = self.bench.stage, self.bench.observer
        if observer is not None and not observer.tells_apart:
            await calm(self.bench, observer)  # or else what goes on of the last trial is held against this one
        self.done[trial.name] = exchanges = await trial.perform(self.bench)
        if self.on_progress is not None:
            self.on_progress(trial, exchanges)
        waiting = len(self.done) < len(self.trials)
        if stage.trouble >= SILENT and waiting and not await _answers(self.bench):
            where = f"{stage.endpoint.host}:{stage.endpoint.port}"
            done = f"{len(self.done)} of {len(self.trials)} trials were done"
            raise Silent(f"{where} answers no more after trial {trial.name}: {done}; see the server's log", [])

    async def work(self, waiting: Iterator[Trial]) -> None:
        """What each worker does."""
        for trial in waiting:
            await self.step(trial)

    async def all(self, workers: int) -> None:
        """One after the other, then those that bear company side by side."""
        alone, together = _shared_out(self.trials, workers)
        await self.work(iter(alone))
        waiting = iter(together)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self.work(waiting))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None


async def run(
    stage: Stage,
    trials: Iterable[Trial],
    *,
    long: Body = bodies.LONG,
    features: Collection[str] = (),
    slots: int = 0,
    wanted: Wanted = ANY,
    process: int | None = None,
    on_plan: OnPlan | None = None,
    on_progress: OnTrial | None = None,
    sleep: Sleep = asyncio.sleep,
) -> list[Exchange]:
    """The exchanges of the trials that ask for no feature, or for those of `features`.

    `process` is that of the server, where it was started here. Nothing of ours may run meanwhile. Raises Silent, with
    what there is.
    """
    chosen = tuple(trial for trial in trials if trial.runs_on(features))
    if not chosen:
        return []
    bench = Bench(
        stage=stage,
        long={**long, "stream": True},
        tempo=UNKNOWN,
        slots=slots,
        sleep=sleep,
        features=frozenset(features),
    )
    journal = Journal(stage=stage, sleep=sleep, url=wanted.url)
    exact = wanted.name in ("", journal.name) and not await journal.rest()
    pace = await calibrate(bench, exact=exact)
    if pace.trouble:
        bench.blind = f"{pace.trouble}; {IN_CASE}"
    elif pace.tempo.lasts < SHORTEST and not exact:
        bench.blind = f"the long answer is over after {pace.tempo.lasts:.2g} s, too soon to be left; {IN_CASE}"
    elif exact:
        bench.observer = journal
    else:
        choice = await choose(bench, wanted, process=process, over=pace.over)
        bench.observer, bench.blind = choice.observer, choice.blind
    if on_plan is not None:
        on_plan(plan_of(chosen, bench))
    running = _Run(bench=bench, trials=chosen, on_progress=on_progress, before=pace.exchanges)
    try:
        await running.all(_workers(bench.observer, slots))
    except Silent as silent:
        raise Silent(str(silent), running.exchanges()) from None
    return running.exchanges()


def plan_of(trials: Sequence[Trial], bench: Bench) -> Plan:
    """What these trials take, at the pace that was measured."""
    costs = {trial.name: trial.cost(bench.tempo, bench.slots) for trial in trials}
    workers = _workers(bench.observer, bench.slots)
    longer = bench.tempo.lasts if bench.observer is not None and workers == 1 else 0.0
    goes_on = sum(
        1
        for trial in trials
        if trial.part is Part.LEAVING and costs[trial.name].tokens_at_worst > costs[trial.name].tokens
    )
    seconds = _seconds(trials, bench, workers)
    return Plan(
        trials=tuple(trials),
        tempo=bench.tempo,
        seconds=seconds,
        seconds_at_worst=seconds + goes_on * longer,
        tokens=sum(cost.tokens for cost in costs.values()),
        tokens_at_worst=sum(cost.tokens_at_worst for cost in costs.values()),
        observer=bench.observer.says if bench.observer is not None else "",
        blind=bench.blind,
        leaving=_seconds([trial for trial in trials if trial.part is Part.LEAVING], bench, workers),
    )


def _seconds(trials: Sequence[Trial], bench: Bench, workers: int) -> float:
    alone, together = (
        [trial.cost(bench.tempo, bench.slots).seconds for trial in some] for some in _shared_out(trials, workers)
    )
    return sum(alone) + max(sum(together) / workers, *together, 0.0)


def _shared_out(trials: Sequence[Trial], workers: int) -> tuple[list[Trial], list[Trial]]:
    """Those that are made one after the other, and those that are made side by side after them; each in order."""
    alone = [trial for trial in trials if trial.apart or workers == 1]
    return alone, [trial for trial in trials if trial not in alone]


def _workers(observer: Observer | None, slots: int) -> int:
    """How many trials may be made at the same time."""
    return (min(slots, AT_A_TIME) or AT_A_TIME) if observer is not None and observer.tells_apart else 1


async def _answers(bench: Bench) -> bool:
    """Whether a short request, not recorded, comes to an end."""
    stage = bench.stage
    stage.trouble = 0
    quiet = replace(bench, stage=replace(stage, record_to=None))
    exchange = await quiet.ask("answers", bodies.short(quiet))
    return exchange.head is not None and exchange.ending is not Ending.TIMEOUT
