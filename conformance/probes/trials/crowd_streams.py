"""Trials of streams side by side: alone, with several choices each, and beside requests that are not streamed."""

from dataclasses import replace

from conformance.probes.bench import Bench
from conformance.probes.bodies import WARM
from conformance.probes.probe import Body
from conformance.protocols.exchange import Exchange

from .crowding import at_once, cost_of, marked, names, patient, together
from .trial import Part, Trial

DETERMINISTIC = "deterministic"


async def _side_by_side(bench: Bench) -> list[Exchange]:
    """Each also alone, one after another, where the target says the same twice."""
    trial, count = "side-by-side", at_once(bench.slots)
    bodies = [marked(bench) for _ in range(count)]
    crowd = names(trial, count)
    alone = [f"{name}/alone" for name in crowd[1:]] if DETERMINISTIC in bench.features else []
    first = await bench.ask(trial, bodies[0], mark=bench.mark(), group=(*alone, *crowd))
    others = [await bench.ask(name, body, mark=bench.mark()) for name, body in zip(alone, bodies[1:], strict=False)]
    return await _crowd(bench, first, others, dict(zip(crowd, bodies, strict=True)))


async def _with_choices(bench: Bench) -> list[Exchange]:
    trial, count = "side-by-side-choices", at_once(bench.slots)
    bodies = [marked(bench, n=2, temperature=WARM) for _ in range(count)]  # vLLM refuses n 2 at temperature 0
    crowd = names(trial, count)
    first = await bench.ask(trial, bodies[0], mark=bench.mark(), group=crowd)
    return await _crowd(bench, first, [], dict(zip(crowd, bodies, strict=True)))


async def _beside_documents(bench: Bench) -> list[Exchange]:
    """By turns a stream and a document."""
    trial, count = "beside-documents", at_once(bench.slots)
    bodies = [marked(bench, stream=number % 2 == 0) for number in range(count)]
    crowd = names(trial, len(bodies))
    first = await bench.ask(trial, bodies[0], mark=bench.mark(), group=crowd)
    return await _crowd(bench, first, [], dict(zip(crowd, bodies, strict=True)))


async def _crowd(bench: Bench, first: Exchange, others: list[Exchange], bodies: dict[str, Body]) -> list[Exchange]:
    """These requests at the same time, after those that came alone."""
    allowed = patient(bench, first, len(bodies) * int(first.member("n") or 1))
    crowd = await together(allowed.ask(name, body, mark=bench.mark()) for name, body in bodies.items())
    return [replace(first, group=(*others, *crowd)), *others, *crowd]


SIDE_BY_SIDE = (
    Trial(
        name="side-by-side",
        says="streams at the same time, each to repeat a word of its own",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, 2 * at_once(slots)),
        perform=_side_by_side,
    ),
    Trial(
        name="side-by-side-choices",
        says="streams at the same time, each with n 2 and a word of its own",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, 2 * at_once(slots)),
        perform=_with_choices,
        feature="choices",
    ),
    Trial(
        name="beside-documents",
        says="streams and requests without stream at the same time, each to repeat a word of its own",
        part=Part.CROWD,
        cost=lambda tempo, slots: cost_of(tempo, slots, at_once(slots)),
        perform=_beside_documents,
    ),
)
