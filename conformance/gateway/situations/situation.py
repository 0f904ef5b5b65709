"""What a situation is: a request of ours, and how the upstream behind the gateway answers it. Sends nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from conformance.protocols.exchange import Request
from mockserver.upstream import Plan

Body = Mapping[str, Any]


class About(Enum):
    """What a situation is there to show."""

    STREAM = "good streams"
    UNUSUAL = "unusual but legal streams"
    PACE = "timing"
    REQUEST = "requests"
    BROKEN = "streams that break"
    REFUSED = "errors before the stream"


def in_text(mark: str) -> str:
    """A mark as it stands in the text of a message."""
    return f"streamspec-mark-{mark}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One request through the gateway, and what the upstream does with it."""

    name: str
    says: str
    """What the upstream does, in words."""
    about: About
    respond: Callable[[Request], Plan]
    body: Body = field(default_factory=dict)
    """Members of the request besides model, messages and stream; a member that is None is left out."""
    broken_json: bool = False
    """The request is cut off in the middle of its JSON."""
    headers: tuple[tuple[str, str], ...] = ()
    own_answer: bool = False
    """A gateway may answer this by itself."""
    refusal: bool = False
    """The answer ought to be a refusal, whoever gives it."""
    ends: str = "well"
    """How the upstream's stream ends: "well", "cut", "reset", "unfinished" (in order, but without finish_reason),
    "failed" (an error message), "broken" (a line that is no JSON)."""
    timed: bool = False
    """The upstream sends slowly enough to see what is held back; nothing else runs meanwhile."""


def body_of(situation: Situation, model: str, mark: str) -> Any:
    """The body of the request: JSON, or text where it is to be broken."""
    text = f"Say hello ({in_text(mark)})."
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": True, **situation.body}
    body = {key: value for key, value in body.items() if value is not None}
    if "messages" not in body:
        body["user"] = in_text(mark)
    if situation.broken_json:
        return f'{{"model": "{model}", "stream": true, "messages": [{{"role": "user", "content": "{text}"}}, '
    return body
