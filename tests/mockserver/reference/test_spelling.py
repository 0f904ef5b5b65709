"""Stop strings, wherever the text is cut: the first that is complete ends it, and nothing of it was said before."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.reference.spelling import Stops

LETTERS = st.text("ab", max_size=24)


def told(text: str, stops: Sequence[str], size: int) -> tuple[str, str, bool]:
    """What was said while it came, what was left at the end, and whether a stop string came."""
    found = Stops(stops)
    said = "".join(found.take(text[at : at + size]) for at in range(0, len(text), size))
    return said, found.rest(), found.met


@given(text=LETTERS, stops=st.lists(st.text("ab", max_size=5), max_size=3), size=st.integers(1, 25))
def test_the_stop_string_that_is_complete_first_ends_the_text(text: str, stops: list[str], size: int) -> None:
    places = [(text.index(stop) + len(stop), text.index(stop)) for stop in stops if stop and stop in text]
    said, rest, met = told(text, stops, size)
    assert met == bool(places)
    assert said + rest == (text[: min(places)[1]] if places else text)


@given(text=LETTERS, stop=st.text("ab", min_size=1, max_size=6), size=st.integers(1, 25))
def test_only_what_may_become_the_stop_string_is_held_back(text: str, stop: str, size: int) -> None:
    _, rest, met = told(text, [stop], size)
    ends = [length for length in range(1, len(stop)) if text.endswith(stop[:length])]
    assert met or len(rest) == max(ends, default=0)


def test_nothing_is_said_after_a_stop_string() -> None:
    stops = Stops(["END"])
    assert ("one ", "", "") == (stops.take("one EN"), stops.take("D two"), stops.take("three"))


@pytest.mark.parametrize("stop", ["H" * 10_000_000, "HX" * 5_000_000])
def test_a_stop_string_costs_what_is_said_and_not_its_own_length(stop: str) -> None:
    several = [Stops([stop] * 4) for _ in range(100)]  # a table of each would take minutes, and gigabytes
    assert {"HHH"} == {sought.take("HHH") + sought.rest() for sought in several}
