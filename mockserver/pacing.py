"""How fast a server speaks: waits put between the acts of an answer. Knows no clock; whoever plays the acts waits."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, repeat

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Send, Wait

from .engines.story import Rhythm

BEFORE_THE_HEAD = 0.25
"""The part of a prompt that is read before the head of a stream goes out."""
AT_A_TIME = 20
"""Tokens that are made in one wait, where no event goes out in between."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """Seconds of silence."""

    first: float = 0.0
    """Before the first event."""
    gap: float = 0.0
    """Between two events."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a stream consists of: messages before the first token, tokens, and choices told in turn."""

    lead: int
    tokens: int
    choices: int


def paced(answer: Answer, pacing: Pacing) -> Answer:
    """The same answer, more slowly."""
    if pacing == Pacing():
        return answer
    if answer.told is not None:
        told = answer.told
        return replace(answer, told=lambda: _slower(told(), pacing))
    return replace(answer, acts=tuple(_slower(answer.acts, pacing)))


def told(answer: Answer, messages: Callable[[], Iterable[str]], rhythm: Rhythm, extent: Extent) -> Answer:
    """The answer with these messages in this rhythm.

    Some of the prompt is read before the head goes out, so that clients can leave before it, and between it and the
    first event.
    """
    if rhythm == Rhythm():
        return replace(answer, acts=tuple(Send(encoder.message(message)) for message in messages()))
    before = (Wait(rhythm.reading * BEFORE_THE_HEAD),) if rhythm.reading else ()
    return replace(answer, before=before, told=partial(_told, messages, rhythm, extent))


def held(answer: Answer, rhythm: Rhythm, extent: Extent) -> Answer:
    """The answer of a server that says nothing, not even the head, until all is made."""
    if rhythm == Rhythm():
        return answer
    if not rhythm.gap:
        return replace(answer, before=(Wait(rhythm.reading + rhythm.first),))
    waits = [Wait(rhythm.reading + rhythm.first, makes=0)]
    gaps = _gaps(rhythm, extent)
    for made in range(0, extent.tokens, AT_A_TIME):
        now = min(AT_A_TIME, extent.tokens - made)
        seconds = sum(islice(gaps, now)) if rhythm.jitter else now * rhythm.gap / extent.choices
        waits.append(Wait(seconds, makes=now))
    return replace(answer, before=tuple(waits))


def _told(messages: Callable[[], Iterable[str]], rhythm: Rhythm, extent: Extent) -> Iterator[Act]:
    yield Wait(rhythm.reading * (1 - BEFORE_THE_HEAD) + rhythm.first, makes=0 if rhythm.gap else None)
    gaps = _gaps(rhythm, extent)
    for position, message in enumerate(messages()):
        if rhythm.gap and extent.lead <= position < extent.lead + extent.tokens:
            yield Wait(next(gaps), makes=1)
        yield Send(encoder.message(message))


def _gaps(rhythm: Rhythm, extent: Extent) -> Iterator[float]:
    """Seconds for each token in turn; choices are told at the same time."""
    gap = rhythm.gap / extent.choices
    if not rhythm.jitter:
        return repeat(gap)
    chance = random.Random(rhythm.seed)  # noqa: S311 - repeatable on purpose
    return (gap * (1 + rhythm.jitter * (2 * chance.random() - 1)) for _ in repeat(None))


def _slower(acts: Iterable[Act], pacing: Pacing) -> Iterator[Act]:
    pause = pacing.first
    for act in acts:
        if isinstance(act, Send):
            if pause > 0:
                yield Wait(pause)
            pause = pacing.gap
        yield act
