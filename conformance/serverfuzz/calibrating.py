"""What is found out before a campaign: whether the target answers at all, how fast, and whether it says the same twice.

And, before and after it, how long the plainest request takes. Knows no case.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import show
from conformance.rules.chance import by_chance, median

from . import oracles
from .asking import Asker
from .cases import PLAIN
from .oracles import Fault, fault
from .relations import said
from .requests import Body

LEAST_PATIENCE = 15.0
"""Seconds that any answer may take, however fast the others were."""
TIMES = 10.0
"""So many times as long as the slowest plain answer an answer may take; others may be asked for at the same time."""
ROUNDS = 8
"""Plain requests that are timed, before and after."""
CHANCE = 0.001
"""A chance below this counts as none."""
SLOWER = 2.0
"""And no less than so many times as long: a busy machine makes everything a little slower."""
TWICE: Body = {
    "messages": [{"role": "user", "content": "Count from 1 to 10"}],
    "max_tokens": 16,
    "temperature": 0,
    "stream": True,
}


class Unfit(Exception):  # noqa: N818 - a state of the target
    """There is nothing to fuzz; the text says why."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What is known of a target before it is fuzzed."""

    deterministic: bool
    times: tuple[float, ...]
    """Seconds that the plainest request took."""
    exchanges: tuple[Exchange, ...] = ()
    """What shows whose dialect is spoken."""


def calibrate(asker: Asker, *, declared: bool) -> Calibrated:
    """Ask for what every server can do, and set the patience. Raises Unfit where it is not done."""
    times = timed(asker)
    if times is None:
        exchange = asker.ask(PLAIN)
        got = f"status {exchange.status} and {show(exchange.body[:300])}" if exchange.head else "no answer"
        raise Unfit(f"the plainest request is not served ({got}); look at url, model and key, or at the server's log")
    asker.patience = min(asker.patience, max(LEAST_PATIENCE, TIMES * max(times)))
    one, other, refused = asker.ask(TWICE), asker.ask(TWICE), asker.ask({"messages": []})
    same = declared and said(one) == said(other) != {}
    return Calibrated(same, times, (asker.ask(PLAIN), one, refused))


def timed(asker: Asker) -> tuple[float, ...] | None:
    """Seconds that the plainest request takes, several times; None where it is not served."""
    times = []
    for _ in range(ROUNDS):
        exchange = asker.ask(PLAIN)
        if exchange.status != 200 or exchange.ended_at is None:
            return None
        times.append(exchange.ended_at)
    return tuple(times)


def slower(asker: Asker, before: Sequence[float]) -> Fault | None:
    """Whether the plainest request takes longer now, looked at twice; None where it does not."""
    for _ in range(2):
        after = timed(asker)
        if after is None:
            return fault(oracles.ALIVE, "the plainest request served, as before", "not served")
        if by_chance(after, before) >= CHANCE or median(after) < SLOWER * median(before):
            return None
    wanted = f"{median(before) * 1000:.0f} ms, as before"
    return fault(oracles.NOT_SLOWER, wanted, f"{median(after or ()) * 1000:.0f} ms")
