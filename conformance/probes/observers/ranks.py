"""Whether one group of times is longer than another: an exact permutation test on ranks. Pure."""

from collections.abc import Sequence
from itertools import combinations
from math import comb

MOST = 200_000
"""Ways to divide the times into two groups, beyond which there is no counting them all."""


def ranks(values: Sequence[float]) -> list[float]:
    """Each value's place in their order, from 1; equal values share the mean of their places."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) + 1) / 2 for value in values]


def longer(times: Sequence[float], others: Sequence[float]) -> float:
    """The chance that `times` come out so much longer than `others`, or more so, if they are of the same kind.

    Small: they are longer. Exact: every way to divide all the times into groups of these sizes is counted.
    """
    places = ranks([*times, *others])
    size = len(times)
    if not times or not others or comb(len(places), size) > MOST:
        return 1.0
    seen = sum(places[:size])
    sums = [sum(group) for group in combinations(places, size)]
    return sum(total >= seen - 1e-9 for total in sums) / len(sums)
