"""Whether one time waits for another, and how likely it is that chance makes it look so. Knows no exchange.

The test is exact and makes no assumption about how times scatter: it counts, among all ways to deal the same values
out to both sides, those in which the ranks of one side are at least as high. No value is compared with a number of
seconds; each is compared with its own kind under another condition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

SURE = 0.01
"""A chance below this counts as none."""
MOST = 64
"""Values of one side that are looked at."""


def by_chance(higher: Sequence[float], lower: Sequence[float]) -> float:
    """How likely the first would rank as high over the second as they do, if nothing but chance told them apart."""
    one, other = higher[:MOST], lower[:MOST]
    if not one or not other:
        return 1.0
    ranks = _doubled_ranks([*one, *other])
    ways = _ways(ranks, len(one))
    reached = sum(ranks[: len(one)])
    return sum(count for total, count in ways.items() if total >= reached) / comb(len(ranks), len(one))


def by_chance_in_pairs(differences: Sequence[float]) -> float:
    """How likely the differences would be as high as they are, by ranks, if each might as well have the other sign."""
    found = [difference for difference in differences[:MOST] if difference]
    if not found:
        return 1.0
    ranks = _doubled_ranks([abs(difference) for difference in found])
    ways = {0: 1}
    for rank in ranks:
        more = dict(ways)
        for total, count in ways.items():
            more[total + rank] = more.get(total + rank, 0) + count
        ways = more
    reached = sum(rank for rank, difference in zip(ranks, found, strict=True) if difference > 0)
    return sum(count for total, count in ways.items() if total >= reached) / (1 << len(ranks))


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """The rank of each value, twice, so that values that are the same can share the middle of their ranks."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values), start=1):
        places.setdefault(value, []).append(place)
    return [places[value][0] + places[value][-1] for value in values]


def _ways(ranks: Sequence[int], chosen: int) -> dict[int, int]:
    """For each sum of ranks, the number of ways to choose so many of them."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(chosen))]
    for rank in ranks:
        for taken in range(chosen, 0, -1):
            for total, count in ways[taken - 1].items():
                ways[taken][total + rank] = ways[taken].get(total + rank, 0) + count
    return ways[chosen]


def median(values: Sequence[float]) -> float:
    """The middle one, 0 where there is none."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if not ordered:
        return 0.0
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@dataclass(frozen=True, slots=True)
class Waiting:
    """Whether a time waits for something that takes longer under one of two conditions.

    `share` is how much later it comes, as a share of how much longer that takes: 0 for a time that does not wait, 1
    for one that waits to the end.
    """

    share: float
    if_not: float
    """How likely such times are if it does not wait (its share is below the one that counts)."""
    if_so: float
    """How likely they are if it does."""

    @property
    def sure(self) -> bool:
        """It waits."""
        return self.if_not < SURE

    @property
    def sure_not(self) -> bool:
        """It does not."""
        return self.if_so < SURE

    @property
    def odds(self) -> str:
        """How sure it is, in words."""
        return f"by chance once in {round(1 / max(min(self.if_not, self.if_so), 1e-12))} times"


def waits(soon: Sequence[float], late: Sequence[float], longer: float, share: float = 0.5) -> Waiting:
    """Compare the times under the condition that takes so much `longer` (`late`) with those under the other one.

    A time counts as waiting when it comes later by more than this `share` of what the other thing takes longer.
    """
    on_the_way = [time - longer * share for time in late]
    found = (median(late) - median(soon)) / longer if longer > 0 else 0.0
    return Waiting(found, by_chance(on_the_way, soon), by_chance(soon, on_the_way))
