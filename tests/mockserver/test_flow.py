"""The fast way to write an answer, beside the slow one: the same bytes, and the same in the journal."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait
from mockserver.flow import Flow
from mockserver.journal import Entry
from mockserver.play import play
from mockserver.turns import Turns

ONE, TWO = Send(b"data: one\n\n"), Send(b"data: two\n\n")
RAW = Send(b"HTTP/1.1 200 OK\r\ncontent-length: 22\r\nconnection: close\r\n\r\n")
ANSWERS = {
    "chunked": Answer(200, (("x-a", "b"),), (ONE, TWO)),
    "a length": Answer(404, (), (Send(b"{}"),), Framing.LENGTH),
    "to the end of the connection": Answer(200, (), (ONE, TWO), Framing.CLOSE),
    "raw, the head alone": Answer(200, (), (RAW, ONE, TWO), Framing.RAW),
    "raw, the head with the first event": Answer(200, (), (Send(RAW.data + ONE.data), TWO), Framing.RAW),
    "waits": Answer(200, (), (Wait(0.001), ONE, Wait(0.001), TWO), before=(Wait(0.001),)),
    "tokens made in waits": Answer(200, (), (ONE, Wait(0.001, 1), TWO, Wait(0.0, 2))),
    "an empty event": Answer(200, (), (ONE, Send(b""), TWO)),
    "a reset": Answer(200, (), (ONE, TWO, Reset())),
    "nothing": Answer(200, (), (), Framing.RAW),
    "long": Answer(200, (), (Send(b"data: %s\n\n" % (b"x" * 50_000)),) * 40),
}


def played(answer: Answer, method: str = "POST", **ways: Any) -> tuple[bytes, dict[str, Any]]:
    """What comes, and what the journal has."""
    entry = Entry(1, method, "/")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await play(request, answer, entry, asyncio.sleep, **ways)

    async def run() -> bytes:
        runner = web.ServerRunner(web.Server(handle, handler_cancellation=True, access_log=None), shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        writer.write(b"%s / HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n" % method.encode())
        got = b""
        try:
            while data := await reader.read(65536):
                got += data
        except ConnectionResetError:
            got += b"(reset)"
        writer.close()
        await runner.cleanup()
        return got

    return asyncio.run(run()), entry.document()


@pytest.mark.parametrize("coalesce", [False, True])
@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_both_ways_say_and_note_the_same(answer: Answer, method: str, coalesce: bool) -> None:
    slowly = played(answer, method)
    assert slowly == played(answer, method, turns=Turns(), coalesce=coalesce)


class Connection:
    """A connection that notes what is written to it."""

    method = "POST"

    def __init__(self) -> None:
        self.transport = self
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None:
        assert 0 == high


def written(*acts: Act, coalesce: bool) -> list[bytes]:
    async def run() -> list[bytes]:
        connection: Any = Connection()
        flow = Flow(connection, Entry(1, "", ""), Turns(), asyncio.get_running_loop().time, coalesce=coalesce)
        await flow.through(acts, in_body=True)
        return connection.writes  # type: ignore[no-any-return]

    return asyncio.run(run())


def test_each_event_is_a_write_of_its_own() -> None:
    assert [b"data: one\n\n", b"data: two\n\n"] == written(ONE, TWO, coalesce=False)


def test_coalesced_all_that_is_due_goes_out_in_one_write() -> None:
    assert [b"data: one\n\ndata: two\n\n", b"data: one\n\n"] == written(ONE, TWO, Wait(0.005), ONE, coalesce=True)


def test_coalesced_writes_have_an_end() -> None:
    assert [65 * 1024, 1024] == list(map(len, written(*[Send(bytes(1024))] * 66, coalesce=True)))
