"""A target to a report: probes sent, exchanges judged. Prints nothing; knows no command line.

The probes go over the network to every target. So do the trials, but for the built-in mock server: those are made in
memory and in virtual time, where a minute of waiting takes none and a busy machine changes nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from conformance import cancellation
from conformance.in_memory import dialling
from conformance.judge import judge, timing_of, unused_tolerances
from conformance.known import Known, excuse
from conformance.launching import LaunchError, OnLaunch, launched
from conformance.probes.bodies import long_of
from conformance.probes.catalogue import PROBES, Probe
from conformance.probes.connection import Clock, Dial, Unreachable, connect
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.intake import Budget
from conformance.probes.observers.choosing import Wanted
from conformance.probes.performing import Stage
from conformance.probes.runner import Silent
from conformance.probes.runner import run as run_probes
from conformance.probes.trials.catalogue import TRIALS
from conformance.probes.trials.running import OnPlan, OnTrial
from conformance.probes.trials.running import run as run_trials
from conformance.probes.trials.trial import Trial
from conformance.protocols.chat import dialects
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.exchange import Exchange
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.simulation import simulate
from conformance.targets import BUILT_IN, FEATURES, ConfigurationError, Target, Watched
from conformance.verdicts import Measure, Report
from mockserver.answering import Settings
from mockserver.app import MockServer, running

OnProgress = Callable[[Probe, Exchange], None]
"""Called after each probe."""
OnExchanges = Callable[[Sequence[Exchange]], None]
BUILT_IN_KEY = "streamspec-built-in"
BUILT_IN_SETTINGS = Settings(keys=frozenset({BUILT_IN_KEY}), slots=4, gzip=True)
BUILT_IN_TARGET = Target(
    name=BUILT_IN,
    says="the mock server that comes with the suite",
    url="http://127.0.0.1/v1",
    model="mock",
    features=frozenset(FEATURES),
    workers=8,
    slots=BUILT_IN_SETTINGS.slots,
    observer=Watched(name="journal"),
)
QUICK = "left out by --profile quick"


def probes_for(rules: Sequence[Rule]) -> tuple[Probe, ...]:
    """The probes that these rules need."""
    needed = {name for rule in rules for name in rule.needs.probes}
    return tuple(probe for probe in PROBES if probe.name in needed)


def trials_for(rules: Sequence[Rule]) -> tuple[Trial, ...]:
    """The trials that these rules need."""
    needed = {name for rule in rules for name in rule.needs.probes}
    return tuple(trial for trial in TRIALS if trial.name in needed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted of a run, besides the target."""

    rules: Sequence[Rule] = ALL
    strict: bool = False
    quick: bool = False
    """No trials: neither cancellation nor concurrency nor timing."""
    record_to: Path | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    """They go into the source of every recording."""
    on_progress: OnProgress | None = None
    on_launch: OnLaunch | None = None
    on_plan: OnPlan | None = None
    """Called before the trials begin, if there are any."""
    on_trial: OnTrial | None = None
    """Called after each trial."""
    on_exchanges: OnExchanges | None = None
    """Called once, with everything that came, before it is judged."""
    again: str = ""
    candidates: frozenset[str] = frozenset()
    """Ids of rules that are reported and not scored."""
    measure: Measure | None = None
    """The profile that the rules come from."""
    known: Sequence[Known] = ()
    """Known failures, beside the target's own."""


PLAIN = Order()


async def run_target(target: Target, *, key: str | None, order: Order = PLAIN) -> Report:
    """Start the target where it is launched here, send what the rules need, judge what comes back.

    Raises Unreachable where there is nothing to judge, LaunchError where the target's server does not run.
    """
    if target.name == BUILT_IN:
        with running(Settings(keys=frozenset({BUILT_IN_KEY}))) as url:
            return await _run(replace(target, url=url), BUILT_IN_KEY, order)
    if target.launch is None:
        return await _run(target, key, order)
    async with launched(target, order.on_launch) as server:
        try:
            report = await _run(target, key, order, server.process.pid)
        except Unreachable as problem:
            raise (LaunchError(f"{problem}; {ended}") if (ended := server.ended()) else problem) from None
        return replace(report, problem="; ".join(filter(None, (report.problem, server.ended()))))


async def _run(target: Target, key: str | None, order: Order, process: int | None = None) -> Report:
    started, clock = datetime.now(UTC), time.monotonic()
    asked = dialects.STRICT.name if order.strict else target.dialect
    dialects.check_name(asked)
    exchanges, problem = await _ask(target, endpoint_of(target, key), order, process)
    if order.on_exchanges is not None:
        order.on_exchanges(exchanges)
    guess = dialects.choose(asked, exchanges)
    dialect = guess.dialect
    left_out = {trial.name: QUICK for trial in TRIALS} if order.quick else {}
    verdicts = judge(
        exchanges,
        rules=order.rules,
        dialect=dialect,
        features=target.features,
        left_out=left_out,
        candidates=order.candidates,
    )
    report = Report(
        target=target.name,
        url=without_credentials_in_url(target.url),
        model=target.model,
        dialect=dialect.name,
        dialect_reason=guess.why,
        verdicts=verdicts,
        timings=tuple(timing_of(exchange) for exchange in exchanges),
        unused_tolerances=unused_tolerances(dialect, verdicts),
        seconds=time.monotonic() - clock,
        started=started.isoformat(timespec="seconds"),
        again=order.again,
        problem=problem,
        cancellation=cancellation.of(exchanges),
        measure=order.measure,
        left_out=frozenset(left_out),
    )
    return excuse(report, (*target.known_failures, *order.known), today=started.date())


async def _ask(target: Target, endpoint: Endpoint, order: Order, process: int | None) -> tuple[list[Exchange], str]:
    """The exchanges of probes and trials, and why they are not all of them, if so."""
    exchanges: list[Exchange] = []
    try:
        exchanges = await run_probes(
            endpoint,
            probes_for(order.rules),
            features=target.features,
            workers=target.workers,
            record_to=order.record_to,
            notes=order.notes,
            on_progress=order.on_progress,
        )
        if not order.quick:
            if target.name == BUILT_IN:
                exchanges += await _try_in_memory(target, endpoint, order)
            else:
                exchanges += await _try(target, endpoint, order, process)
    except Silent as silent:
        exchanges += silent.exchanges
        if not any(exchange.head for exchange in exchanges):
            raise
        return exchanges, str(silent)
    return exchanges, ""


async def _try_in_memory(target: Target, endpoint: Endpoint, order: Order) -> list[Exchange]:
    """The trials of the built-in mock server, on a loop of their own whose clock jumps."""

    async def made() -> list[Exchange]:
        clock = asyncio.get_running_loop().time
        async with MockServer(BUILT_IN_SETTINGS, port=None) as server:
            return await _try(target, endpoint, order, dial=dialling(server.accept), clock=clock)

    return await asyncio.to_thread(simulate, made())


async def _try(
    target: Target,
    endpoint: Endpoint,
    order: Order,
    process: int | None = None,
    *,
    dial: Dial = connect,
    clock: Clock = time.monotonic,
) -> list[Exchange]:
    stage = Stage(
        endpoint=endpoint,
        budget=Budget(endpoint.limits),
        record_to=order.record_to,
        clock=clock,
        notes=order.notes,
        dial=dial,
    )
    watched = target.observer
    return await run_trials(
        stage,
        trials_for(order.rules),
        long=long_of(target.long.prompt, target.long.body),
        features=target.features,
        slots=target.slots,
        wanted=Wanted(name=watched.name, url=watched.url, running=watched.running, produced=watched.produced),
        process=process,
        on_plan=order.on_plan,
        on_progress=order.on_trial,
    )


def endpoint_of(target: Target, key: str | None) -> Endpoint:
    """The network side of a target. Raises ConfigurationError where it cannot be used."""
    try:
        return _endpoint(target, key)
    except ValueError as problem:
        raise ConfigurationError(f"target {target.name}: {problem}") from problem


def _endpoint(target: Target, key: str | None) -> Endpoint:
    return Endpoint(
        url=target.url,
        model=target.model,
        key=key or "",
        key_header=target.key_header,
        headers=target.headers,
        verify=target.verify,
        limits=Limits(exchange_s=target.timeout, head_s=min(Limits().head_s, target.timeout)),
    )
