"""What a client under test prints: one line of JSON. Knows no process and no case.

    {"text", "finish_reason", "tool_calls", "usage", "chunks", "error": null | {"class", "message"}}

Any of the first five may be missing: then that is not judged. Noise around the line is passed over.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from math import isfinite
from typing import Any

import msgspec

KEYS = ("text", "finish_reason", "tool_calls", "usage", "chunks", "error")
LONGEST = 300
"""Characters of an error that are kept."""
TEXT_KEPT, MEMBERS_KEPT = 2000, 200
"""Characters of a text, and members of a list or an object, that are kept of what a client told."""
DEEPEST = 100
"""Levels of a report; JSON that is nested deeper is none."""
GAP = object()


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call as a client hands it over. "" for what it does not tell."""

    name: str
    arguments: Any
    """The text as it came, or what a client has read from it."""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a client says of one answer. GAP for what it does not say."""

    text: Any = GAP
    finish_reason: Any = GAP
    tool_calls: Any = GAP
    """A tuple of calls, None, or GAP."""
    usage: Any = GAP
    chunks: Any = GAP
    error: str | None = None
    """Class and message of what it raised; None where it would go on as if all were well."""
    known: dict[str, Any] = field(default_factory=dict)
    """The line itself."""


def report_in(line: str | bytes) -> Report | None:
    """The report in a line of output; None where it holds none."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    if not text.lstrip().startswith("{"):
        return None
    value = value_in(text)
    return report_of(value) if isinstance(value, dict) and any(key in value for key in KEYS) else None


def value_in(text: str) -> Any:
    """The JSON value of a line, None where it is none or too deep. Half a surrogate pair is let stand."""
    for decode in (msgspec.json.decode, json.loads):
        try:
            value = decode(text)
        except (ValueError, RecursionError):  # one of msgspec's is a ValueError, too
            continue
        return None if _is_deep(value) else value
    return None


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [member for one in level for member in _members(one)]
    return bool(level)


def _members(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def shortened(report: Report) -> Report:
    """What is kept of a report: long texts are cut in the middle."""
    ours_first = sorted(report.known.items(), key=lambda member: member[0] not in KEYS)
    return report_of(kept(dict(ours_first)))


def kept(value: Any) -> Any:
    """What is kept of a JSON value; it can be written as JSON again, in UTF-8."""
    if isinstance(value, str):
        sound = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        half = TEXT_KEPT // 2
        return sound if len(sound) <= TEXT_KEPT else f"{sound[:half]}\u2026{sound[-half:]}"
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [kept(item) for item in value[:MEMBERS_KEPT]]
    if isinstance(value, dict):
        return {kept(name): kept(item) for name, item in islice(value.items(), MEMBERS_KEPT)}
    return value


def report_of(value: dict[str, Any]) -> Report:
    """The report in a JSON object."""
    calls = value.get("tool_calls", GAP)
    return Report(
        text=_text(value.get("text", GAP)),
        finish_reason=value.get("finish_reason", GAP),
        tool_calls=tuple(map(_call, calls)) if isinstance(calls, list) else calls if calls is GAP else None,
        usage=value.get("usage", GAP),
        chunks=value.get("chunks", GAP),
        error=_error(value.get("error")),
        known=value,
    )


def _text(value: Any) -> Any:
    return "" if value is None else value


def _call(value: Any) -> Call:
    """A call, flat or as the API has it."""
    if not isinstance(value, dict):
        return Call("", value)
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    return Call(_string(inner.get("name")), inner.get("arguments", ""), _string(value.get("id")))


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _error(value: Any) -> str | None:
    if value is None or value is False:
        return None
    if isinstance(value, dict):
        kind = value.get("class") or value.get("type") or "error"
        return f"{kind}: {value.get('message') or ''}"[:LONGEST]
    return str(value)[:LONGEST]
