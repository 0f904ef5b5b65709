"""What `play` does to a connection, byte by byte. The requests come over real sockets, the answers are made up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import web

from conformance.wire.script import Answer, Framing, Reset, Send, Wait
from mockserver.journal import Entry
from mockserver.play import play

GET = b"GET / HTTP/1.1\r\nhost: mock\r\n\r\n"
ONE, TWO = Send(b"data: one\n\n"), Send(b"data: two\n\n")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n"
    b"b\r\ndata: one\n\n\r\nb\r\ndata: two\n\n\r\n0\r\n\r\n"
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(
    answer: Answer, entry: Entry | None = None, slept: list[float] | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server that plays one answer to whatever it is asked."""

    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)
        else:
            await asyncio.sleep(seconds)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await play(request, answer, entry or Entry(1, "GET", "/"), sleep)

    runner = web.ServerRunner(web.Server(handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await runner.cleanup()


def received(answer: Answer, request: bytes = GET) -> bytes:
    """All that comes until the server closes the connection."""

    async def talk() -> bytes:
        async with connected(answer) as (reader, writer):
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 5)

    return asyncio.run(talk())


def test_a_chunked_answer_has_a_chunk_per_event_and_no_header_of_the_library() -> None:
    async def talk() -> None:
        async with connected(Answer(200, (("x-a", "b"),), (ONE, TWO))) as (reader, writer):
            writer.write(GET)
            assert CHUNKED == await reader.readexactly(len(CHUNKED))

    asyncio.run(talk())


def test_the_connection_carries_the_next_request() -> None:
    async def talk() -> None:
        async with connected(Answer(200, (("x-a", "b"),), (ONE, TWO))) as (reader, writer):
            for _ in range(3):
                writer.write(GET)
                assert CHUNKED == await reader.readexactly(len(CHUNKED))

    asyncio.run(talk())


def test_events_arrive_one_by_one() -> None:
    async def talk() -> None:
        async with connected(Answer(200, (), (ONE, Wait(0.02), TWO))) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            assert b"b\r\ndata: one\n\n\r\n" == await reader.read(1000)

    asyncio.run(talk())


def test_waits_go_through_the_injected_sleep() -> None:
    async def talk() -> list[float]:
        slept: list[float] = []
        async with connected(Answer(200, (), (Wait(3.0), ONE, Wait(1e6), TWO)), slept=slept) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"\r\n0\r\n\r\n")
        return slept

    assert [3.0, 1e6] == asyncio.run(talk())


def test_an_answer_with_a_length_keeps_the_connection() -> None:
    async def talk() -> None:
        wanted = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
        async with connected(Answer(404, (), (Send(b"{}"),), Framing.LENGTH)) as (reader, writer):
            for _ in range(2):
                writer.write(GET)
                assert wanted == await reader.readexactly(len(wanted))

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (
            Answer(200, (), (ONE,), Framing.CLOSE),
            b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: one\n\n",
        ),
        (
            Answer(200, (("Connection", "close"),), (Send(b"x"),), Framing.LENGTH),
            b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 1\r\n\r\nx",
        ),
        (
            Answer(200, (), (Send(b"x"),), Framing.LENGTH, hangs_up=True),
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        ),
        (
            Answer(200, (), (Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n"),), Framing.RAW),
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
        ),
        (Answer(200, (), (Send(b"no HTTP at all"),), Framing.RAW), b"no HTTP at all"),
    ],
    ids=["close framing", "connection close", "hangs up", "raw and cut", "raw junk"],
)
def test_the_connection_is_closed_where_the_answer_ends_it(answer: Answer, wanted: bytes) -> None:
    assert wanted == received(answer)


def test_raw_bytes_that_are_a_whole_response_keep_the_connection() -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"

    async def talk() -> None:
        async with connected(Answer(200, (), (Send(raw),), Framing.RAW)) as (reader, writer):
            for _ in range(2):
                writer.write(GET)
                assert raw == await reader.readexactly(len(raw))

    asyncio.run(talk())


@pytest.mark.parametrize("framing", [Framing.CHUNKED, Framing.RAW])
def test_what_was_sent_before_a_reset_arrives(framing: Framing) -> None:
    async def talk() -> bytes:
        got = b""
        async with connected(Answer(200, (), (ONE, TWO, Reset()), framing)) as (reader, writer):
            writer.write(GET)
            try:
                while data := await reader.read(1000):
                    got += data
            except ConnectionResetError:
                return got
        raise AssertionError("the connection was closed, not reset")

    got = asyncio.run(talk())
    assert b"data: one\n\n" in got
    assert b"data: two\n\n" in got
    assert b"\r\n0\r\n" not in got


def test_a_client_that_wants_the_connection_closed_is_told_so() -> None:
    asked = b"GET / HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n"
    got = received(Answer(200, (), (Send(b"x"),), Framing.LENGTH), asked)
    assert b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx" == got


def test_a_client_of_http_1_0_gets_no_chunks() -> None:
    got = received(Answer(200, (), (ONE,)), b"GET / HTTP/1.0\r\n\r\n")
    assert b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ndata: one\n\n" == got


def test_the_answer_to_head_has_no_body() -> None:
    asked = b"HEAD / HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n"
    got = received(Answer(405, (), (Send(b"x"),), Framing.LENGTH), asked)
    assert b"HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\ncontent-length: 1\r\n\r\n" == got


def test_events_are_counted_as_they_are_sent() -> None:
    async def talk() -> Entry:
        entry = Entry(1, "GET", "/")
        async with connected(Answer(200, (("x-a", "b"),), (ONE, TWO)), entry) as (reader, writer):
            writer.write(GET)
            await reader.readexactly(len(CHUNKED))
            await asyncio.sleep(0.001)
        return entry

    entry = asyncio.run(talk())
    assert (200, 2, len(CHUNKED), True) == (entry.status, entry.events, entry.sent, entry.ended)


def test_a_slow_reader_holds_the_server_back() -> None:
    async def talk() -> Entry:
        entry = Entry(1, "GET", "/")
        async with connected(Answer(200, (), (Send(bytes(1 << 16)),) * 1000), entry) as (_, writer):
            writer.write(GET)
            await asyncio.sleep(0.05)
            return Entry(entry.number, "", "", events=entry.events)

    assert 1000 > asyncio.run(talk()).events


def test_others_have_their_turn_between_events() -> None:
    async def talk() -> int:
        entry = Entry(1, "GET", "/")
        async with connected(Answer(200, (), (ONE,) * 200), entry) as (_, writer):
            writer.write(GET)
            for _ in range(1000):
                if entry.events:
                    break
                await asyncio.sleep(0)
            return entry.events

    assert 0 < asyncio.run(talk()) < 10
