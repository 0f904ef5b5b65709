"""Trials of what comes after a client has left: whether the server is well, and what it says next untouched by it.

Also the client that closes its sending side alone, which some servers take for leaving.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from conformance.probes import bodies
from conformance.probes.bench import Bench, Tempo
from conformance.probes.connection import By
from conformance.probes.observer import Left
from conformance.probes.recorder import Leave, done_came
from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.watch import Watch
from conformance.rules.chat.leaving_needs import CLIENT

from .received import tokens_of
from .trial import Cost, Part, Trial

TIMES = 100
"""Requests that are left in a row."""
AWAY = 0.2
"""Seconds after which such a client leaves if no event has come."""
FEW = 64
"""Tokens of the answer that is asked for again."""
BRIEF = 0.1
"""Seconds that an answer lasts that a hundred clients leave: a server that goes on with all of them comes to an end."""
HOPELESS = 2
"""Requests in a row without any answer, after which no more are sent."""
EVENTS = 3
PATIENCE = 5.0
LOOK = 1.5
READ_ON = 1.5
"""Seconds for which the answer is read on after a half-close, beyond the time to its first content."""
SOME = 2
"""Messages that may have been on their way when the sending side was closed."""


async def after_done(by: By, bench: Bench) -> list[Exchange]:
    """Leave at [DONE] without reading the rest, then ask again."""
    name = f"leave-at-done-{by.value}"
    left = await bench.ask(name, bodies.short(bench), leave=Leave(when=done_came, by=by), group=[f"{name}/2"])
    then = await bench.ask(f"{name}/2", bodies.short(bench))
    return [replace(left, group=(then,)), then]


async def again(by: By, bench: Bench) -> list[Exchange]:
    """The same request three times: left after some events, at once once more to its end, and undisturbed."""
    name = f"leave-and-ask-again-{by.value}"
    body = bodies.short(bench, FEW)
    group = [f"{name}/2", f"{name}/3"]
    left = await bench.ask(name, body, leave=Leave(messages=EVENTS, by=by), group=group)
    then = await bench.ask(group[0], body)
    undisturbed = await bench.ask(group[1], body)
    return [replace(left, group=(then, undisturbed)), then, undisturbed]


async def a_hundred(bench: Bench) -> list[Exchange]:
    """One client after the other leaves, by FIN and by RST in turn; then one reads its answer to the end."""
    name = "leave-a-hundred-times"
    names = [name, *(f"{name}/{number}" for number in range(2, TIMES + 2))]
    body = bodies.short(bench, _few(bench.tempo))
    left: list[Exchange] = []
    for number, own in enumerate(names[:-1]):
        leave = Leave(messages=1, seconds=AWAY, by=(By.FIN, By.RST)[number % 2])
        mark = bench.mark()
        left.append(await bench.ask(own, body, mark=mark, leave=leave, group=names[1:] if own == name else ()))
        if len(left) >= HOPELESS and all(_unanswered(exchange) for exchange in left[-HOPELESS:]):
            break
    at = bench.stage.clock()
    then = await bench.ask(names[len(left)], body)
    lead = replace(left[0], group=(*left[1:], then))
    if then.ending is Ending.EOF and lead.ending is Ending.LEFT:
        ends = at + bench.tempo.first + _few(bench.tempo) * bench.tempo.gap
        received = sum(map(tokens_of, (*left, then)))
        last = Left(mark=mark, at=at, received=received, ends=ends, patience=PATIENCE, counted=False)
        lead = await bench.watch(lead, last)
    return [lead, *left[1:], then]


def _few(tempo: Tempo) -> int:
    return bodies.some_seconds(tempo, BRIEF)


def _unanswered(exchange: Exchange) -> bool:
    """Nobody took the request, or nobody answered it in all its time."""
    return exchange.head is None and exchange.ending is not Ending.LEFT


async def half_close(moment: str, leave: Leave, bench: Bench) -> list[Exchange]:
    """Close the sending side alone, and read on for a while. What the server makes of it is its own business."""
    name = f"half-close-{moment}"
    mark = bench.mark()
    on = bench.tempo.first + READ_ON
    exchange = await bench.ask(name, bodies.half(bench), mark=mark, leave=replace(leave, by=By.HALF, idle=on))
    if exchange.ending is not Ending.LEFT:
        return [exchange]
    more = len(exchange.steps) - (leave.messages or 0)
    listened = (exchange.ended_at or 0.0) - _closed_at(exchange, leave) >= on  # else the server hung up before
    if (listened and more > SOME) or (exchange.steps and exchange.steps[-1].kind is Kind.TERMINATOR):
        how = f"the answer went on all the same: {more} messages more in {on:.1f} s"
        return [bench.seen(exchange, Watch(observer=CLIENT, how=how, stopped=False, by=on, since=on))]
    at = bench.stage.clock()
    ends = at - (exchange.ended_at or 0.0) + bench.tempo.lasts
    left = Left(mark=mark, at=at, received=tokens_of(exchange), ends=ends, patience=PATIENCE)
    return [await bench.watch(exchange, left)]


def _closed_at(exchange: Exchange, leave: Leave) -> float:
    """When the sending side was closed, seconds from the request; a little before that at the most."""
    closing = exchange.steps[leave.messages - 1] if leave.messages and exchange.steps else None
    return (closing.event.at or 0.0) if closing is not None else 0.0


def _trial(
    name: str,
    says: str,
    cost: Callable[[Tempo, int], Cost],
    perform: Callable[[Bench], Awaitable[list[Exchange]]],
    *,
    apart: bool = False,
) -> Trial:
    return Trial(name=name, says=says, part=Part.LEAVING, cost=cost, perform=perform, apart=apart)


def _some(answers: int, tokens: int) -> Callable[[Tempo, int], Cost]:
    """What so many short answers cost, each read to its end."""

    def cost(tempo: Tempo, slots: int) -> Cost:  # noqa: ARG001 - every cost is asked alike
        made = answers * min(tokens, tempo.tokens)
        return Cost(answers * tempo.first + made * tempo.gap, made, made)

    return cost


def _of_a_hundred(tempo: Tempo, slots: int) -> Cost:  # noqa: ARG001 - every cost is asked alike
    most = _few(tempo)
    seconds = TIMES * (min(AWAY, tempo.first + tempo.gap) + 0.01) + tempo.first + most * tempo.gap
    return Cost(seconds, 2 * TIMES + most, (TIMES + 1) * most)


def _of_half(tempo: Tempo, slots: int) -> Cost:  # noqa: ARG001 - every cost is asked alike
    seconds = tempo.first + READ_ON
    return Cost(seconds + LOOK, bodies.some_seconds(tempo, seconds), tempo.tokens)


HUNDRED = _trial(
    "leave-a-hundred-times",
    "a hundred clients in a row leave their streams, and another one reads on",
    _of_a_hundred,
    a_hundred,
    apart=True,
)
"""First of all: while it is not known whether the server lives on, the others mean little."""
AFTER = (
    *(
        _trial(
            f"leave-at-done-{by.value}",
            "the client leaves at [DONE], without reading the rest, and another one asks",
            _some(2, bodies.SHORT),
            partial(after_done, by),
        )
        for by in (By.FIN, By.RST)
    ),
    _trial(
        "half-close-mid-stream",
        "the client closes its sending side alone after three events, and reads on",
        _of_half,
        partial(half_close, "mid-stream", Leave(messages=EVENTS)),
    ),
    _trial(
        "half-close-at-once",
        "the client closes its sending side alone right after the request, and reads on",
        _of_half,
        partial(half_close, "at-once", Leave(seconds=0.0)),
    ),
    *(
        _trial(
            f"leave-and-ask-again-{by.value}",
            "the client leaves after three events and asks the same again at once",
            _some(3, FEW),
            partial(again, by),
            apart=True,
        )
        for by in (By.FIN, By.RST)
    ),
)
