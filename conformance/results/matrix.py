"""Bundles and groups of rules to tables. Knows no file and no HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.certificate.claims import Claim
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


def group_of(rule: str) -> str:
    """What a rule is about: its id but for the last part."""
    return rule.rpartition("/")[0]


def groups(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Every group of rules in these bundles, in the order of the suite; those that it does not know come last."""
    there = dict.fromkeys(group_of(claim.rule) for entry in entries for claim in entry.claims)
    ours = dict.fromkeys(group_of(rule.id) for rule in ALL)
    return (*(group for group in ours if group in there), *(group for group in there if group not in ours))


def by_profile(entries: Sequence[Entry]) -> tuple[Table, ...]:
    """A table for each profile: what becomes of each group of rules on each target, the newest first."""
    names = sorted({entry.certificate.facts.profile for entry in entries})
    return tuple(_table([e for e in entries if e.certificate.facts.profile == name], name) for name in names)


def of_group(entries: Sequence[Entry], group: str) -> Table:
    """What becomes of each rule of a group on each target that it was judged on."""
    found = {claim.rule: claim for entry in entries for claim in entry.claims if group_of(claim.rule) == group}
    rows = []
    for entry in _sorted(entries):
        claims = {claim.rule: claim for claim in entry.claims}
        if not found.keys().isdisjoint(claims):
            rows.append(Row(entry, tuple(_cell(entry, [claims[r]] if r in claims else []) for r in found)))
    return Table(group, tuple(found), tuple(rows))


def _table(entries: Sequence[Entry], title: str) -> Table:
    columns = groups(entries)
    rows = []
    for entry in _sorted(entries):
        split: dict[str, list[Claim]] = {}
        for claim in entry.claims:
            split.setdefault(group_of(claim.rule), []).append(claim)
        rows.append(Row(entry, tuple(_cell(entry, split.get(group, [])) for group in columns)))
    return Table(title, columns, tuple(rows))


def _sorted(entries: Iterable[Entry]) -> list[Entry]:
    newest = sorted(entries, key=lambda entry: entry.certificate.facts.date, reverse=True)
    return sorted(newest, key=lambda entry: entry.certificate.facts.target.lower())


def _cell(entry: Entry, claims: Sequence[Claim]) -> Cell:
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
