"""Known failures in YAML: a file of their own, or a part of targets.yaml, to entries with their lines; and back.

Lines are taken out and put in; every other line of the file, with its remarks, stays as it is. Knows no target.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from conformance import mistakes
from conformance.known import BROKEN, Known, excuse
from conformance.mistakes import ConfigurationError, Kind, Mistake, line_of
from conformance.verdicts import Report

UNNAMED = "url"
"""What a target is called that is given by its URL alone: no name to write into a file."""
LISTS = {"known_failures": False, "known_flaky": True}
"""The two lists, and whether what stands there may fail or not."""
EXAMPLE = """\
known_failures:
  - rule: chat/usage/null-elsewhere
    reason: fixed in the next release"""
HINTS = {
    "known_failures": "[{rule: chat/usage/null-elsewhere, reason: 'fixed in the next release'}]",
    "known_flaky": "[{rule: chat/timing/one-by-one, reason: 'a busy machine'}]",
    "rule": "chat/usage/null-elsewhere",
    "target": "my-server",
    "probe": "two-choices",
    "reason": "'why it fails'",
    "link": "https://example.org/issue/1",
    "until": "'2026-12-31'",
}
PATTERNS = {"^\\d{4}-\\d{2}-\\d{2}$": "a day, like 2026-12-31", "^https?://": "a link: http:// or https:// first"}
KIND = Kind(
    schema="known",
    says="list of known failures",
    example=EXAMPLE,
    hints=HINTS,
    patterns=PATTERNS,
    dates=frozenset({"until"}),
)


def read(path: Path) -> tuple[Known, ...]:
    """The entries of a file. Raises ConfigurationError."""
    return parse(mistakes.read(path, KIND), str(path))


def parse(text: str, name: str) -> tuple[Known, ...]:
    """The entries of a text. Raises ConfigurationError, which lists every mistake with its line."""
    root, value = mistakes.parse(text, name, KIND, day_mistakes)
    return entries_of(value, root, (), name)


def entries_of(
    value: Mapping[str, Any], root: yaml.Node, path: Sequence[str], name: str, **members: Any
) -> tuple[Known, ...]:
    """The entries of a mapping that has the two lists, at this path of the file."""
    return tuple(
        Known(
            **{"until": None, **entry, **_until(entry), **members},
            flaky=flaky,
            place=f"{name}:{line_of(root, [*path, key, position])}",
        )
        for key, flaky in LISTS.items()
        for position, entry in enumerate(value.get(key, ()))
    )


def _until(entry: Mapping[str, str]) -> dict[str, date]:
    return {"until": date.fromisoformat(entry["until"])} if "until" in entry else {}


def day_mistakes(root: yaml.Node, value: Mapping[str, Any], path: Sequence[str] = ()) -> Iterator[Mistake]:
    """Days that the calendar does not have."""
    for key in LISTS:
        for position, entry in enumerate(value.get(key, ())):
            try:
                _until(entry)
            except ValueError as error:
                yield line_of(root, [*path, key, position, "until"]), f"until {entry['until']}: {error}"


def written_anew(text: str, name: str, reports: Sequence[Report], entries: Sequence[Known], *, day: date) -> str:
    """The text as these reports say that it ought to be: what fails and is not listed added, what is stale taken out.

    An entry whose day is past stays, and so does one that names no rule: these are for people to look at.
    """
    gone = [entry for entry in entries if not entry.flaky and _is_stale(entry, reports, day)]
    found = [
        Known(
            rule=verdict.rule.id,
            target=report.target if report.target != UNNAMED else "*",
            reason=f"seen on {day.isoformat()}",
        )
        for report in reports
        for verdict in (excuse(report, [entry for entry in entries if entry not in gone], today=day)).verdicts
        if verdict.red and not verdict.overdue and verdict.verdict in BROKEN
    ]
    return updated(text, name, gone=gone, found=found)


def _is_stale(entry: Known, reports: Sequence[Report], day: date) -> bool:
    """Whether a run that it is about found it untrue of some rule. A glob is then told anew, rule by rule."""
    if entry.until and day > entry.until:
        return False
    return any(verdict.overdue for report in reports for verdict in excuse(report, [entry], today=day).verdicts)


def updated(text: str, name: str, *, gone: Sequence[Known], found: Sequence[Known]) -> str:
    """The text without the entries that are gone, and with those that were found behind the known failures.

    Raises ConfigurationError where the list is not written one entry a line.
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    spans, end, indent = _places(text, name)
    new = [line for entry in found for line in _written(entry, indent)]
    places = {int(entry.place.rpartition(":")[2]) for entry in gone}
    taken = {line for said, first, last in spans for line in range(first, last) if said + 1 in places}
    if end is None:
        kept = [line for number, line in enumerate(lines) if number not in taken]
        return "".join([*kept, *(["known_failures:\n", *new] if new else [])])
    if new and lines[end - 1].startswith("known_failures:"):
        lines[end - 1] = re.sub(r" *\[\s*\]", "", lines[end - 1], count=1)
    before = [line for number, line in enumerate(lines[:end]) if number not in taken]
    after = [line for number, line in enumerate(lines[end:], end) if number not in taken]
    text = "".join([*before, *new, *after])
    return _with_empty_lists(text)


def _places(text: str, name: str) -> tuple[list[tuple[int, int, int]], int | None, str]:
    """Lines of each entry (where it is said to be, first, behind the last); the line behind the last known failure, and
    how it is indented.
    """
    root = yaml.compose(text, yaml.SafeLoader) if text.strip() else None
    spans: list[tuple[int, int, int]] = []
    end: int | None = None
    indent = "  "
    lines = text.splitlines()
    for key, child in root.value if isinstance(root, yaml.MappingNode) else ():
        if not isinstance(child, yaml.SequenceNode):
            continue
        if child.flow_style and child.value:
            line = key.start_mark.line + 1
            raise ConfigurationError(f"{name}:{line}: to be updated, the list has to stand one entry below the other")
        for entry in child.value:
            first, last = entry.start_mark.line, entry.end_mark.line
            while last > first + 1 and (
                last > len(lines) or not lines[last - 1].strip() or _is_remark(lines[last - 1])
            ):
                last -= 1
            dash = first
            while dash > 0 and not lines[dash].lstrip().startswith("-"):
                dash -= 1
            spans.append((first, dash, max(last, first + 1)))
        if key.value == "known_failures":
            end = spans[-1][2] if child.value else key.start_mark.line + 1
            indent = " " * (child.value[0].start_mark.column - 2) if child.value else "  "
    return spans, end, indent


def _is_remark(line: str) -> bool:
    return line.lstrip().startswith("#")


def _written(entry: Known, indent: str) -> list[str]:
    members = {"rule": entry.rule, "target": entry.target if entry.target != "*" else "", "probe": entry.probe}
    members |= {"reason": entry.reason, "link": entry.link}
    kept = {key: value for key, value in members.items() if value}
    said = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1000).splitlines()
    return [f"{indent}{'- ' if not number else '  '}{line}\n" for number, line in enumerate(said)]


def _with_empty_lists(text: str) -> str:
    """A list whose last entry went away is written as empty; YAML would take its key for one without a value."""
    value = yaml.safe_load(text)
    for key in LISTS:
        if isinstance(value, dict) and key in value:
            text = re.sub(rf"^{key}:", f"{key}: []", text, count=1, flags=re.MULTILINE) if value[key] is None else text
    return text
