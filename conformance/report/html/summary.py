"""What stands at the top of the page: how bad it is, in a sentence, and each target in a row. Knows no HTML."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.report.comparing import Change
from conformance.report.lines import problems_of
from conformance.report.ranking import Trouble
from conformance.verdicts import BY_WEIGHT, Verdict

from .columns import Column


@dataclass(frozen=True, slots=True)
class Share:
    """One verdict among all rules."""

    verdict: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One target."""

    column: Column
    red: int
    shares: tuple[Share, ...]
    first_content: float | None
    """Seconds, the middle of them; None where nothing was measured."""
    gap: float | None
    """Seconds that 95 of 100 gaps do not exceed."""
    tokens_per_second: float | None
    cancellation: str
    changes: Mapping[str, int]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rules got which verdict."""
        return {share.verdict: share.count for share in self.shares}


@dataclass(frozen=True, slots=True)
class Headline:
    """How bad it is."""

    mood: str
    """"red", "warn" or "good"."""
    says: str
    more: tuple[str, ...]
    """What else there is to know at once."""


def summary_of(column: Column) -> Summary:
    """The row of a target."""
    target = column.target
    counts = Counter(rule.verdict for rule in target.rules)
    total = max(1, len(target.rules))
    changed = Counter(change.change.value for change in column.changes.values())
    return Summary(
        column=column,
        red=len(target.red_rules),
        shares=tuple(Share(v.value, counts[v], round(100 * counts[v] / total, 3)) for v in BY_WEIGHT if counts[v]),
        first_content=_figure(target.figures, "first_content", "p50"),
        gap=_figure(target.figures, "gap", "p95"),
        tokens_per_second=_figure(target.figures, "tokens_per_second", "p50"),
        cancellation=str(target.cancellation.get("class", ""))[:40],
        changes={change.value: changed[change.value] for change in Change},
    )


def headline_of(columns: Sequence[Column], troubles: Sequence[Trouble]) -> Headline:
    """The worst of it first."""
    kinds = Counter(trouble.verdict for trouble in troubles if trouble.red)
    broken, unseen, ours = (kinds[verdict] for verdict in (Verdict.FAIL, Verdict.UNTESTABLE, Verdict.SUITE_ERROR))
    stale = sum(trouble.red for trouble in troubles) - broken - unseen - ours
    warnings = len({t.rules[0] for t in troubles if t.verdict is Verdict.WARN and not t.standing and not t.red})
    standings = Counter(trouble.standing for trouble in troubles)
    blocked = len({rule for t in troubles if t.red and t.verdict is Verdict.UNTESTABLE for rule in t.rules})
    parts = [
        _number(broken, "rule that must hold is broken", "rules that must hold are broken"),
        _number(blocked, "rule could not be judged", "rules could not be judged"),
        _number(ours, "rule broke by itself: our mistake", "rules broke by themselves: our mistake"),
        _number(stale, "known failure is one no more", "known failures are none any more"),
        _number(warnings, "warning", "warnings"),
        _number(standings["known"], "known failure", "known failures"),
        _number(standings["flaky"], "flaky failure", "flaky failures"),
        _number(standings["candidate"], "candidate that is not scored", "candidates that are not scored"),
    ]
    said = [part for part in parts if part]
    problems = [f"{column.name}: {why}" for column in columns for why in problems_of(column.target)]
    red = bool(problems) or any(trouble.red for trouble in troubles) or any(column.target.red for column in columns)
    if not red:
        return Headline("warn" if warnings else "good", "Nothing is red", tuple(said))
    if not any(trouble.red for trouble in troubles):
        return Headline("red", "The run is red for another reason than its rules", (*problems, *said))
    return Headline("red", said[0], (*said[1:], *problems))


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""


def _figure(figures: Mapping[str, Any], name: str, which: str) -> float | None:
    spread = figures.get(name)
    value = spread.get(which) if isinstance(spread, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
