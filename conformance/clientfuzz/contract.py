"""What a client under test prints: one line of JSON. Knows no process and no case.

    {"text", "finish_reason", "tool_calls", "usage", "chunks", "error": null | {"class", "message"}}

Any of the first five may be missing: then that is not judged. Noise around the line is passed over.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

KEYS = ("text", "finish_reason", "tool_calls", "usage", "chunks", "error")
LONGEST = 300
"""Characters of an error that are kept."""
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
    """The JSON value of a line, None where it is none. Half a surrogate pair is let stand."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def last_report(lines: Iterable[str | bytes]) -> Report | None:
    """The last line that is a report."""
    found = None
    for line in lines:
        found = report_in(line) or found
    return found


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
