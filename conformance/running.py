"""A target to a report: probes sent, exchanges judged. Prints nothing; knows no command line."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from conformance.judge import judge, timing_of, unused_tolerances
from conformance.launching import LaunchError, OnLaunch, launched
from conformance.probes.catalogue import PROBES, Probe
from conformance.probes.connection import Unreachable
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.runner import Silent
from conformance.probes.runner import run as run_probes
from conformance.protocols.chat import dialects
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.exchange import Exchange
from conformance.rules import ALL
from conformance.rules.rule import Rule
from conformance.targets import BUILT_IN, FEATURES, ConfigurationError, Target
from conformance.verdicts import Report
from mockserver.answering import Settings
from mockserver.app import running

OnProgress = Callable[[Probe, Exchange], None]
"""Called after each probe."""
BUILT_IN_KEY = "streamspec-built-in"
BUILT_IN_TARGET = Target(
    name=BUILT_IN,
    says="the mock server that comes with the suite",
    url="http://127.0.0.1/v1",
    model="mock",
    features=frozenset(FEATURES),
    workers=8,
)


def probes_for(rules: Sequence[Rule]) -> tuple[Probe, ...]:
    """The probes that these rules need."""
    needed = {name for rule in rules for name in rule.needs.probes}
    return tuple(probe for probe in PROBES if probe.name in needed)


async def run_target(
    target: Target,
    *,
    key: str | None,
    rules: Sequence[Rule] = ALL,
    strict: bool = False,
    record_to: Path | None = None,
    notes: Mapping[str, str] | None = None,
    on_progress: OnProgress | None = None,
    on_launch: OnLaunch | None = None,
    again: str = "",
) -> Report:
    """Start the target where it is launched here, send what the rules need, judge what comes back.

    `notes` go into the source of every recording. Raises Unreachable where there is nothing to judge, LaunchError
    where the target's server does not run.
    """
    if target.name == BUILT_IN:
        with running(Settings(keys=frozenset({BUILT_IN_KEY}))) as url:
            there, key = replace(target, url=url), BUILT_IN_KEY
            return await _run(there, key, rules, strict, record_to, notes or {}, on_progress, again)
    if target.launch is None:
        return await _run(target, key, rules, strict, record_to, notes or {}, on_progress, again)
    async with launched(target, on_launch) as server:
        try:
            report = await _run(target, key, rules, strict, record_to, notes or {}, on_progress, again)
        except Unreachable as problem:
            raise (LaunchError(f"{problem}; {ended}") if (ended := server.ended()) else problem) from None
        return replace(report, problem="; ".join(filter(None, (report.problem, server.ended()))))


async def _run(
    target: Target,
    key: str | None,
    rules: Sequence[Rule],
    strict: bool,
    record_to: Path | None,
    notes: Mapping[str, str],
    on_progress: OnProgress | None,
    again: str,
) -> Report:
    started, clock = datetime.now(UTC), time.monotonic()
    asked = dialects.STRICT.name if strict else target.dialect
    dialects.check_name(asked)
    problem = ""
    try:
        exchanges = await run_probes(
            endpoint_of(target, key),
            probes_for(rules),
            features=target.features,
            workers=target.workers,
            record_to=record_to,
            notes=notes,
            on_progress=on_progress,
        )
    except Silent as silent:
        exchanges, problem = silent.exchanges, str(silent)
        if not any(exchange.head for exchange in exchanges):
            raise
    guess = dialects.choose(asked, exchanges)
    dialect = guess.dialect
    verdicts = judge(exchanges, rules=rules, dialect=dialect, features=target.features, known=target.known_failures)
    return Report(
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
        again=again,
        problem=problem,
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
