"""Exact ranks: how likely what was seen would be by chance."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.rules.chance import by_chance, by_chance_in_pairs, median, waits

VALUES = st.lists(st.floats(0, 100), min_size=1, max_size=6)


def test_the_only_way_of_252_in_which_all_are_higher():
    assert 1 / 252 == by_chance([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])


def test_all_lower_is_no_wonder():
    assert 1.0 == by_chance([1, 2, 3], [4, 5, 6])


def test_values_that_are_all_the_same_say_nothing():
    assert 1.0 == by_chance([5, 5, 5], [5, 5, 5, 5])


def test_one_that_is_out_of_line_weakens_but_does_not_decide():
    chosen = combinations(range(1, 16), 5)
    as_high = sum(1 for ranks in chosen if sum(ranks) >= 1 + 12 + 13 + 14 + 15)
    assert as_high / 3003 == by_chance([1, 12, 13, 14, 15], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11])


def test_nothing_to_compare_is_no_evidence():
    assert 1.0 == by_chance([], [1.0]) == by_chance([1.0], [])


@given(VALUES, VALUES)
def test_it_is_a_probability_and_says_the_same_of_times_in_other_units(higher, lower):
    chance = by_chance(higher, lower)
    assert 0 < chance <= 1
    assert chance == by_chance([4 * value for value in higher], [4 * value for value in lower])


@given(VALUES, VALUES)
def test_both_sides_cannot_be_unlikely_at_once(higher, lower):
    assert by_chance(higher, lower) + by_chance(lower, higher) >= 1


@given(st.permutations(range(10)))
def test_false_alarms_are_as_rare_as_is_said(order):
    # of all orders that are equally likely, by_chance is at most p in at most a share p: here p is 1/252
    chance = by_chance(order[:5], order[5:])
    assert (chance == 1 / 252) == (set(order[:5]) == {5, 6, 7, 8, 9})


@pytest.mark.parametrize("size", [2, 3])
def test_of_all_ways_to_deal_out_seven_no_more_than_a_share_p_reach_p(size):
    chances = [
        by_chance(group, [place for place in range(7) if place not in group]) for group in combinations(range(7), size)
    ]
    assert [] == [p for p in (0.05, 0.1, 0.2) if sum(chance <= p for chance in chances) / len(chances) > p]


def test_what_comes_at_the_same_time_under_both_conditions_does_not_wait():
    waiting = waits([0.10, 0.11, 0.12, 0.09, 0.10], [0.12, 0.10, 0.11, 0.13], 1.5)
    assert (True, False) == (waiting.sure_not, waiting.sure)
    assert 0.01 == pytest.approx(waiting.share, abs=0.01)


def test_what_comes_later_by_all_that_the_other_takes_longer_waits():
    waiting = waits([0.10, 0.11, 0.12, 0.09, 0.10], [1.60, 1.61, 1.58, 1.70], 1.5)
    assert (False, True) == (waiting.sure_not, waiting.sure)
    assert "by chance once in 126 times" == waiting.odds


def test_where_times_scatter_as_widely_as_the_difference_nothing_is_sure():
    waiting = waits([0.1, 2.0, 0.3, 1.5, 0.2], [0.4, 2.5, 0.1, 1.0], 1.0)
    assert (False, False) == (waiting.sure_not, waiting.sure)


def test_the_middle_of_an_even_number_lies_between_two():
    assert (2, 2.5, 0.0) == (median([3, 1, 2]), median([4, 1, 2, 3]), median([]))


# Times in milliseconds at which the first bytes came of an answer of one token and of answers of twelve, a token every
# 20 ms, from the same server: directly, behind nginx as the first example of its documentation has it, and with gzip.
DIRECT = ([0.7], [0.3, 0.2, 0.2, 0.4, 4.4, 0.6, 1.1, 0.3, 0.5, 0.2])
NGINX = ([41.8], [209.7, 218.1, 210.6, 205.7, 209.7, 207.2, 207.5, 209.3, 205.2, 208.0])
GZIPPED = ([44.4], [234.0, 226.2, 339.4, 218.0, 222.4, 279.6, 224.8, 227.4, 214.9, 236.0])


def test_a_proxy_that_holds_answers_back_shows_and_the_server_behind_it_does_not():
    held = waits(NGINX[0] + GZIPPED[0], NGINX[1] + GZIPPED[1], 206.0 - 45.6)
    assert held.sure
    direct = waits(DIRECT[0] * 2, DIRECT[1] * 2, 206.0 - 45.6)
    assert (False, True) == (direct.sure, direct.sure_not)


def test_pairs_that_all_differ_the_same_way_are_one_case_of_all_signs():
    assert (1 / 1024, 1.0) == (by_chance_in_pairs([0.1] * 10), by_chance_in_pairs([-0.1] * 10))


def test_pairs_are_ranked_by_how_far_they_differ():
    differences = [3.0, -1.0, 2.0, 4.0]
    signs = product((1, -1), repeat=4)
    up = [sum(rank for sign, rank in zip(s, (3, 1, 2, 4), strict=True) if sign > 0) for s in signs]
    as_high = sum(1 for total in up if total >= 9)
    assert as_high / 16 == by_chance_in_pairs(differences)


def test_pairs_without_a_difference_say_nothing():
    assert 1.0 == by_chance_in_pairs([]) == by_chance_in_pairs([0.0, 0.0])
