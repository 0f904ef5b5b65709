"""Two reports of the same targets beside each other: what is fixed, what is new, what is still there.

Compares what the reports say and judges nothing anew. What was in trouble and was not judged again is not fixed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from conformance.verdicts import Verdict

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


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What was not the same when a target was judged; it may be all the difference."""

    target: str
    what: str
    """"profile", "dialect" or "model"."""
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different between two reports, in the order of the later one."""

    changes: tuple[Changed, ...]
    targets_added: tuple[str, ...] = ()
    """Targets that only the later report has."""
    targets_gone: tuple[str, ...] = ()
    """Targets that only the earlier report has."""
    lost: tuple[tuple[str, str], ...] = ()
    """Target and rule of what held, and was not judged again: no trouble, so no change."""
    otherwise: tuple[Otherwise, ...] = ()
    judged: int = 0
    """How many rules were judged both times: without any, nothing was compared."""

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
    earlier = {target.target: target for target in before.targets}
    alone = len(before.targets) == len(now.targets) == 1
    pairs = [(before.targets[0] if alone else earlier.get(target.target), target) for target in now.targets]
    both = [(then, target) for then, target in pairs if then is not None]
    met = {id(then) for then, _ in both}
    return Comparison(
        changes=tuple(changed for then, target in both for changed in _changes(then, target)),
        targets_added=tuple(target.target for then, target in pairs if then is None),
        targets_gone=tuple(target.target for target in before.targets if id(target) not in met),
        lost=tuple(lost for then, target in both for lost in _lost(then, target)),
        otherwise=tuple(other for then, target in both for other in _otherwise(then, target)),
        judged=sum(len(_judged(then) & _judged(target)) for then, target in both),
    )


def _changes(before: StoredTarget, now: StoredTarget) -> list[Changed]:
    """What became of the rules on one target, worst first."""
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


def _lost(before: StoredTarget, now: StoredTarget) -> Iterator[tuple[str, str]]:
    since = {rule.rule: rule.verdict for rule in now.rules}
    for rule in before.rules:
        if rule.verdict in HELD and since.get(rule.rule, Verdict.NOT_APPLICABLE) is Verdict.NOT_APPLICABLE:
            yield now.target, rule.rule


def _judged(target: StoredTarget) -> set[str]:
    return {rule.rule for rule in target.rules if rule.verdict is not Verdict.NOT_APPLICABLE}


def _otherwise(before: StoredTarget, now: StoredTarget) -> Iterator[Otherwise]:
    for what, one, other in (
        ("profile", _profile(before), _profile(now)),
        ("dialect", before.dialect, now.dialect),
        ("model", before.model, now.model),
    ):
        if one != other:
            yield Otherwise(now.target, what, one, other)


def _profile(target: StoredTarget) -> str:
    """The frozen list, with the beginning of its digest: lists of one's own may have changed under their name."""
    if not target.profile:
        return "none"
    return f"{target.profile.get('name', '')} ({str(target.profile.get('digest', ''))[:19]})"
