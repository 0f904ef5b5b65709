"""The trial of a burst: more requests at once than the target works on, each once more when it has been answered."""

from dataclasses import replace

from conformance.probes.bench import Bench
from conformance.probes.probe import Body
from conformance.protocols.exchange import Exchange

from .crowding import cost_of, marked, names, patient, together
from .trial import Part, Trial

TOKENS = 20
"""Of an answer: what is looked at is whether it comes."""
UNDECLARED = 16
"""Requests at once, where nobody says how many are too many."""
MOST = 64
"""Requests at once, however many slots there are."""
ROUNDS = 2


def size_of(slots: int) -> int:
    """Requests at once: more than twice what is worked on at the same time."""
    return min(MOST, 2 * slots + 2) if slots else UNDECLARED


async def _burst(bench: Bench) -> list[Exchange]:
    trial = "burst"
    bodies = [marked(bench, tokens=TOKENS) for _ in range(size_of(bench.slots))]
    crowd = names(trial, len(bodies))
    group = [name for one in crowd for name in (one, f"{one}/again")]
    first = await bench.ask(trial, bodies[0], mark=bench.mark(), group=group)
    allowed = patient(bench, first, ROUNDS * len(bodies))

    async def twice(name: str, body: Body) -> tuple[Exchange, Exchange]:
        return (
            await allowed.ask(name, body, mark=bench.mark()),
            await allowed.ask(f"{name}/again", body, mark=bench.mark()),
        )

    pairs = await together(twice(name, body) for name, body in zip(crowd, bodies, strict=True))
    came = tuple(exchange for pair in pairs for exchange in pair)
    return [replace(first, group=came), *came]


BURST = Trial(
    name="burst",
    says="many more short requests at once than the target has slots, each a second time when it has been answered",
    part=Part.CROWD,
    cost=lambda tempo, slots: cost_of(tempo, slots, ROUNDS * size_of(slots), TOKENS),
    perform=_burst,
)
