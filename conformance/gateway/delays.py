"""When events reached the client, compared with when the upstream wrote them. One clock stamps both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from .change import Change
from .pair import Pair
from .saying import change

LONG = 0.3
"""Seconds that a stream has to last before one can say that it was held back."""
APART = 0.15
"""Seconds between two writes of the upstream ..."""
TOGETHER = 0.02
"""... that are put together where they arrive so soon one after the other."""
BURSTS = 3
LATE = 0.25
HEAD_LATE = 0.5
BURST_LATE = 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds that one stream took on its way through the gateway."""

    head: float | None
    """Between the upstream's head and the client's."""
    first: float
    """The first text."""
    middle: float
    """The median over all texts."""
    worst: float
    last: float
    together: int
    """Pairs of events that were written apart and came together."""
    apart: int
    """Pairs of events that were written apart."""


def figures_of(pair: Pair) -> Figures | None:
    """How late the text came; None where no text did."""
    delays = _delays(pair)
    if not delays:
        return None
    late = [came - sent for sent, came in delays]
    apart = [
        (came, next_came) for (sent, came), (next_sent, next_came) in pairwise(delays) if next_sent - sent >= APART
    ]
    given, got = pair.given.head_at, pair.got.head_at
    return Figures(
        head=got - given if given is not None and got is not None else None,
        first=late[0],
        middle=median(late),
        worst=max(late),
        last=late[-1],
        together=sum(1 for came, next_came in apart if next_came - came <= TOGETHER),
        apart=len(apart),
    )


def _delays(pair: Pair) -> list[tuple[float, float]]:
    """For each text of the upstream when it was written and when as much of that choice had come."""
    came: dict[int, list[tuple[float, int]]] = {}
    for at, index, length in pair.client.progress:
        came.setdefault(index, []).append((at, length))
    places = dict.fromkeys(came, 0)
    delays: list[tuple[float, float]] = []
    for sent, index, length in pair.upstream.progress:
        there = came.get(index, [])
        place = places.get(index, 0)
        while place < len(there) and there[place][1] < length:
            place += 1
        places[index] = place
        if place < len(there):
            delays.append((sent, there[place][0]))
    return delays


def delay_changes(pair: Pair) -> Iterator[Change]:
    """What was held back."""
    figures, u, c = figures_of(pair), pair.upstream, pair.client
    if figures is None or not u.moments or not c.moments:
        return
    lasted = u.moments[-1] - u.moments[0]
    if lasted >= LONG and c.moments[0] >= u.moments[-1]:
        sent = f"{len(u.moments)} events over {lasted:.2f} s, the last at {u.moments[-1]:.2f} s"
        yield change(pair, "held-back", sent, f"the first event at {c.moments[0]:.2f} s")
        return
    if pair.situation.timed:
        yield from _of_pace(pair, figures)
    if pair.situation.name == "burst" and figures.last > BURST_LATE:
        yield change(
            pair, "burst-slow", f"{len(u.moments)} events within {lasted:.2f} s", f"{figures.last:.2f} s later"
        )


def _of_pace(pair: Pair, figures: Figures) -> Iterator[Change]:
    u = pair.upstream
    came = pair.got.head_at or 0.0
    # of "late" alone: on a busy machine the first event of any stream may come long after its head
    if pair.situation.name == "late" and (figures.head or 0.0) > HEAD_LATE and came >= u.moments[0]:
        told = f"head at {pair.given.head_at or 0:.2f} s, first event at {u.moments[0]:.2f} s"
        yield change(pair, "head-held", told, f"head at {came:.2f} s")
    if figures.together >= BURSTS:
        yield change(
            pair,
            "in-bursts",
            f"{figures.apart} pairs of events {APART * 1000:.0f} ms apart or more",
            f"{figures.together} of them within {TOGETHER * 1000:.0f} ms, held back for up to {figures.worst:.2f} s",
        )
    elif figures.middle > LATE:
        yield change(pair, "late", "events in their time", f"{figures.middle * 1000:.0f} ms later (median)")
