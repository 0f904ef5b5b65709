"""Two reports of the same targets beside each other: what is fixed, what is new, what is still there.

Compares what the reports say and judges nothing anew. What was in trouble and was not judged again is not fixed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from conformance.verdicts import BY_WEIGHT, Verdict

from .stored import StoredReport, StoredRule, StoredTarget

HELD = frozenset({Verdict.PASS, Verdict.TOLERATED})
"""Verdicts of a rule that was judged and is no trouble."""


class Change(Enum):
    """What became of a rule on a target."""

    NEW = "new"
    """In trouble now, and was not, or was not judged."""
    STILL = "still"
    """In trouble both times."""
    FIXED = "fixed"
    """Was in trouble, was judged again, and holds."""
    UNJUDGED = "unjudged"
    """Was in trouble, and was not judged again: nobody knows."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One rule on one target, before and now; None where that report does not have the rule."""

    target: str
    """As the later report names it; as the earlier does, where the later does not have it."""
    rule: str
    change: Change
    before: StoredRule | None
    now: StoredRule | None

    @property
    def turned_red(self) -> bool:
        """Whether it makes a run red that was not red because of it."""
        return bool(self.now and self.now.red) and not (self.before and self.before.red)

    @property
    def worse(self) -> bool:
        """Whether what is said now weighs more than what was said before."""
        return _weight(self.now) < _weight(self.before)

    @property
    def first(self) -> bool:
        """Whether nothing was known of it before: no rule then, or not judged."""
        return self.before is None or self.before.verdict is Verdict.NOT_APPLICABLE


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different between two reports, in the order of the later one."""

    changes: tuple[Changed, ...]
    targets_added: tuple[str, ...] = ()
    """Targets that only the later report has."""
    targets_gone: tuple[str, ...] = ()
    """Targets that only the earlier report has."""

    @property
    def red(self) -> bool:
        """Whether something turned red."""
        return any(changed.turned_red for changed in self.changes)

    def of(self, change: Change) -> tuple[Changed, ...]:
        """The rules that this became of."""
        return tuple(changed for changed in self.changes if changed.change is change)


def compare(before: StoredReport, now: StoredReport) -> Comparison:
    """What became of every rule that is, or was, in trouble.

    Targets go together by name; where each report has one target only, these two do, whatever they are called.
    """
    earlier = _by_name(before.targets)
    alone = len(before.targets) == len(now.targets) == 1
    pairs = [(before.targets[0] if alone else earlier.get(target.target), target) for target in now.targets]
    met = {id(target) for target, _ in pairs if target is not None}
    return Comparison(
        tuple(changed for earlier_one, target in pairs for changed in compare_targets(earlier_one, target)),
        tuple(target.target for earlier_one, target in pairs if earlier_one is None),
        tuple(target.target for target in before.targets if id(target) not in met),
    )


def compare_targets(before: StoredTarget | None, now: StoredTarget) -> Iterable[Changed]:
    """What became of the rules on one target, worst first. A target that was not there before has no changes."""
    if before is None:
        return ()
    then, since = ({rule.rule: rule for rule in target.rules} for target in (before, now))
    found = [
        Changed(now.target, rule_id, change, then.get(rule_id), since.get(rule_id))
        for rule_id in dict.fromkeys([*since, *then])
        if (change := _change(then.get(rule_id), since.get(rule_id))) is not None
    ]
    return sorted(found, key=lambda changed: (not changed.turned_red, list(Change).index(changed.change)))


def _change(before: StoredRule | None, now: StoredRule | None) -> Change | None:
    was, is_now = bool(before and before.trouble), bool(now and now.trouble)
    if was and now and now.stale and not (before and before.stale):
        return Change.FIXED
    if is_now:
        return Change.STILL if was else Change.NEW
    if not was:
        return None
    return Change.FIXED if now and now.verdict in HELD else Change.UNJUDGED


def _weight(rule: StoredRule | None) -> int:
    return BY_WEIGHT.index(rule.verdict) if rule else len(BY_WEIGHT)


def _by_name(targets: Iterable[StoredTarget]) -> Mapping[str, StoredTarget]:
    return {target.target: target for target in targets}
