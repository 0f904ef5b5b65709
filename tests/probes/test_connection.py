"""A connection by itself: what waits, in which order it comes out, and when the peer is made to wait."""

import asyncio
import itertools

import pytest

from conformance.probes.connection import HELD, Connection
from conformance.protocols.exchange import Ending


class Transport:
    """Remembers what it was told."""

    def __init__(self):
        self.told = []

    def is_closing(self):
        return False

    def pause_reading(self):
        self.told.append("pause")

    def resume_reading(self):
        self.told.append("resume")


def test_bytes_are_stamped_when_they_come_and_not_when_they_are_taken():
    async def go():
        connection = Connection(itertools.count(10.0).__next__)
        connection.data_received(b"a")
        connection.data_received(b"b")
        connection.connection_lost(None)
        return [await connection.receive(99.0) for _ in range(3)]

    assert asyncio.run(go()) == [(10.0, b"a"), (11.0, b"b"), (12.0, Ending.EOF)]


@pytest.mark.parametrize(("error", "ending"), [(None, Ending.EOF), (ConnectionResetError(), Ending.RESET)])
def test_what_came_before_the_end_is_given_out_before_the_end(error, ending):
    async def go():
        connection = Connection(lambda: 0.0)
        connection.data_received(b"a")
        connection.connection_lost(error)
        return [(await connection.receive(1.0))[1] for _ in range(2)]

    assert asyncio.run(go()) == [b"a", ending]


def test_a_peer_is_made_to_wait_while_too_much_is_held():
    async def go():
        connection, transport = Connection(lambda: 0.0), Transport()
        connection.connection_made(transport)
        connection.data_received(b"x" * HELD)
        connection.data_received(b"x")
        told = list(transport.told)
        await connection.receive(1.0)
        return told, transport.told

    assert asyncio.run(go()) == (["pause"], ["pause", "resume"])


def test_a_clock_past_the_time_is_a_timeout_without_waiting():
    async def go():
        return await Connection(lambda: 5.0).receive(5.0)

    assert asyncio.run(go()) == (5.0, Ending.TIMEOUT)
