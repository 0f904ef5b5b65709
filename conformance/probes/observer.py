"""What every observer can do. Knows no server and no trial."""

from dataclasses import dataclass
from typing import Protocol

from conformance.protocols.watch import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A client that has left, for whoever watches on. Times are of the stage's clock."""

    mark: str
    """The value of the request's x-streamspec-mark header."""
    at: float
    """When it left."""
    received: int
    """Tokens that had come until then, of all that was asked since the observer was last at rest."""
    counted: bool = True
    """As many were made until then, as far as pieces of an answer are tokens."""
    ends: float
    """When the answer would end by itself, as far as the target's pace tells. What is seen later proves nothing."""
    patience: float = 5.0
    """Seconds after leaving for which the server is watched."""
    streamed: bool = True
    """Whether the answer was streamed; the first look at one that was not comes later (some servers notice only when
    nobody disturbs them)."""
    silent: bool = False
    """Nothing is written for now, as if it were not streamed."""


class Observer(Protocol):
    """Sees whether a server is at work. It looks seldom and after a pause: looking disturbs some servers."""

    name: str
    """"journal", "prometheus", "slots", "cpu" or "black-box"."""
    says: str
    """Where it looks, in words."""
    copies: int
    """How many of the same request have to run for it to see that one does; all are left at the same time."""
    tells_apart: bool
    """Whether it sees one request by itself, so that others may run beside it."""

    async def rest(self) -> str:
        """Look while nothing of ours runs: the base for all that follows. Says why nothing can be seen, if so.

        Called again before whatever is to be watched; after trouble there, `watch` says no more than that.
        """

    async def sees(self) -> bool:
        """Asked while a long request runs: whether that can be seen."""

    async def watch(self, left: Left) -> Watch:
        """Look on until the server has stopped or patience ends."""
