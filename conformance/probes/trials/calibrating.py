"""How fast a target speaks, and how long it can: measured before the trials. Judges nothing.

A stopwatch in every trial would have to know the server; so the server is asked once, and the trials are laid out by
what it did.
"""

import asyncio
import math
from dataclasses import dataclass, field, replace

from conformance.probes.probe import Body
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Ending, Exchange

from . import bodies
from .bench import Bench, Tempo
from .received import pieces_of, tokens_of

NAME = "calibration"
"""Probe of the exchanges that are made here."""
LASTS = 12.0
"""Seconds that the long answer is to last, where the target can: five to watch, and some to spare."""
LEAST, MOST = 128, 32768
"""Tokens that the long answer may have."""
ASKED = (4096, 1024, 256)
"""Tokens asked for at first, and then by turns of a target that refuses so many."""
REFUSED = (400, 413, 422)
LISTEN = 7.0
"""Seconds for which it is listened to: an answer that lasts so long cannot have ended by itself in the five seconds
after it was left early."""
LISTEN_BRIEFLY = 1.5
"""The same where the observer tells an end from a stop."""
READING_MOST = 15.0
"""Seconds that a long prompt may take to be read; beyond that it is long enough."""
GO_ON: Body = {"ignore_eos": True}
"""What vLLM, SGLang and llama.cpp take to mean that an answer is to have all the tokens it may; others refuse it."""
UNKNOWN = Tempo(first=0.0, gap=0.0, lasts=0.0, tokens=ASKED[0])
"""Of a target that was not asked yet."""
ENOUGH = 0.9
"""The part of its tokens from which on an answer was ended by its limit."""
WINDOWS = 4
"""Parts of an answer, the fastest of which says how soon a whole one could be over."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was measured, and the exchanges that it was measured by."""

    tempo: Tempo
    exchanges: tuple[Exchange, ...]
    trouble: str = ""
    """Why nothing could be measured."""


async def calibrate(bench: Bench, *, exact: bool = False) -> Pace:
    """The pace of the long answer, and the silence after a long prompt. Sets the bench's tempo.

    `exact` says that the observer will tell an end from a stop, and one request from another: then both are measured
    at the same time, and for less of it.
    """
    bench.tempo = UNKNOWN
    listening = _Listening(bench, LISTEN_BRIEFLY if exact else LISTEN)
    if exact:
        _, silent = await asyncio.gather(listening.first(), _silence(bench))
        return _put_together(bench, listening, silent)
    await listening.first()
    await listening.longer()
    if tempo_of(listening.heard, bench.tempo.tokens) is None:
        return _put_together(bench, listening, None)
    return _put_together(bench, listening, await _silence(bench))


@dataclass(slots=True)
class _Listening:
    """The long answer, asked for until it is long enough."""

    bench: Bench
    seconds: float
    made: list[Exchange] = field(default_factory=list)

    @property
    def heard(self) -> Exchange:
        """The answer that counts: the last one that was not refused."""
        return next((exchange for exchange in reversed(self.made) if exchange.status == 200), self.made[-1])

    async def first(self) -> None:
        """With fewer tokens where so many are refused."""
        for tokens in ASKED:
            if await self._ask(tokens):
                break

    async def longer(self) -> None:
        """A model that has little to say is told to go on, and a fast one may say more."""
        if not self._too_short():
            return
        if tokens_of(self.heard) < ENOUGH * self.bench.tempo.tokens:
            plain, self.bench.long = self.bench.long, {**self.bench.long, **GO_ON}
            if not await self._ask(self.bench.tempo.tokens):
                self.bench.long = plain
        tempo = tempo_of(self.heard, self.bench.tempo.tokens)
        if tempo is None or not self._too_short() or tokens_of(self.heard) < ENOUGH * self.bench.tempo.tokens:
            return
        wanted = min(MOST, wanted_at(tempo.gap))
        for tokens in (wanted, wanted // 2):
            if tokens > self.bench.tempo.tokens and await self._ask(tokens):
                break

    async def _ask(self, tokens: int) -> bool:
        """Whether so many may be asked for."""
        before, self.bench.tempo = self.bench.tempo, replace(UNKNOWN, tokens=tokens)
        name = NAME if not self.made else f"{NAME}/{len(self.made) + 1}"
        exchange = await self.bench.ask(name, bodies.long(self.bench), leave=Leave(seconds=self.seconds))
        self.made.append(exchange)
        if exchange.status in REFUSED and len(self.made) > 1:
            self.bench.tempo = before
        return exchange.status not in REFUSED

    def _too_short(self) -> bool:
        """It came to its own end long before it was to."""
        heard = self.heard
        return heard.status == 200 and heard.ending is Ending.EOF and (heard.ended_at or 0.0) < LASTS / 2


def _put_together(bench: Bench, listening: _Listening, silent: Exchange | None) -> Pace:
    made = (*listening.made, *((silent,) if silent is not None else ()))
    tempo = tempo_of(listening.heard, bench.tempo.tokens)
    if tempo is None or silent is None:
        return Pace(bench.tempo, made, _trouble(listening.heard))
    bench.tempo = replace(tempo, silence=first_of(silent) or 0.0)
    bench.undisturbed = silent if bench.tempo.silence else None
    return Pace(bench.tempo, made)


async def _silence(bench: Bench) -> Exchange:
    """A long prompt, until something of the answer is there."""
    leave = Leave(when=lambda reader: any(step.chunk is not None for step in reader.steps[1:]), seconds=READING_MOST)
    return await bench.ask(f"{NAME}/silence", bodies.after_a_long_prompt(bench, bench.mark()), leave=leave)


def tempo_of(exchange: Exchange, tokens: int) -> Tempo | None:
    """The pace of an answer that was asked for with so many tokens; None where it says nothing of it.

    How long it lasts goes by its fastest part: what is seen to have stopped by then has not come to its end.
    """
    times = [step.event.at for step in pieces_of(exchange) if step.event.at is not None]
    if exchange.status != 200 or len(times) < 2:
        return None
    made = tokens_of(exchange)
    gap = (times[-1] - times[0]) / max(1, made - 1)
    if exchange.ending is not Ending.LEFT:
        return Tempo(first=times[0], gap=gap, lasts=exchange.ended_at or times[-1], tokens=tokens)
    shortest = _shortest(times) * len(times) / max(1, made)
    wanted = min(MOST if tokens == ASKED[0] else tokens, wanted_at(shortest)) if shortest > 0 else tokens
    return Tempo(first=times[0], gap=gap, lasts=times[0] + wanted * shortest, tokens=wanted)


def _shortest(times: list[float]) -> float:
    """Seconds for each piece, in the fastest part of an answer."""
    size = max(1, (len(times) - 1) // WINDOWS)
    return min((later - sooner) / size for sooner, later in zip(times, times[size:], strict=False))


def wanted_at(gap: float) -> int:
    """Tokens of an answer that is to last, at this pace."""
    return max(LEAST, math.ceil(LASTS / gap)) if gap > 0 else MOST


def first_of(exchange: Exchange) -> float | None:
    """When the first of the answer came."""
    return next((step.event.at for step in pieces_of(exchange)), None)


def _trouble(exchange: Exchange) -> str:
    if exchange.status != 200:
        return f"the long answer was asked for, and status {exchange.status or 'none'} came"
    return f"the long answer was asked for, and {tokens_of(exchange)} tokens came in {exchange.ended_at or 0:.1f} s"
