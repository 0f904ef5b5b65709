"""Requests that are sent at the same time, each with a word of its own. Knows no trial by name.

Every trial begins with one such request that has the target to itself: it shows how whole an answer of this target is,
and how long one takes; those that come later may wait for all that were before them.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from dataclasses import replace
from typing import TypeVar

from conformance.probes.bench import Bench, Tempo
from conformance.probes.probe import Body
from conformance.protocols.exchange import Exchange
from conformance.protocols.markers import asks_for, word_of

from .trial import Cost

TOKENS = 64
"""Of an answer; a word that nobody knows takes some four tokens, so it is said more than ten times."""
FEW, MOST = 4, 8
"""Requests at the same time: as many as the target has slots, at most MOST; FEW where that is not declared."""
AT_LEAST = 2
PATIENCE = 3.0
"""Times as long as all the answers would take one after another; no server that works needs more."""
SPARE = 10.0
"""Seconds that are allowed besides."""

Result = TypeVar("Result")


def at_once(slots: int) -> int:
    """How many requests are sent at the same time, to a target with so many slots (0: not declared)."""
    return min(MOST, max(AT_LEAST, slots)) if slots else FEW


def marked(bench: Bench, *, stream: bool = True, tokens: int = TOKENS, **members: object) -> Body:
    """The members of a request that has a word of its own repeated."""
    return {
        "messages": asks_for(word_of(bench.mark())),
        "stream": stream,
        "max_tokens": tokens,
        "temperature": 0,
        **members,
    }


def names(trial: str, count: int) -> list[str]:
    """The names of the exchanges that are made at the same time; the trial's own name is that of the one before."""
    return [f"{trial}/{number}" for number in range(2, count + 2)]


async def together(asked: Iterable[Awaitable[Result]]) -> list[Result]:
    """All of them at the same time."""
    return list(await asyncio.gather(*asked))


def patient(bench: Bench, before: Exchange, answers: int) -> Bench:
    """The same bench, where an exchange may wait until so many answers like the one `before` have come."""
    limits = bench.stage.endpoint.limits
    needed = SPARE + PATIENCE * answers * (before.ended_at or 0.0)
    changed = replace(limits, head_s=max(limits.head_s, needed), exchange_s=max(limits.exchange_s, needed))
    return replace(bench, stage=replace(bench.stage, endpoint=replace(bench.stage.endpoint, limits=changed)))


def cost_of(tempo: Tempo, slots: int, answers: int, tokens: int = TOKENS) -> Cost:
    """What one answer, and then so many at the same time, take."""
    one = tempo.first + tempo.gap * tokens
    rounds = 1 + -(-answers // max(1, slots or FEW))
    return Cost(seconds=one * rounds, tokens=tokens * (answers + 1), tokens_at_worst=tokens * (answers + 1))
