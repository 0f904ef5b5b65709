"""How fast a target speaks, and how long it can: measured before the trials. Judges nothing.

A stopwatch in every trial would have to know the server; so the server is asked once, and the trials are laid out by
what it did.
"""

import asyncio
import math
from dataclasses import dataclass, field, replace

from conformance.probes import bodies
from conformance.probes.bench import Bench, Tempo
from conformance.probes.probe import Body
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Ending, Exchange

from .received import brings, pieces_of, tokens_of

NAME = "calibration"
"""Probe of the exchanges that are made here."""
LASTS = 9.0
"""Seconds that the long answer is to last, where the target can: five to watch, and some to spare."""
LEAST, MOST = 128, 32768
"""Tokens that the long answer may have."""
AT_FIRST = 64
"""Tokens asked for to learn the pace, so that a server that never stops is soon done."""
REFUSED = (400, 413, 422)
LISTEN = 7.0
"""Seconds for which it is listened to: an answer that lasts so long cannot have ended by itself in the five seconds
after it was left early."""
LISTEN_TOLD = 2.5
"""The same where the target's own request says to go on: it ends at its limit of tokens, and whoever stops later than
this is listened to for longer then."""
LISTEN_AT_FIRST = 1.5
READING_MOST = 15.0
"""Seconds that a long prompt may take to be read; beyond that it is long enough."""
GO_ON: Body = {"ignore_eos": True}
"""What vLLM, SGLang and llama.cpp take to mean that an answer is to have all the tokens it may; others refuse it."""
UNKNOWN = Tempo(first=0.0, gap=0.0, lasts=0.0, tokens=4096)
"""Of a target that was not asked yet."""
ENOUGH_TO_TELL = 8
"""Tokens from which on a pace is one."""
FOR_A_WHILE = 1024
"""Tokens asked for at least, of a model that is told to go on."""
ENOUGH = 0.9
"""The part of its tokens from which on an answer was ended by its limit."""
MOST_UNEVEN = 8
"""No part of an answer is so many times as fast as the whole of it; one that looks so was held back by somebody."""
WINDOWS = 4
"""Parts of an answer, the fastest of which says how soon a whole one could be over."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was measured, and the exchanges that it was measured by."""

    tempo: Tempo
    exchanges: tuple[Exchange, ...]
    trouble: str = ""
    """Why nothing could be measured."""
    over: float = 0.0
    """When the target has nothing left to do, by the stage's clock, even if it made all to its end for nobody."""


async def calibrate(bench: Bench, *, exact: bool = False) -> Pace:
    """The pace of the long answer, and the silence after a long prompt. Sets the bench's tempo.

    `exact` says that the observer will tell an end from a stop, and one request from another: then both are measured
    at the same time, and for less of it.
    """
    bench.tempo = UNKNOWN
    listening = _Listening(bench)
    if exact:
        _, silent = await asyncio.gather(listening.first(), _silence(bench))
        return _put_together(bench, listening, silent)
    await listening.first()
    if tempo_of(listening.heard, listening.asked) is None:
        return _put_together(bench, listening, None)
    silent = await _silence(bench)  # first, while nothing goes on that was left
    await listening.for_long()
    await listening.longer()
    pace = _put_together(bench, listening, silent)
    rest = listening.asked * pace.tempo.gap - (listening.heard.ended_at or 0.0)
    return replace(pace, over=bench.stage.clock() + max(0.0, min(LASTS, rest)))


@dataclass(slots=True)
class _Listening:
    """The long answer, asked for until it is long enough."""

    bench: Bench
    made: list[Exchange] = field(default_factory=list)
    asked: int = AT_FIRST
    """Tokens, of the answer that counts."""

    @property
    def seconds(self) -> float:
        """For which it is listened to."""
        told = all(self.bench.long.get(name) == value for name, value in GO_ON.items())
        return LISTEN_TOLD if told else LISTEN

    @property
    def heard(self) -> Exchange:
        """The answer that counts: the last one that was not refused."""
        return next((exchange for exchange in reversed(self.made) if exchange.status == 200), self.made[-1])

    @property
    def limit(self) -> int:
        """Tokens that may be asked for: as many as were, where more were refused or nobody asked for more."""
        return self.asked if self.asked > AT_FIRST else MOST

    async def first(self) -> None:
        """A few tokens, to learn the pace."""
        await self._ask(AT_FIRST, LISTEN_AT_FIRST)

    async def for_long(self) -> None:
        """As many as will come while it is listened to."""
        if (tempo := tempo_of(self.heard, AT_FIRST)) is not None and tokens_of(self.heard) >= ENOUGH_TO_TELL:
            await self._ask_less_and_less(tempo.tokens)

    async def longer(self) -> None:
        """A model that has little to say is told to go on, and one that was faster than before may say more."""
        if not self._too_short():
            return
        if tokens_of(self.heard) < ENOUGH * self.asked:
            plain, self.bench.long = self.bench.long, {**self.bench.long, **GO_ON}
            if not await self._ask(max(self.asked, FOR_A_WHILE), LISTEN):  # whether it is obeyed is not known
                self.bench.long = plain
        tempo = tempo_of(self.heard, self.asked)
        if tempo is not None and self._too_short() and tokens_of(self.heard) >= ENOUGH * self.asked:
            await self._ask_less_and_less(tempo.tokens)

    async def _ask_less_and_less(self, tokens: int) -> None:
        """So many, or a half or a quarter where they are refused."""
        for fewer in (tokens, tokens // 2, tokens // 4):
            if fewer > self.asked and await self._ask(min(MOST, fewer), self.seconds):
                return

    async def _ask(self, tokens: int, seconds: float) -> bool:
        """Whether so many may be asked for."""
        name = NAME if not self.made else f"{NAME}/{len(self.made) + 1}"
        body = {**self.bench.long, **bodies.limited(self.bench, tokens)}
        exchange = await self.bench.ask(name, body, leave=Leave(seconds=seconds))
        self.made.append(exchange)
        if exchange.status == 200:
            self.asked = tokens
        return exchange.status not in REFUSED

    def _too_short(self) -> bool:
        """It came to its own end long before it was to."""
        heard = self.heard
        return heard.status == 200 and heard.ending is Ending.EOF and (heard.ended_at or 0.0) < self.seconds * ENOUGH


def _put_together(bench: Bench, listening: _Listening, silent: Exchange | None) -> Pace:
    made = (*listening.made, *((silent,) if silent is not None else ()))
    tempo = tempo_of(listening.heard, listening.asked)
    if tempo is None or silent is None:
        return Pace(bench.tempo, made, _trouble(listening.heard))
    if listening.limit < tempo.tokens:
        tempo = replace(tempo, tokens=listening.limit, lasts=tempo.lasts * listening.limit / tempo.tokens)
    heard = listening.heard.ended_at or 0.0
    lasts = max(tempo.lasts, heard) if listening.heard.ending is Ending.LEFT else tempo.lasts
    bench.tempo = replace(tempo, silence=first_of(silent) or 0.0, lasts=lasts, heard=heard)
    bench.undisturbed = silent if bench.tempo.silence else None
    return Pace(bench.tempo, made)


async def _silence(bench: Bench) -> Exchange:
    """A long prompt, until something of the answer is there."""
    leave = Leave(when=lambda reader: any(map(brings, reader.steps)), seconds=READING_MOST)
    body = {**bodies.after_a_long_prompt(bench, bench.mark()), **bodies.limited(bench, bodies.SHORT)}
    return await bench.ask(f"{NAME}/silence", body, leave=leave)


def tempo_of(exchange: Exchange, tokens: int) -> Tempo | None:
    """The pace of an answer that was asked for with so many tokens; None where it says nothing of it.

    How long it lasts goes by its fastest part: what is seen to have stopped by then has not come to its end.
    """
    times = [step.event.at for step in pieces_of(exchange) if step.event.at is not None]
    if exchange.status != 200 or len(times) < 2:
        return None
    made = tokens_of(exchange)
    gap = (times[-1] - times[0]) / max(1, made - 1)
    by_itself = exchange.ending is not Ending.LEFT and made < ENOUGH * tokens
    if by_itself:
        return Tempo(first=times[0], gap=gap, lasts=exchange.ended_at or times[-1], tokens=tokens)
    shortest = _shortest(times) * len(times) / max(1, made)
    wanted = min(MOST, wanted_at(shortest))
    return Tempo(first=times[0], gap=gap, lasts=times[0] + wanted * shortest, tokens=wanted)


def _shortest(times: list[float]) -> float:
    """Seconds for each piece, in the fastest part of an answer; what came at once may have lain there for long."""
    size = max(1, (len(times) - 1) // WINDOWS)
    fastest = min((later - sooner) / size for sooner, later in zip(times, times[size:], strict=False))
    return max(fastest, (times[-1] - times[0]) / (len(times) - 1) / MOST_UNEVEN)


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
