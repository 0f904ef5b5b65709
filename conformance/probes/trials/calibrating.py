"""How fast a target speaks, and how long it can: measured before the trials. Judges nothing.

A stopwatch in every trial would have to know the server; so the server is asked once, and the trials are laid out by
what it did.
"""

import asyncio
import math
from dataclasses import dataclass, replace

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
LEAST, MOST = 128, 8192
"""Tokens that the long answer may have."""
FIRST_ASKED = 4096
LISTEN = 7.0
"""Seconds for which it is listened to: an answer that lasts so long cannot have ended by itself in the five seconds
after it was left early."""
LISTEN_BRIEFLY = 1.5
"""The same where the observer tells an end from a stop."""
READING_MOST = 15.0
"""Seconds that a long prompt may take to be read; beyond that it is long enough."""
SMALLER = (4096, 1024, 256)
"""Tokens asked for in turn by a target that refuses more."""
GO_ON: Body = {"ignore_eos": True}
"""What vLLM, SGLang and llama.cpp take to mean that an answer is to have all the tokens it may; others refuse it."""
UNKNOWN = Tempo(first=0.0, gap=0.0, lasts=0.0, tokens=FIRST_ASKED)


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
    if exact:
        listened, silent = await asyncio.gather(_listen(bench, LISTEN_BRIEFLY), _silence(bench))
        return _put_together(bench, listened, silent)
    listened = await _listen(bench, LISTEN)
    if _too_short(listened[-1]):
        plain, bench.long = bench.long, {**bench.long, **GO_ON}
        listened.append(await bench.ask(f"{NAME}/longer", bodies.long(bench), leave=Leave(seconds=LISTEN)))
        if listened[-1].status != 200:
            bench.long = plain
            listened.append(listened.pop(-2))
    if tempo_of(listened[-1], bench.tempo.tokens) is None:
        return _put_together(bench, listened, None)
    return _put_together(bench, listened, await _silence(bench))


async def _listen(bench: Bench, seconds: float) -> list[Exchange]:
    """The long answer for a while; with fewer tokens where so many are refused."""
    exchanges: list[Exchange] = []
    for number, tokens in enumerate((FIRST_ASKED, *SMALLER[1:]), start=1):
        bench.tempo = replace(UNKNOWN, tokens=tokens)
        name = NAME if number == 1 else f"{NAME}/{number}"
        exchange = await bench.ask(name, bodies.long(bench), leave=Leave(seconds=seconds))
        exchanges.append(exchange)
        if exchange.status not in (400, 413, 422):
            break
    return exchanges


def _too_short(exchange: Exchange) -> bool:
    """A model that has little to say: it came to its own end long before the limit."""
    return exchange.status == 200 and exchange.ending is Ending.EOF and (exchange.ended_at or 0.0) < LASTS / 2


def _put_together(bench: Bench, listened: list[Exchange], silent: Exchange | None) -> Pace:
    exchange, made = listened[-1], (*listened, *((silent,) if silent is not None else ()))
    tempo = tempo_of(exchange, bench.tempo.tokens)
    if tempo is None or silent is None:
        return Pace(bench.tempo, made, _trouble(exchange))
    bench.tempo = replace(tempo, silence=first_of(silent) or 0.0)
    bench.undisturbed = silent if bench.tempo.silence else None
    return Pace(bench.tempo, made)


async def _silence(bench: Bench) -> Exchange:
    """A long prompt, until something of the answer is there."""
    leave = Leave(when=lambda reader: any(step.chunk is not None for step in reader.steps[1:]), seconds=READING_MOST)
    return await bench.ask(f"{NAME}/silence", bodies.after_a_long_prompt(bench, bench.mark()), leave=leave)


def tempo_of(exchange: Exchange, tokens: int) -> Tempo | None:
    """The pace of an answer that was asked for with so many tokens; None where it says nothing of it."""
    times = [step.event.at for step in pieces_of(exchange) if step.event.at is not None]
    if exchange.status != 200 or len(times) < 2:
        return None
    made = tokens_of(exchange)
    gap = (times[-1] - times[0]) / max(1, made - 1)
    if exchange.ending is not Ending.LEFT:
        return Tempo(first=times[0], gap=gap, lasts=exchange.ended_at or times[-1], tokens=tokens)
    wanted = tokens if gap <= 0 else min(tokens if tokens < FIRST_ASKED else MOST, max(LEAST, math.ceil(LASTS / gap)))
    return Tempo(first=times[0], gap=gap, lasts=times[0] + wanted * gap, tokens=wanted)


def first_of(exchange: Exchange) -> float | None:
    """When the first of the answer came."""
    return next((step.event.at for step in pieces_of(exchange)), None)


def _trouble(exchange: Exchange) -> str:
    if exchange.status != 200:
        return f"the long answer was asked for, and status {exchange.status or 'none'} came"
    return f"the long answer was asked for, and {tokens_of(exchange)} tokens came in {exchange.ended_at or 0:.1f} s"
