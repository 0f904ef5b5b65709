"""Facts and exchanges to the report of a bundle. Pure; the only place that judges for a certificate."""

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from conformance import cancellation
from conformance.judge import judge, timing_of, unused_tolerances
from conformance.known import Known, excuse
from conformance.probes.catalogue import PROBES
from conformance.probes.probe import Probe
from conformance.probes.trials.catalogue import TRIALS
from conformance.probes.trials.trial import Trial
from conformance.profiles import Choice
from conformance.protocols.chat import dialects
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import shorten
from conformance.report import machine
from conformance.rules.rule import Rule
from conformance.verdicts import Report

from .certificate import Facts, KnownFailure


def report_of(facts: Facts, exchanges: Sequence[Exchange], choice: Choice) -> Report:
    """What these exchanges show. Raises LookupError where the dialect is not known here."""
    dialect = dialects.find(facts.dialect)
    verdicts = judge(
        exchanges,
        rules=choice.scored,
        dialect=dialect,
        features=frozenset(facts.features),
    )
    report = Report(
        target=facts.target,
        url=facts.url,
        model=facts.model,
        dialect=facts.dialect,
        dialect_reason=facts.dialect_reason,
        verdicts=verdicts,
        timings=tuple(timing_of(exchange) for exchange in exchanges),
        unused_tolerances=unused_tolerances(dialect, verdicts),
        seconds=facts.seconds,
        started=facts.date,
        problem=facts.problem,
        cancellation=cancellation.of(exchanges),
        measure=choice.measure,
    )
    known = [_known(each) for each in concerning(facts.known_failures, choice.scored)]
    return excuse(report, known, today=_day(facts.date[:10]) or date.max)


def concerning(failures: Iterable[KnownFailure], rules: Sequence[Rule]) -> Iterator[KnownFailure]:
    """The known failures that are about one of these rules."""
    names = [rule.id for rule in rules]
    return (each for each in failures if fnmatch.filter(names, each.rule))


def _known(failure: KnownFailure) -> Known:
    return Known(
        rule=failure.rule,
        reason=failure.reason,
        link=failure.link,
        probe=failure.probe,
        until=_day(failure.until),
        flaky=failure.flaky,
        place="the known failure",
    )


def _day(text: str) -> date | None:
    """The day, None where the text is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def as_json(report: Report) -> dict[str, Any]:
    """The report as `streamspec run --json` writes it."""
    return machine.of_run([report])


def missing(facts: Facts, exchanges: Sequence[Exchange], rules: Sequence[Rule]) -> tuple[str, ...]:
    """Probes and trials that these rules need of a target with these features, and that were not made.

    Nobody but this suite is asked what they are: to a signer who says that his did without, anything could be missing.
    A probe that is added later needs a day since when it is there, and is not needed by profiles frozen before.
    """
    made = {exchange.probe for exchange in exchanges}
    needed = {name for rule in rules for name in rule.needs.probes}
    asked: list[Probe | Trial] = [*PROBES, *TRIALS]
    needed_here = (each.name for each in asked if each.name in needed and each.runs_on(facts.features))
    return tuple(name for name in needed_here if name not in made)


def of_another(facts: Facts, exchanges: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """Recordings of another target than the facts name, and how that shows: by the URL, or by the model."""
    own_model = {probe.name for probe in PROBES if probe.model}
    base = facts.url.partition("?")[0].rstrip("/")
    for exchange in (each for one in exchanges for each in (one, one.beside) if each is not None):
        if not exchange.request.url.startswith(f"{base}/"):
            yield exchange.source, f"it is of {shorten(exchange.request.url)}, and not of {base}"
        elif (model := exchange.member("model", facts.model)) != facts.model and exchange.probe not in own_model:
            yield exchange.source, f"it is of model {shorten(str(model))}, and not of {shorten(facts.model)}"
