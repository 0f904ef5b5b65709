"""One column of the page: a target in one run, with its exchanges and what changed since another. Renders nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from conformance.protocols.exchange import Exchange
from conformance.report.comparing import Changed, compare
from conformance.report.stored import StoredReport, StoredTarget

from .wire import by_probe

GIVEN = "url"
"""What `run --url` calls its target."""
Exchanges = Mapping[str, Exchange]
"""By the name of their probe."""


@dataclass(frozen=True, slots=True)
class Column:
    """A target in one run."""

    name: str
    """What it is called here: the target, and what tells it from others of that name."""
    target: StoredTarget
    exchanges: Exchanges = field(default_factory=dict)
    changes: Mapping[str, Changed] = field(default_factory=dict)
    """What became of its rules since the earlier report, by their ids."""
    compared: bool = False
    """Whether the earlier report has this target."""


def columns_of(
    reports: Sequence[StoredReport],
    exchanges: Sequence[Sequence[Exchange]] = (),
    against: StoredReport | None = None,
    labels: Sequence[str] = (),
) -> tuple[Column, ...]:
    """Every target of every report. `exchanges` are those of each target, in this order; `labels` name the reports."""
    columns: list[Column] = []
    for report, label in zip(reports, labels or [""] * len(reports), strict=True):
        comparison = compare(against, report) if against else None
        for target in report.targets:
            given = exchanges[len(columns)] if len(columns) < len(exchanges) else ()
            changes = comparison.changes if comparison else ()
            column = Column(
                label,
                target,
                by_probe(given),
                {changed.rule: changed for changed in changes if changed.target == target.target},
                compared=comparison is not None and target.target not in comparison.targets_added,
            )
            columns.append(column)
    names = _names(columns)
    return tuple(
        Column(name, one.target, one.exchanges, one.changes, one.compared)
        for name, one in zip(names, columns, strict=True)
    )


def _names(columns: Sequence[Column]) -> list[str]:
    """The target's name; where two have the same, with the report it is from, then the time, then a number."""
    named = [_name(column.target) for column in columns]
    said = [
        named,
        [f"{name} ({one.name})" if one.name else name for name, one in zip(named, columns, strict=True)],
        [f"{name} ({one.target.started})" for name, one in zip(named, columns, strict=True)],
        [f"{name} ({number})" for number, name in enumerate(named, start=1)],
    ]
    return next(names for names in said if _differ(names) or names is said[-1])


def _name(target: StoredTarget) -> str:
    """Its name; the host where it was given by its URL alone."""
    return target.url.partition("://")[2].partition("/")[0] if target.target == GIVEN and target.url else target.target


def _differ(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(set(listed)) == len(listed)
