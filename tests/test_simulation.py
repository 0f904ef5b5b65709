"""Connections in memory, and time that jumps: as TCP and clocks are, only at once."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from conformance.simulation import WINDOW, DeadlockError, Side, link, simulate

LINGER = struct.pack("ii", 1, 0)


class Peer(asyncio.Protocol):
    """Notes what happens to it."""

    def __init__(self, *, stays_open: bool = False) -> None:
        self.events: list[str] = []
        self.got = b""
        self.stays_open = stays_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, Side)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data

    def eof_received(self) -> bool:
        self.events.append("eof")
        return self.stays_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("closed" if exc is None else type(exc).__name__)

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")


def linked(talk: Callable[[Peer, Peer], Awaitable[Any]], *, stays_open: bool = False) -> tuple[Peer, Peer]:
    """A client and a server that have talked."""

    async def run() -> tuple[Peer, Peer]:
        client, server = Peer(), Peer(stays_open=stays_open)
        link(client, server)
        await talk(client, server)
        await asyncio.sleep(1)
        return client, server

    return simulate(run())


def test_bytes_arrive_in_order_and_in_both_directions() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.write(b"a")
        client.transport.write(b"b")
        server.transport.write(b"c")

    client, server = linked(talk)
    assert (b"ab", b"c") == (server.got, client.got)


def test_nothing_arrives_within_the_call_that_sends_it() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.write(b"a")
        assert b"" == server.got

    assert b"a" == linked(talk)[1].got


def test_closing_is_seen_as_an_end_after_the_last_bytes() -> None:
    async def talk(client: Peer, _: Peer) -> None:
        client.transport.write(b"bye")
        client.transport.close()

    client, server = linked(talk)
    assert b"bye" == server.got
    assert (["closed"], ["eof", "closed"]) == (client.events, server.events)


def test_lingering_for_no_time_makes_an_abort_a_reset() -> None:
    async def talk(client: Peer, _: Peer) -> None:
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        client.transport.abort()

    client, server = linked(talk)
    assert (["closed"], ["ConnectionResetError"]) == (client.events, server.events)


def test_without_it_an_abort_closes_and_drops_what_was_not_sent() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        server.transport.pause_reading()
        client.transport.write(b"x" * WINDOW)
        client.transport.write(b"y")
        client.transport.abort()
        server.transport.resume_reading()

    _, server = linked(talk)
    assert (WINDOW, ["eof", "closed"]) == (len(server.got), server.events)


def test_closing_with_bytes_that_nobody_read_is_a_reset() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.pause_reading()
        server.transport.write(b"unread")
        await asyncio.sleep(0.1)
        client.transport.close()

    assert ["ConnectionResetError"] == linked(talk)[1].events


def test_writing_to_one_that_has_closed_is_answered_by_a_reset() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.close()
        await asyncio.sleep(0.1)
        server.transport.write(b"too late")

    client, server = linked(talk, stays_open=True)
    assert ["eof", "ConnectionResetError"] == server.events
    assert b"" == client.got


def test_after_a_half_close_the_other_side_can_still_write() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.write_eof()
        await asyncio.sleep(0.1)
        server.transport.write(b"still here")

    client, server = linked(talk, stays_open=True)
    assert (b"still here", ["eof"]) == (client.got, server.events)


def test_a_half_close_is_told_once() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.write_eof()
        await asyncio.sleep(0.1)
        for _ in range(3):
            server.transport.write(b"x")
            await asyncio.sleep(0.1)

    assert ["eof"] == linked(talk, stays_open=True)[1].events


def test_one_that_takes_the_half_close_for_leaving_closes() -> None:
    async def talk(client: Peer, _: Peer) -> None:
        client.transport.write_eof()

    client, server = linked(talk)
    assert (["eof", "closed"], ["eof", "closed"]) == (client.events, server.events)


def test_the_window_of_one_that_does_not_read_closes() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.pause_reading()
        for _ in range(200):
            server.transport.write(bytes(1024))
        await asyncio.sleep(0.1)
        assert 200 * 1024 - WINDOW == server.transport.get_write_buffer_size()
        assert ["pause"] == server.events
        client.transport.resume_reading()

    client, server = linked(talk)
    assert (200 * 1024, ["pause", "resume"]) == (len(client.got), server.events)


def test_the_window_is_as_small_as_its_option_says() -> None:
    async def talk(client: Peer, server: Peer) -> None:
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.transport.pause_reading()
        for _ in range(10):
            server.transport.write(bytes(1024))
        assert 8 * 1024 == server.transport.get_write_buffer_size()

    linked(talk)


def test_an_hour_passes_at_once() -> None:
    async def wait() -> float:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time() - before

    started = time.perf_counter()
    assert pytest.approx(3600) == simulate(wait())
    assert time.perf_counter() - started < 1


def test_the_clock_stands_still_while_there_is_work() -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        before = loop.time()
        for _ in range(1000):
            await asyncio.sleep(0)
        return loop.time() - before

    assert 0.0 == simulate(work())


def test_what_is_due_first_happens_first() -> None:
    async def race() -> list[str]:
        order: list[str] = []

        async def after(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(after(2, "c"), after(1, "b"), after(0.5, "a"))
        return order

    assert ["a", "b", "c"] == simulate(race())


def test_waiting_for_what_never_comes_is_an_error() -> None:
    with pytest.raises(DeadlockError, match="waits for ever"):
        simulate(asyncio.Event().wait())
