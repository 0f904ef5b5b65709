"""What is played to a client: a good answer, and the same answer broken or written another way. Knows no client."""

from dataclasses import dataclass

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Wait

STALL = 3600.0
"""Seconds of a silence that outlasts every client: it is never played to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One answer for one client."""

    id: str
    says: str
    """What is odd about it, in a sentence."""
    request: Request
    """To which the good answer is a good one."""
    good: Answer
    played: Answer
    legal: bool = False
    """It means the same as the good one, and every client has to take it."""
    authority: str = "suite"
    """Who says that it is wrong, or legal: openai, sse, http, clients or suite."""
    level: str = "must"
    """How strongly."""


def duration(answer: Answer) -> float:
    """Seconds that an answer takes by itself, up to a silence that outlasts everybody."""
    taken = 0.0
    for act in (*answer.before, *answer.played()):
        if isinstance(act, Wait):
            if act.seconds >= STALL:
                break
            taken += act.seconds
    return taken
