"""The records that a scenario is read into. Knows no YAML, no request and no answer."""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from conformance.wire.script import Script

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a text has to be; all of it holds."""

    equals: str | None = None
    contains: str | None = None
    regex: re.Pattern[str] | None = None
    ignore_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """What a number has to be."""

    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What a request has to be; None where that is left open."""

    message: Text | None = None
    system: Text | None = None
    tool_result: Text | None = None
    model: Text | None = None
    tools: bool | tuple[str, ...] | None = None
    """Names that are offered; or whether any are."""
    headers: tuple[tuple[str, Text], ...] = ()
    turn: Number | None = None
    messages: Number | None = None
    stream: bool | None = None
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A call of a tool."""

    name: str
    arguments: dict[str, Any] | str | tuple[str, ...] | None = None
    """As a mapping, as JSON text, as that text in pieces; None for arguments that fit the tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """What one choice says, names in braces not filled in. Text without boundaries is a str, pieces are a tuple."""

    text: str | tuple[str, ...] = ""
    json: Any = None
    is_json: bool = False
    """It says `json`, which may be null."""
    refusal: str | tuple[str, ...] = ""
    reasoning: str | tuple[str, ...] = ""
    calls: tuple[Tool, ...] = ()
    finish_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An answer with an error object."""

    status: int
    message: str
    type: str
    code: str | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds that a reply takes."""

    prefill: float = 0.0
    """For each token of the prompt."""
    first: float = 0.0
    gap: float = 0.0
    jitter: float = 0.0
    """By what part of itself a gap may be shorter or longer."""


class Place(Enum):
    """What the number of a break counts."""

    EVENT = "at_event"
    BYTE = "at_byte"
    CHARACTER = "inside_character"


class How(Enum):
    """What a break does."""

    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A reply that is broken at one place."""

    place: Place
    number: int
    how: How = How.CLOSE
    seconds: float | None = None
    """Of a stall; None: for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply: what is said, or the error, or the bytes themselves, and how it is told."""

    choices: tuple[Says, ...] = ()
    failure: Failure | None = None
    wire: Script = ()
    """The whole response, in the place of what is said."""
    headers: Headers = ()
    prompt_tokens: int | None = None
    cached_tokens: int = 0
    completion_tokens: int | None = None
    pace: Pace = field(default_factory=Pace)
    fault: str = ""
    breaks: Break | None = None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """To what, and what."""

    name: str
    """Its own, or the file and the line where it stands."""
    when: When = field(default_factory=When)
    replies: tuple[Reply, ...] = ()
    cycles: bool = False
    """After the last reply comes the first; else the last again."""
    per_conversation: bool = False

    def reply(self, turn: int) -> Reply:
        """What comes when it has replied so many times before."""
        length = sum(reply.times for reply in self.replies)
        turn = turn % length if self.cycles else min(turn, length - 1)
        for reply in self.replies:
            if turn < reply.times:
                return reply
            turn -= reply.times
        raise AssertionError("the turn is within the replies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Entries in the order in which they are tried."""

    entries: tuple[Entry, ...] = ()
    models: tuple[str, ...] = ()
    refuses: bool = False
    """What no entry matches is refused; else it gets the built-in reply."""
