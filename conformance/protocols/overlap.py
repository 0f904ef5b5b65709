"""How many of several streams came at the same time, by the times of their text. Knows no rule and no trial."""

from collections.abc import Iterable, Sequence

from .exchange import Exchange
from .viewing import view_of

SHORTEST = 0.02
"""Seconds; of streams that are over sooner nothing can be told, but for how the two ends were scheduled."""
SHARED = 0.2
"""Of the shorter one of two streams has to lie within the other for them to have come at the same time."""

Span = tuple[float, float]


def at_the_same_time(exchanges: Iterable[Exchange]) -> int:
    """The most streams that came at the same time, of those that were asked for at the same time; 0: cannot be told."""
    return most_at_once([_times(exchange) for exchange in exchanges])


def most_at_once(arrivals: Iterable[Sequence[float]]) -> int:
    """The same, by when the pieces of each stream came."""
    spans = [(min(times), max(times)) for times in arrivals if times and max(times) - min(times) >= SHORTEST]
    if len(spans) < 2:
        return 0
    return max(sum(_meet(one, other) for other in spans) for one in spans)


def _times(exchange: Exchange) -> list[float]:
    """When the text of a stream came."""
    choices = view_of(exchange).choices.values()
    return [step.event.at for choice in choices for step, _ in choice.texts if step.event.at is not None]


def _meet(one: Span, other: Span) -> bool:
    """Whether two streams came at the same time; each does so with itself."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return shared >= SHARED * min(one[1] - one[0], other[1] - other[0])
