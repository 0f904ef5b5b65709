"""What an engine would say if nothing limited it. Knows no HTTP and no limits: who answers keeps to those.

An engine is where tokens come from. It gets a request that is in order, and gives a draft, an answer that takes the
place of all else, or None: then the built-in replies speak.
"""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer

from .story import Rhythm
from .tools import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One choice, all in pieces: thoughts, then text or a refusal, then calls."""

    thoughts: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    refusal: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    finish_reason: str = ""
    """Why it ends; "" where that follows from the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is said to one request."""

    choices: tuple[Choice, ...]
    """A request for more than these gets them in turn."""
    rhythm: Rhythm
    prompt_tokens: int | None = None
    """In the place of those that were counted."""
    cached_tokens: int = 0
    completion_tokens: int | None = None

    def choice(self, index: int) -> Choice:
        """What the choice of this number says."""
        return self.choices[index % len(self.choices)]


Engine = Callable[[Request], Draft | Answer | None]
