"""What a check hands back: a place, what was wanted and what was there. Knows no level and no verdict."""

import json
from dataclasses import dataclass

SHOWN = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken statement at one place. `rule` is filled in by the rule that made it."""

    wanted: str
    got: str
    rule: str = ""
    event: int | None = None
    """Number of the message in the stream, counted from 1."""
    events: int | None = None
    """How many messages the stream has."""
    span: tuple[int, int] | None = None
    """First byte and the byte after the last one, in the response body."""
    pointer: str = ""
    """JSON pointer into the message."""
    obeyed: bool = False
    """The parameter that the rule is about was not ignored, only not kept to the letter."""


def show(value: object, limit: int = SHOWN) -> str:
    """A value as a report shows it: JSON, printable characters only, cut in the middle when long."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        text = json.dumps(text, ensure_ascii=False)
    else:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    return shorten(text, limit)


def shorten(text: str, limit: int = SHOWN) -> str:
    """Make text safe for a terminal and no longer than `limit` characters; the middle goes first."""
    if len(text) <= limit and text.isprintable():
        return text
    text = text[:limit] + "…" + text[-limit:] if len(text) > 3 * limit else text
    text = printable(text)
    if len(text) <= limit:
        return text
    half = (limit - 3) // 2
    return f"{text[:half]} … {text[-half:]}"


def printable(text: str, but: str = "") -> str:
    """Text with everything written out that moves a cursor, turns a line around or hides, save what is in `but`."""
    return "".join(c if c.isprintable() or c in but else c.encode("unicode_escape").decode() for c in text)
