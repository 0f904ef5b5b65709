"""Who is turned to first, on real sockets."""

import selectors
import socket
import sys
from collections.abc import Iterator
from itertools import chain

import pytest

from mockserver.selecting import AT_A_TIME, LeaversFirst

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
MANY = 3 * AT_A_TIME


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connections, our end first."""
    found = [socket.socketpair() for _ in range(MANY)]
    yield found
    for ours, theirs in found:
        ours.close()
        theirs.close()


@pytest.fixture
def selector(pairs: list[tuple[socket.socket, socket.socket]]) -> Iterator[LeaversFirst]:
    selector = LeaversFirst()
    for number, (ours, _) in enumerate(pairs):
        selector.register(ours, selectors.EVENT_READ, number)
    yield selector
    selector.close()


def turned_to(selector: LeaversFirst) -> list[int]:
    return [key.data for key, _ in selector.select(0)]


def test_of_many_that_are_ready_a_few_are_turned_to_at_a_time_and_all_in_the_end(selector, pairs) -> None:
    for _, theirs in pairs:
        theirs.send(b"x")
    turns = [turned_to(selector) for _ in range(3)]
    assert [AT_A_TIME] * 3 == list(map(len, turns))
    assert [*range(MANY)] == sorted(chain(*turns))


def test_who_keeps_talking_does_not_hold_up_the_others(selector, pairs) -> None:
    for _, theirs in pairs:
        theirs.send(b"x")  # nobody reads it, so that all stay ready
    seen = [number for _ in range(6) for number in turned_to(selector)]
    assert [2] * MANY == [seen.count(number) for number in range(MANY)]


def test_who_has_left_goes_first_however_many_are_ready(selector, pairs) -> None:
    for _, theirs in pairs:
        theirs.send(b"x")
    turned_to(selector)
    pairs[-1][1].close()
    pairs[-2][1].shutdown(socket.SHUT_WR)
    assert {MANY - 1, MANY - 2} == set(turned_to(selector)[:2])


def test_whoever_leaves_the_watch_is_not_turned_to_any_more(selector, pairs) -> None:
    for _, theirs in pairs:
        theirs.send(b"x")
    seen = turned_to(selector)
    for number, (ours, _) in enumerate(pairs):
        if number not in seen:
            selector.unregister(ours)
    assert set(seen) >= {*turned_to(selector), *turned_to(selector)}


def test_reading_and_writing_are_told_apart(selector, pairs) -> None:
    ours, theirs = pairs[0]
    assert [] == selector.select(0)
    selector.modify(ours, selectors.EVENT_READ | selectors.EVENT_WRITE, "both")
    assert [("both", selectors.EVENT_WRITE)] == [(key.data, events) for key, events in selector.select(0)]
    theirs.send(b"x")
    assert [selectors.EVENT_READ | selectors.EVENT_WRITE] == [events for _, events in selector.select(0)]
    selector.modify(ours, selectors.EVENT_WRITE, "one")
    assert [("one", selectors.EVENT_WRITE)] == [(key.data, events) for key, events in selector.select(0)]


def test_it_keeps_its_book_as_selectors_do(selector, pairs) -> None:
    ours = pairs[0][0]
    with pytest.raises(KeyError):
        selector.register(ours, selectors.EVENT_READ)
    assert (ours.fileno(), 0) == (selector.get_key(ours).fd, selector.get_key(ours.fileno()).data)
    assert MANY == len(selector.get_map())
    selector.unregister(ours)
    with pytest.raises(KeyError):
        selector.unregister(ours)
    with pytest.raises(KeyError):
        selector.get_key(ours)
