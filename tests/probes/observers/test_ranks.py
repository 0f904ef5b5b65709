"""The permutation test: its chances are exact."""

from itertools import combinations

import pytest

from conformance.probes.observers.ranks import longer, ranks


def test_equal_values_share_the_mean_of_their_places() -> None:
    assert [2.5, 1.0, 2.5, 4.0] == ranks([3.0, 1.0, 3.0, 9.0])


def test_groups_that_do_not_overlap_have_the_smallest_chance_there_is() -> None:
    assert 1 / 56 == longer([5.0, 6.0, 7.0], [1.0, 2.0, 3.0, 4.0, 4.5])
    assert 1.0 == longer([1.0, 2.0, 3.0], [5.0, 6.0, 7.0, 8.0, 9.0])


def test_groups_of_equal_values_prove_nothing() -> None:
    assert 1.0 == longer([1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0])


def test_nothing_is_not_longer_than_something() -> None:
    assert (1.0, 1.0) == (longer([], [1.0]), longer([1.0], []))


def test_more_times_than_can_be_counted_say_nothing() -> None:
    assert 1.0 == longer([9.0] * 20, [1.0] * 20)


@pytest.mark.parametrize("size", [2, 3])
def test_under_the_null_a_chance_is_no_smaller_than_it_says(size: int) -> None:
    places = range(7)
    chances = []
    for group in combinations(places, size):
        others = [place for place in places if place not in group]
        chances.append(longer([float(p) for p in group], [float(p) for p in others]))
    for bound in (0.05, 0.1, 0.2):
        assert sum(chance <= bound for chance in chances) / len(chances) <= bound
