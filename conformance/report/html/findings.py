"""What the page tells of a rule on a target once it is opened: reasons, findings that are alike, and their places.

Bounded, so that targets which break everything everywhere make a file that opens all the same. Knows no HTML.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.protocols.chat import dialects
from conformance.protocols.finding import shorten
from conformance.report.stored import StoredFinding, StoredRule
from conformance.verdicts import Verdict

from .columns import Column

VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|\d+')
"""What may differ between findings that are alike: text in quotes, and numbers."""
LOOKED_AT = 400
"""Characters that are compared."""
SHOWN = 160
"""Characters that checks show of what they got, at most."""
LINKS = frozenset(tolerance.link for dialect in dialects.DIALECTS for tolerance in dialect.tolerances)
"""Where this version says why something is tolerated; what else a report links to is not linked here."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How much is told."""

    kinds: int
    """Findings of one rule on one target that differ in what was wanted or got."""
    places: int
    """Places of findings that are alike."""
    characters: int
    """Of what was wanted, got, or given as a reason."""


Kinds = Mapping[str, list[list[StoredFinding]]]
"""By the id of the rule."""
DETAILS = (Detail(8, 12, 600), Detail(3, 4, 240), Detail(1, 2, 120), Detail(1, 1, 40))
"""From generous to sparing."""


def kinds_of(column: Column) -> Kinds:
    """The findings of each rule, those together that say the same but for values and numbers."""
    return {rule.rule: _alike(rule.findings) for rule in column.target.rules if rule.findings}


def told_of(
    columns: Sequence[Column], kinds: Sequence[Kinds], rules: Sequence[str], detail: Detail
) -> list[dict[str, Any]]:
    """For each rule, what is said of it on each column, by its number; where it simply holds, nothing is."""
    by_id = [{rule.rule: rule for rule in column.target.rules} for column in columns]
    return [
        {
            str(number): _cell(rule, kinds[number].get(rule_id, []), column, detail)
            for number, (column, found) in enumerate(zip(columns, by_id, strict=True))
            if (rule := found.get(rule_id)) is not None and _worth_telling(rule, column)
        }
        for rule_id in rules
    ]


def characters_of(kinds: Sequence[Kinds], detail: Detail) -> int:
    """How much text that is going to be, roughly."""
    told = sum(min(len(alike), detail.kinds) for column in kinds for alike in column.values())
    return 2 * told * min(detail.characters, SHOWN)


def spans_of(column: Column, kinds: Kinds, detail: Detail) -> dict[str, list[tuple[int, int]]]:
    """The probes whose exchanges are shown, with the places in them; what is red comes first."""
    spans: dict[str, list[tuple[int, int]]] = {}
    ordered = sorted(column.target.rules, key=lambda rule: not rule.red)
    for rule in ordered:
        for alike in kinds.get(rule.rule, [])[: detail.kinds]:
            for found in alike[: detail.places]:
                place = spans.setdefault(_probe(found), [])
                if found.span is not None:
                    place.append(found.span)
    return spans


def _worth_telling(rule: StoredRule, column: Column) -> bool:
    plain = rule.verdict is Verdict.PASS and not rule.red and not rule.findings
    return not plain or rule.rule in column.changes


def _cell(rule: StoredRule, kinds: Sequence[Sequence[StoredFinding]], column: Column, detail: Detail) -> dict[str, Any]:
    changed = column.changes.get(rule.rule)
    facts: Mapping[str, Any] = {
        "verdict": rule.verdict.value,
        "red": rule.red,
        "standing": rule.standing,
        "reason": shorten(rule.reason, detail.characters),
        "ignored": shorten(rule.silent_failure, 80),
        "found": [_kind(alike, detail) for alike in kinds[: detail.kinds]],
        "more": max(0, len(kinds) - detail.kinds),
        "probes": list(rule.probes[:6]) if not rule.findings else [],
        "change": changed.change.value if changed else "",
        "before": changed.before.verdict.value if changed and changed.before else "",
    }
    return {name: value for name, value in facts.items() if value}


def _alike(findings: Sequence[StoredFinding]) -> list[list[StoredFinding]]:
    alike: dict[tuple[str, str], list[StoredFinding]] = {}
    for found in findings:
        wanted, got = (VALUE.sub("…", text[:LOOKED_AT]) for text in (found.wanted, found.got))
        alike.setdefault((wanted, got), []).append(found)
    return list(alike.values())


def _kind(alike: Sequence[StoredFinding], detail: Detail) -> dict[str, Any]:
    first = alike[0]
    facts: Mapping[str, Any] = {
        "wanted": shorten(first.wanted, detail.characters),
        "got": shorten(first.got, detail.characters),
        "verdict": first.verdict.value,
        "reason": shorten(first.reason, detail.characters),
        "link": first.link if first.link in LINKS else "",
        "places": [_place(found, first, detail) for found in alike[: detail.places]],
        "more": max(0, len(alike) - detail.places),
    }
    return {name: value for name, value in facts.items() if value}


def _place(found: StoredFinding, first: StoredFinding, detail: Detail) -> list[Any]:
    """Probe, event, events, first byte, byte after the last, pointer; wanted and got where they are not the first's."""
    start, end = found.span or (None, None)
    place = [_probe(found), found.event, found.events, start, end, shorten(found.pointer, 120)]
    if (found.wanted, found.got) != (first.wanted, first.got):
        place += [shorten(found.wanted, detail.characters), shorten(found.got, detail.characters)]
    return place


def _probe(found: StoredFinding) -> str:
    """The name under which the page has the exchange."""
    return shorten(found.probe or found.recording, 200)
