"""The trials prove themselves: every behaviour of every rule against every rule, in memory and in virtual time.

Each trial is made against the mock server, once a good one and once for each behaviour; then the behaviour's own rule
has to notice, and no other but those named in `also_breaks`. Prints nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

from conformance.in_memory import dialling
from conformance.judge import findings_of
from conformance.probes import bodies
from conformance.probes.bench import Bench, Tempo
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.observers.choosing import ANY, Wanted, choose
from conformance.probes.observers.journal import Journal
from conformance.probes.performing import Stage
from conformance.probes.runner import Silent
from conformance.probes.trials.calibrating import UNKNOWN, calibrate
from conformance.probes.trials.catalogue import TRIALS
from conformance.probes.trials.running import run
from conformance.probes.trials.trial import Trial
from conformance.protocols.exchange import Exchange
from conformance.rules import ALL
from conformance.rules.behaviour import Behaviour, Overflow
from conformance.rules.rule import Rule
from conformance.simulation import simulate
from conformance.targets import FEATURES
from mockserver.answering import Settings
from mockserver.app import MockServer

SLOTS = 2


@dataclass(frozen=True, slots=True)
class Kill:
    """What one behaviour did: which rules found something, in which trials."""

    rule: Rule
    behaviour: Behaviour
    caught: tuple[str, ...]
    """Trials in which its own rule noticed."""
    strangers: tuple[tuple[str, str], ...]
    """(rule, trial) of every finding by a rule that is not named in also_breaks."""
    companions: tuple[str, ...]
    """Rules named in also_breaks that did find something."""

    @property
    def name(self) -> str:
        """What the behaviour is called behind its rule's id."""
        return self.behaviour.name

    @property
    def clean(self) -> bool:
        """Caught, and by nobody else."""
        return bool(self.caught) and not self.strangers


def rehearse(
    trial: Trial,
    behaviour: Behaviour | None = None,
    *,
    slots: int = SLOTS,
    overflow: Overflow = Overflow.QUEUE,
    wanted: Wanted | None = None,
) -> list[Exchange]:
    """The exchanges of a trial with the mock server, in memory; it is a good one, or has this behaviour.

    The journal watches, or whoever is `wanted`; who that is to be is then found out from this very server.
    """
    tempo, undisturbed = _pace()

    async def made() -> list[Exchange]:
        async with _benched(behaviour, Settings(slots=slots, overflow=overflow, gzip=True)) as bench:
            bench.tempo, bench.undisturbed = tempo, undisturbed
            if wanted is not None:
                choice = await choose(bench, wanted)
                bench.observer, bench.blind = choice.observer, choice.blind
            return await trial.perform(bench)

    return simulate(made())


def run_through(
    trials: Sequence[Trial],
    behaviour: Behaviour | None = None,
    *,
    slots: int = SLOTS,
    wanted: Wanted = ANY,
) -> list[Exchange]:
    """All of a run: the pace is measured on this very server, somebody chosen who watches, and the trials made."""

    async def made() -> list[Exchange]:
        async with _benched(behaviour, Settings(slots=slots)) as bench:
            try:
                return await run(bench.stage, trials, features=bench.features, slots=slots, wanted=wanted)
            except Silent as silent:
                return silent.exchanges

    return simulate(made())


@cache
def good_trials() -> tuple[tuple[Trial, tuple[Exchange, ...]], ...]:
    """What a server that does everything right gives to every trial."""
    return tuple((trial, tuple(rehearse(trial))) for trial in TRIALS)


def kill(rule: Rule, behaviour: Behaviour, rules: Sequence[Rule] = ALL) -> Kill:
    """Make every trial that the rule needs against a server of this behaviour, and see who notices."""
    caught: list[str] = []
    strangers: list[tuple[str, str]] = []
    companions: set[str] = set()
    for trial in TRIALS:
        if trial.name not in rule.needs.probes:
            continue
        found = noticed(rehearse(trial, behaviour), rules)
        if rule.id in found:
            caught.append(trial.name)
        companions |= found & set(rule.also_breaks)
        strangers += [(other, trial.name) for other in sorted(found - {rule.id} - set(rule.also_breaks))]
    return Kill(rule, behaviour, tuple(caught), tuple(strangers), tuple(sorted(companions)))


def matrix(rules: Sequence[Rule] = ALL) -> Iterator[Kill]:
    """Every behaviour of these rules against every rule there is."""
    for rule in rules:
        for behaviour in rule.broken_when:
            yield kill(rule, behaviour)


def false_alarms(rules: Sequence[Rule] = ALL) -> list[tuple[str, str]]:
    """(rule, trial) of every finding in a trial of the good server; there must be none."""
    return [(rule, trial.name) for trial, exchanges in good_trials() for rule in sorted(noticed(exchanges, rules))]


def never_tried(rules: Sequence[Rule] = ALL) -> list[str]:
    """Rules whose needs no exchange of a trial meets."""
    made = [exchange for _, exchanges in good_trials() for exchange in exchanges]
    return [rule.id for rule in rules if not any(rule.needs.fits(exchange) for exchange in made)]


def noticed(exchanges: Sequence[Exchange], rules: Sequence[Rule] = ALL) -> set[str]:
    """The rules that find something in these exchanges."""
    return {rule_id for exchange in exchanges for rule_id, findings in findings_of(exchange, rules).items() if findings}


@asynccontextmanager
async def _benched(behaviour: Behaviour | None, settings: Settings) -> AsyncIterator[Bench]:
    """A bench before a mock server in memory, of unknown pace."""
    async with MockServer(settings, port=None, behaviour=behaviour) as server:
        endpoint = Endpoint(url=server.url, model="mock")
        stage = Stage(
            endpoint=endpoint,
            budget=Budget(endpoint.limits),
            record_to=None,
            clock=asyncio.get_running_loop().time,
            notes={},
            dial=dialling(server.accept),
        )
        features = frozenset(FEATURES)
        bench = Bench(stage=stage, long=bodies.LONG, tempo=UNKNOWN, slots=settings.slots, features=features)
        bench.observer = Journal(stage=stage, sleep=asyncio.sleep)
        yield bench


@cache
def _pace() -> tuple[Tempo, Exchange | None]:
    """The pace of the good mock server, and its answer after a long prompt. It has its own time."""

    async def measured() -> tuple[Tempo, Exchange | None]:
        async with _benched(None, Settings(slots=SLOTS)) as bench:
            pace = await calibrate(bench, exact=True)
            assert not pace.trouble, pace.trouble
            return bench.tempo, bench.undisturbed

    return simulate(measured())
