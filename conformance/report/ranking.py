"""What is in trouble over all targets of a report, worst first, one item for each thing somebody has to mend.

Red before what only warns, then what most targets and most probes show, then who says so. What could not be judged for
the same reason is one item, however many rules that took. Renders nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.verdicts import BY_WEIGHT, Verdict

from .stored import StoredFinding, StoredRule, StoredTarget

AUTHORITIES = ("openai", "sse", "http", "clients", "suite")
"""Whose word weighs more comes first."""
PROBES = re.compile(r" \([a-z0-9/, -]+\)(?=;|$)")
"""Names of probes, behind what came of them."""
ORDER = (Verdict.FAIL, Verdict.SUITE_ERROR, Verdict.UNTESTABLE)
"""Of what is red. What is broken comes before what nobody could see."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A rule in trouble, on one target."""

    column: int
    """Which of the targets, counted from 0."""
    rule: StoredRule


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing to mend: a rule that is broken, or rules that could not be judged for one reason."""

    rules: tuple[str, ...]
    level: str
    authority: str
    says: str
    """The statement of the rule; why nothing could be judged, where that is the trouble."""
    verdict: Verdict
    red: bool
    seen: tuple[Seen, ...]
    probes: int
    """On how many probes it shows, over all targets."""

    @property
    def finding(self) -> StoredFinding | None:
        """The first thing that was found, None where nothing was."""
        return next((found for each in self.seen for found in each.rule.findings), None)

    @property
    def columns(self) -> tuple[int, ...]:
        """On which targets it shows."""
        return tuple(dict.fromkeys(each.column for each in self.seen))

    @property
    def standing(self) -> str:
        """Why it does not count, "" where it does, or is a warning."""
        return self.seen[0].rule.standing

    @property
    def reason(self) -> str:
        """Why it is what it is, where that was said."""
        return next((each.rule.reason for each in self.seen if each.rule.reason), "")


def outcome_of(reason: str) -> str:
    """What came instead of what was needed, out of the reason why a rule could not be judged."""
    return PROBES.sub("", reason.partition(", but ")[2]) or reason


def troubles_of(targets: Sequence[StoredTarget]) -> list[Trouble]:
    """What is in trouble, worst first."""
    broken: dict[tuple[str, bool], list[Seen]] = {}
    unseen: dict[str, list[Seen]] = {}
    for column, target in enumerate(targets):
        for rule in target.rules:
            if rule.verdict is Verdict.UNTESTABLE and rule.red:
                unseen.setdefault(outcome_of(rule.reason), []).append(Seen(column, rule))
            elif rule.trouble:
                broken.setdefault((rule.rule, rule.red), []).append(Seen(column, rule))
    return sorted([*map(_broken, broken.values()), *(_unseen(*item) for item in unseen.items())], key=_rank)


def probes_of(rule: StoredRule) -> tuple[str, ...]:
    """On which probes a rule in trouble found something; those it needed, where it found nothing."""
    return tuple(dict.fromkeys(found.probe for found in rule.findings if found.probe)) or rule.probes


def _broken(seen: Sequence[Seen]) -> Trouble:
    worst = min(seen, key=lambda each: BY_WEIGHT.index(each.rule.verdict)).rule
    return Trouble(
        (worst.rule,), worst.level, worst.authority, worst.message, worst.verdict, worst.red, tuple(seen), _probes(seen)
    )


def _unseen(outcome: str, seen: Sequence[Seen]) -> Trouble:
    rules = tuple(dict.fromkeys(each.rule.rule for each in seen))
    return Trouble(rules, "", "", outcome, Verdict.UNTESTABLE, red=True, seen=tuple(seen), probes=_probes(seen))


def _probes(seen: Sequence[Seen]) -> int:
    return len({(each.column, probe) for each in seen for probe in probes_of(each.rule)})


def _rank(trouble: Trouble) -> tuple[object, ...]:
    """Sorts the worst to the front; what is equally bad stays in the order of the rules."""
    verdict = trouble.verdict
    return (
        not trouble.red,
        bool(trouble.standing),
        ORDER.index(verdict) if verdict in ORDER else len(ORDER),
        ("must", "should", "may", "").index(trouble.level) if trouble.level in ("must", "should", "may") else 3,
        -len(trouble.columns),
        -trouble.probes,
        AUTHORITIES.index(trouble.authority) if trouble.authority in AUTHORITIES else len(AUTHORITIES),
    )
