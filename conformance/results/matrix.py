"""Bundles and groups of rules to tables. Knows no file and no HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.report.stored import StoredRule
from conformance.rules import ALL

from .entry import Entry, State


@dataclass(frozen=True, slots=True)
class Cell:
    """What one table says in one place."""

    state: State
    counts: str
    """In words: "5 hold, 1 broken"."""


@dataclass(frozen=True, slots=True)
class Row:
    """A bundle and its cells, one per column."""

    entry: Entry
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Bundles of one profile and groups of rules, or rules of one group."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def groups(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Every group of rules in these bundles, in the order of the suite; those that it does not know come last."""
    there = dict.fromkeys(claim.feature for entry in entries for claim in entry.claims)
    ours = dict.fromkeys(rule.id.rpartition("/")[0] for rule in ALL)
    return (*(group for group in ours if group in there), *(group for group in there if group not in ours))


def by_profile(entries: Sequence[Entry]) -> tuple[Table, ...]:
    """A table for each profile: what becomes of each group of rules on each target, the newest first."""
    titles = sorted({_title(entry) for entry in entries})
    return tuple(_table([entry for entry in entries if _title(entry) == title], title) for title in titles)


def of_group(entries: Sequence[Entry], group: str) -> Table:
    """What becomes of each rule of a group on each target that it was judged on."""
    found = {claim.rule: claim for entry in entries for claim in entry.claims if claim.feature == group}
    rows = []
    for entry in _sorted(entries):
        claims = {claim.rule: claim for claim in entry.claims}
        if not found.keys().isdisjoint(claims):
            rows.append(Row(entry, tuple(_cell(entry, [claims[r]] if r in claims else []) for r in found)))
    return Table(group, tuple(found), tuple(rows))


def _title(entry: Entry) -> str:
    """The profile; one that is none of the suite's with its digest, as others may have the same name."""
    facts = entry.certificate.facts
    own = f", a profile of their own, SHA-256 {facts.profile_sha256[:12]}…"
    return facts.profile + (own if entry.verification.own_profile else "")


def _table(entries: Sequence[Entry], title: str) -> Table:
    columns = groups(entries)
    rows = []
    for entry in _sorted(entries):
        split: dict[str, list[StoredRule]] = {}
        for claim in entry.claims:
            split.setdefault(claim.feature, []).append(claim)
        rows.append(Row(entry, tuple(_cell(entry, split.get(group, [])) for group in columns)))
    return Table(title, columns, tuple(rows))


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    newest = sorted(entries, key=lambda entry: entry.certificate.facts.date, reverse=True)
    return sorted(newest, key=lambda entry: entry.certificate.facts.target.lower())


def _cell(entry: Entry, claims: Sequence[StoredRule]) -> Cell:
    states = [entry.state([claim]) for claim in claims]
    words = {
        State.BROKEN: "broken",
        State.KNOWN: "known to be broken",
        State.WARNED: "with warnings or tolerated",
        State.GOOD: "hold",
        State.NONE: "not judged",
    }
    counts = ", ".join(f"{states.count(state)} {word}" for state, word in words.items() if state in states)
    return Cell(entry.state(claims), counts or "not in this profile")
