"""Trials in which one of several clients leaves, or stops reading what it is sent, while the others read on."""

from dataclasses import replace

from conformance.probes.connection import By
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Exchange

from .bench import Bench, Tempo
from .crowding import at_once, cost_of, marked, names, patient, together
from .trial import Cost, Part, Trial

LEAVES_AFTER = 3
"""Messages; the others have most of their answer still to come."""
STOPS_AFTER = 2
IDLE = 3.0
"""Seconds without reading, besides those that the others' answers take."""


async def _one_leaves(bench: Bench, trial: str, leave: Leave, others: int) -> list[Exchange]:
    """The first of those that come at the same time leaves."""
    bodies = [marked(bench) for _ in range(others + 1)]
    crowd = names(trial, len(bodies))
    first = await bench.ask(trial, bodies[-1], mark=bench.mark(), group=crowd)
    allowed = patient(bench, first, len(bodies))
    came = await together(
        allowed.ask(name, body, mark=bench.mark(), leave=leave if name == crowd[0] else None)
        for name, body in zip(crowd, bodies, strict=True)
    )
    return [replace(first, group=tuple(came)), *came]


async def _by_fin(bench: Bench) -> list[Exchange]:
    return await _one_leaves(bench, "one-leaves", Leave(messages=LEAVES_AFTER, by=By.FIN), _others(bench.slots))


async def _by_reset(bench: Bench) -> list[Exchange]:
    leave = Leave(messages=LEAVES_AFTER, by=By.RST)
    return await _one_leaves(bench, "one-leaves-by-reset", leave, _others(bench.slots))


async def _one_does_not_read(bench: Bench) -> list[Exchange]:
    """It asks for the long answer, so that more comes than lies between."""
    trial, others = "one-does-not-read", _others(bench.slots)
    bodies = [marked(bench) for _ in range(others)]
    crowd = names(trial, others + 1)
    first = await bench.ask(trial, bodies[0], mark=bench.mark(), group=crowd)
    allowed = patient(bench, first, others + 1)
    idle = Leave(messages=STOPS_AFTER, idle=IDLE + 2 * others * (first.ended_at or 0.0))
    came = await together(
        (
            allowed.ask(crowd[0], bench.long, mark=bench.mark(), leave=idle),
            *(allowed.ask(name, body, mark=bench.mark()) for name, body in zip(crowd[1:], bodies, strict=True)),
        )
    )
    return [replace(first, group=tuple(came)), *came]


def _others(slots: int) -> int:
    """How many stay when one leaves."""
    return max(1, at_once(slots) - 1)


def _cost_of_idling(tempo: Tempo, slots: int) -> Cost:
    cost = cost_of(tempo, slots, _others(slots))
    seconds = IDLE + 3 * cost.seconds
    return Cost(seconds, cost.tokens + tempo.tokens, cost.tokens_at_worst + tempo.tokens)


ONE_LEAVES = (
    Trial(
        name="one-leaves",
        says="streams at the same time; one client closes its connection after three messages",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, at_once(slots)),
        perform=_by_fin,
    ),
    Trial(
        name="one-leaves-by-reset",
        says="streams at the same time; one client tears its connection down after three messages",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, at_once(slots)),
        perform=_by_reset,
    ),
)
ONE_DOES_NOT_READ = Trial(
    name="one-does-not-read",
    says="streams at the same time; one client stops reading a long answer until the others have had time for theirs",
    part=Part.CROWD,
    cost=_cost_of_idling,
    perform=_one_does_not_read,
)
