"""What a probe is: what it sends and how it behaves. Knows no socket, no rule, no target and no probe by name."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .way import Way

Body = dict[str, Any]

COUNT = "Count from 1 to 10"
FIXED: Body = {"temperature": 0, "seed": 1}


class Companion(Enum):
    """Why another request goes with the probe's own."""

    TWIN = "the same request, not streamed"
    BEFORE = "a request before it, on the same connection"
    APART = "another request, on a connection of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One request (or two that belong together)."""

    name: str
    says: str
    """What is sent, in words, for reports."""
    body: Body | str | None
    """Members of the request besides `model`; a str is sent as it is."""
    feature: str = ""
    """What the target has to declare for this probe to run; "" for every target."""
    another_feature: str = ""
    """What it has to declare besides."""
    method: str = "POST"
    path: str = "/chat/completions"
    """Where it is sent, behind the target's URL."""
    way: Way = Way.WHOLE
    """How it is sent; a companion is always sent whole."""
    model: str = ""
    """Asked for in place of the target's model."""
    with_key: bool = True
    """Whether the API key is sent."""
    companion: Companion | None = None
    companion_body: Body | None = None

    def runs_on(self, features: Collection[str]) -> bool:
        """Whether a target that declares these features gets this probe."""
        return {self.feature, self.another_feature} <= {"", *features}


def ask(text: str, **members: object) -> Body:
    """The members of a request for a stream of chat."""
    return {"messages": [{"role": "user", "content": text}], "stream": True, **members}
