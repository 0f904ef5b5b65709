"""Trials in which one of several clients leaves, or stops reading what it is sent, while the others read on."""

from dataclasses import replace

from conformance.probes.bench import Bench, Tempo
from conformance.probes.bodies import long
from conformance.probes.connection import By
from conformance.probes.probe import Body
from conformance.probes.pulse import Pulse
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Exchange

from .crowding import AT_LEAST, at_once, cost_of, marked, names, patient, together
from .trial import Cost, Part, Trial

LEAVES_AFTER = 3
"""Messages; the others have most of their answers still to come."""
STOPS_AFTER = 2
IDLE = 6.0
"""Seconds without reading: time to fill what lies between, and then to see that the other stream has come to a halt."""
READS_ON = 1.5
"""Seconds for which the other client reads on."""
LOGPROBS = "logprobs"
"""Declared by targets that give much to send with each token."""


async def _one_leaves(bench: Bench, trial: str, by: By) -> list[Exchange]:
    """The first of those that come at the same time leaves."""
    bodies = [marked(bench) for _ in range(_clients(bench.slots))]
    crowd = names(trial, len(bodies))
    first = await bench.ask(trial, bodies[-1], mark=bench.mark(), group=crowd)
    allowed, leave = patient(bench, first, len(bodies)), Leave(messages=LEAVES_AFTER, by=by)
    came = await together(
        allowed.ask(name, body, mark=bench.mark(), leave=leave if name == crowd[0] else None)
        for name, body in zip(crowd, bodies, strict=True)
    )
    return [replace(first, group=tuple(came)), *came]


async def _by_fin(bench: Bench) -> list[Exchange]:
    return await _one_leaves(bench, "one-leaves", By.FIN)


async def _by_reset(bench: Bench) -> list[Exchange]:
    return await _one_leaves(bench, "one-leaves-by-reset", By.RST)


async def _one_does_not_read(bench: Bench) -> list[Exchange]:
    """Two long answers; one client stops reading, and leaves when it is plain how the other fares."""
    trial = "one-does-not-read"
    crowd = names(trial, 2)
    first = await bench.ask(trial, marked(bench), mark=bench.mark(), group=crowd)
    heavy: Body = {"logprobs": True, "top_logprobs": 20} if LOGPROBS in bench.features else {}
    leaves = Leave(messages=STOPS_AFTER, idle=IDLE)
    async with Pulse(bench.stage.clock, bench.sleep) as bench.pulse:  # or else our own lateness looks like silence
        try:
            came = await together(
                (
                    bench.ask(crowd[0], long(bench, **heavy), mark=bench.mark(), leave=leaves),
                    bench.ask(crowd[1], long(bench), mark=bench.mark(), leave=Leave(seconds=IDLE + READS_ON)),
                )
            )
        finally:
            bench.pulse = None
    return [replace(first, group=tuple(came)), *came]


def _clients(slots: int) -> int:
    """One of them leaves, and one at least stays."""
    return max(AT_LEAST, at_once(slots))


def _cost_of_idling(tempo: Tempo, slots: int) -> Cost:
    one, lasts = cost_of(tempo, slots, 0), IDLE + READS_ON
    tokens = min(tempo.tokens, round(lasts / tempo.gap)) if tempo.gap else tempo.tokens
    return Cost(one.seconds + lasts + tempo.first, one.tokens + 2 * tokens, one.tokens + 2 * tempo.tokens)


ONE_LEAVES = (
    Trial(
        name="one-leaves",
        says="streams at the same time; one client closes its connection after three messages",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, _clients(slots)),
        perform=_by_fin,
    ),
    Trial(
        name="one-leaves-by-reset",
        says="streams at the same time; one client tears its connection down after three messages",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, _clients(slots)),
        perform=_by_reset,
    ),
)
ONE_DOES_NOT_READ = Trial(
    name="one-does-not-read",
    says="two long streams at the same time; one client does not read for six seconds, and then leaves",
    part=Part.CROWD,
    cost=_cost_of_idling,
    perform=_one_does_not_read,
)
