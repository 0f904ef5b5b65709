"""Known failures: what is excused, where and until when, and what is wrong with the list. Reads no file.

An entry is a promise that something fails. One that is not kept - the rule holds, the day is past, no rule has that
name - is red, so that the list never goes stale. Entries for what may fail or not (known to be flaky) promise nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase

from conformance.mistakes import instead
from conformance.rules import ALL
from conformance.verdicts import Report, RuleVerdict, Verdict

BROKEN = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.UNTESTABLE})
"""Verdicts that an entry can excuse. A mistake of the suite is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One entry of a list of known failures."""

    rule: str
    """A rule's id, or a glob over ids."""
    reason: str
    link: str = ""
    target: str = "*"
    """A target's name, or a glob over names."""
    probe: str = ""
    """Only what is found there; "" for everywhere."""
    until: date | None = None
    """The last day on which it counts."""
    flaky: bool = False
    """It may fail or not."""
    place: str = ""
    """File and line where it stands."""

    @property
    def deleted(self) -> str:
        """What to delete, in words."""
        probe = f", probe: {self.probe}" if self.probe else ""
        return f"delete {self.place}:  - rule: {self.rule}{probe}"

    @property
    def said(self) -> str:
        """Why it fails, with the link and the day."""
        day = f", until {self.until.isoformat()}" if self.until else ""
        return self.reason + (f" ({self.link})" if self.link else "") + day

    def names(self, rule_id: str) -> bool:
        """Whether it is about this rule."""
        return fnmatchcase(rule_id, self.rule)


def excuse(report: Report, entries: Sequence[Known], *, today: date) -> Report:
    """The report with what these entries, and no others, excuse and promise. Where there are none, as it is."""
    plain = report.plain or report.verdicts
    mine = [entry for entry in entries if fnmatchcase(report.target, entry.target)]
    verdicts = tuple(_excused(verdict, mine, report.left_out, today) for verdict in plain)
    return replace(report, verdicts=verdicts, plain=plain, unmatched=tuple(unmatched(mine)))


def by_rule(entries: Sequence[Known], *, target: str, today: date) -> dict[str, str]:
    """Rules that fail as a whole, by id, and why: without what is flaky, past, or said of one probe alone."""
    mine = [entry for entry in entries if fnmatchcase(target, entry.target) and not entry.flaky and not entry.probe]
    live = [entry for entry in mine if not entry.until or today <= entry.until]
    return {rule.id: entry.said for entry in live for rule in ALL if entry.names(rule.id)}


def unmatched(entries: Sequence[Known]) -> Iterator[str]:
    """What is wrong with entries that name no rule, or no probe of theirs."""
    for entry in entries:
        rules = [rule for rule in ALL if entry.names(rule.id)]
        if not rules:
            near = instead(entry.rule, [rule.id for rule in ALL], "rule: ")
            yield f"{entry.place}: the known failure {entry.rule!r} names no rule; {near}, or {entry.deleted}"
        elif entry.probe and not any(entry.probe in rule.needs.probes for rule in rules):
            probes = list(dict.fromkeys(probe for rule in rules for probe in rule.needs.probes))
            near = instead(entry.probe, probes, "probe: ")
            yield f"{entry.place}: {entry.rule} is not judged on probe {entry.probe!r}; {near}, or {entry.deleted}"


def _excused(verdict: RuleVerdict, entries: Sequence[Known], left_out: Collection[str], today: date) -> RuleVerdict:
    mine = [entry for entry in entries if entry.names(verdict.rule.id)]
    if not mine or verdict.verdict is Verdict.SUITE_ERROR or _is_left_out(verdict, left_out):
        return verdict
    past = [entry for entry in mine if entry.until and today > entry.until]
    live = [entry for entry in mine if entry not in past]
    told = [f"the known failure ended on {entry.until}: mend it, or {entry.deleted}" for entry in past]
    covers = [entry for entry in live if _is_kept(entry, verdict)]
    stale = [entry for entry in live if not entry.flaky and entry not in covers and not _is_open(entry, verdict)]
    told += [f"listed as a known failure, but {_instead_of(entry, verdict)}; {entry.deleted}" for entry in stale]
    known = verdict.verdict in BROKEN and _covered(verdict, covers)
    flaky = known and all(entry.flaky for entry in covers)
    if known:
        word = "known to be flaky" if flaky else "known failure"
        told.insert(0, f"{word}: {'; '.join(dict.fromkeys(entry.said for entry in covers))}")
    elif covers:
        told += [f"known on probe {entry.probe}, and found elsewhere too: {entry.said}" for entry in covers]
    elif not told and verdict.verdict not in BROKEN and (unsure := [entry for entry in live if entry.flaky]):
        told.append(f"known to be flaky, and {verdict.verdict.value} this time: {unsure[0].said}")
    replaced = known or (told and verdict.verdict is Verdict.NOT_APPLICABLE)
    reason = "; ".join(told if replaced else filter(None, [verdict.reason, *told]))
    return replace(verdict, known=known, flaky=flaky, overdue=bool(past or stale), reason=reason)


def _is_left_out(verdict: RuleVerdict, left_out: Collection[str]) -> bool:
    """Whether this run did not look: nothing follows about the entry."""
    unasked = any(probe in left_out for probe in verdict.rule.needs.probes)
    return verdict.verdict is Verdict.NOT_APPLICABLE and not verdict.probes and unasked


def _is_kept(entry: Known, verdict: RuleVerdict) -> bool:
    """Whether it fails where the entry says that it does."""
    if not entry.probe:
        return verdict.verdict in BROKEN
    return any(found.probe == entry.probe and found.verdict in BROKEN for found in verdict.findings)


def _is_open(entry: Known, verdict: RuleVerdict) -> bool:
    """Whether nothing can be said of the probe, because the rule could be judged on none."""
    return bool(entry.probe) and verdict.verdict is Verdict.UNTESTABLE


def _covered(verdict: RuleVerdict, covers: Sequence[Known]) -> bool:
    """Whether entries speak for all that is broken."""
    probes = {entry.probe for entry in covers}
    if "" in probes:
        return True
    return bool(covers) and all(found.probe in probes for found in verdict.findings if found.verdict in BROKEN)


def _instead_of(entry: Known, verdict: RuleVerdict) -> str:
    """What is so in the place of a failure."""
    if verdict.verdict is Verdict.NOT_APPLICABLE:
        return verdict.reason
    if entry.probe and verdict.verdict in BROKEN:
        return f"it holds on probe {entry.probe}"
    return str(verdict.verdict.value)
