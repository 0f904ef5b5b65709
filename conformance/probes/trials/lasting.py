"""Trials that look at one stream for more than a second: what a server stamps each chunk with changes meanwhile."""

from functools import partial

from conformance.probes import bodies
from conformance.probes.bench import CHAT, Bench, Tempo
from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Exchange

from .trial import Cost, Part, Trial

LASTS = 1.1
"""Seconds between the first chunk and the last one, at least, where the target has that much to say."""
TEXT = "/completions"


async def _lasting(name: str, path: str, bench: Bench) -> list[Exchange]:
    body = bodies.long(bench) if path == CHAT else bodies.completion(bench)
    leave = Leave(seconds=_seconds(bench.tempo))
    return [await bench.ask(name, body, path=path, mark=bench.mark(), leave=leave)]


def _seconds(tempo: Tempo) -> float:
    return 2 * tempo.first + LASTS


def _cost(tempo: Tempo, _: int) -> Cost:
    tokens = min(tempo.tokens, round(LASTS / tempo.gap)) if tempo.gap else tempo.tokens
    return Cost(_seconds(tempo), tokens, tempo.tokens)


LASTING: tuple[Trial, ...] = (
    Trial(
        name="lasting",
        says="a stream of more than a second",
        part=Part.PACE,
        cost=_cost,
        perform=partial(_lasting, "lasting", CHAT),
    ),
    Trial(
        name="lasting-completions",
        says="a stream of a text completion of more than a second",
        part=Part.PACE,
        cost=_cost,
        perform=partial(_lasting, "lasting-completions", TEXT),
        feature="completions",
    ),
)
