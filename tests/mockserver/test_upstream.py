"""The upstream of gateway mode: what it plays, what it notes, when it sees that somebody has gone."""

import asyncio
import socket
import struct
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.simulation import link, simulate
from conformance.wire.script import Answer, Framing, Reset, Send, Wait
from mockserver.upstream import Plan, Served, Upstream

MARK = "0123456789ab"
SSE = (("content-type", "text/event-stream"),)
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi (streamspec-mark-0123456789ab)"}],"stream":true}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: up\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.got = b""
        self.ended = ""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data

    def eof_received(self) -> None:
        self.ended = self.ended or "fin"

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.ended or ("rst" if exc else "fin")


def stream(*acts: Any, **plan: Any) -> Plan:
    return Plan(Answer(200, SSE, acts), **plan)


async def _play(plan: Plan, sent: bytes, *, leave_at: float | None, by: str) -> tuple[Client, tuple[Served, ...]]:
    loop = asyncio.get_running_loop()
    async with Upstream(loop.time, "m", port=None) as upstream:
        upstream.expect(MARK, lambda _: plan)
        client = Client()
        link(client, upstream.accept())
        client.transport.write(sent)
        if leave_at is not None:
            await asyncio.sleep(leave_at)
            if by == "rst":
                linger = struct.pack("ii", 1, 0)
                client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.transport.close()
        await asyncio.sleep(60)
        return client, upstream.served(MARK)


def play(plan: Plan, sent: bytes = POST, *, leave_at: float | None = None, by: str = "fin") -> tuple[Client, Served]:
    client, served = simulate(_play(plan, sent, leave_at=leave_at, by=by))
    return client, served[0]


def test_a_marked_request_gets_its_plan_and_every_write_is_noted_with_its_time():
    client, served = play(stream(Send(b"data: 1\n\n"), Wait(2), Send(b"data: 2\n\n")))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    assert head + b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n" == client.got
    assert [
        (0.0, head),
        (0.0, b"9\r\ndata: 1\n\n\r\n"),
        (2.0, b"9\r\ndata: 2\n\n\r\n"),
        (2.0, b"0\r\n\r\n"),
    ] == served.writes
    assert (2.0, None, "") == (served.ended_at, served.left_at, served.left_by)
    assert "m" == served.request.body["model"]  # type: ignore[index]


@pytest.mark.parametrize("by", ["fin", "rst"])
def test_it_sees_when_and_how_its_client_leaves(by: str):
    _, served = play(stream(Send(b"data: 1\n\n"), Wait(30), Send(b"data: 2\n\n")), leave_at=3, by=by)
    assert (3.0, by, None) == (served.left_at, served.left_by, served.ended_at)
    assert 0 == served.writes_after(3.0)
    assert 1 == served.writes_after(-1.0)


def test_it_sees_a_client_leave_before_the_head():
    _, served = play(stream(Send(b"data: 1\n\n"), before=8), leave_at=1)
    assert (1.0, []) == (served.left_at, served.writes)


def test_a_cut_is_a_fin_without_the_last_chunk():
    client, served = play(stream(Send(b"data: 1"), cut=True))
    assert client.got.endswith(b"\r\n\r\n7\r\ndata: 1\r\n")
    assert ("fin", None) == (client.ended, served.left_at)


def test_a_reset_comes_after_the_bytes():
    client, served = play(stream(Send(b"data: 1\n\n"), Reset()))
    assert client.got.endswith(b"data: 1\n\n\r\n")
    assert ("rst", None) == (client.ended, served.left_at)


def test_a_client_of_http_1_0_gets_no_chunks():
    client, served = play(stream(Send(b"data: 1\n\n")), POST.replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n" == client.got
    assert ("fin", "1.0") == (client.ended, served.version)


def test_requests_on_one_connection_are_answered_in_turn():
    client, served = simulate(_play(stream(Send(b"data: 1\n\n")), POST + POST, leave_at=None, by="fin"))
    assert 2 == client.got.count(b"HTTP/1.1 200 OK") == len(served)


def test_a_mark_may_be_in_a_header_alone():
    sent = (
        b"POST /chat/completions HTTP/1.1\r\nhost: up\r\nX-Streamspec-Mark: 0123456789ab\r\ncontent-length: 2\r\n\r\n{}"
    )
    _, served = play(stream(Send(b"data: 1\n\n")), sent)
    assert "/chat/completions" == served.request.path


def test_credentials_of_the_gateway_are_not_kept():
    sent = POST.replace(b"host: up\r\n", b"host: up\r\nauthorization: Bearer sk-secret\r\n")
    _, served = play(stream(), sent)
    assert "sk-secret" not in repr(served)


async def _stranger(sent: bytes) -> tuple[bytes, list[str]]:
    async with Upstream(asyncio.get_running_loop().time, "m", port=None) as upstream:
        client = Client()
        link(client, upstream.accept())
        client.transport.write(sent)
        await asyncio.sleep(1)
        return client.got, [stranger.request.path for stranger in upstream.strangers]


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/models"])
def test_health_checks_and_lists_of_models_are_answered(path: str):
    got, strangers = simulate(_stranger(b"GET %s HTTP/1.1\r\nhost: up\r\n\r\n" % path.encode()))
    assert got.startswith(b"HTTP/1.1 200 OK")
    assert [path] == strangers


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"x" * 100_000, b"GET\r\n\r\n"])
def test_what_is_no_http_is_hung_up_on(sent: bytes):
    assert (b"", []) == simulate(_stranger(sent))


def test_a_body_without_end_is_hung_up_on():
    sent = b"POST / HTTP/1.1\r\nhost: up\r\ncontent-length: 99999999\r\n\r\n" + b"x" * (9 * 1024 * 1024)
    assert (b"", []) == simulate(_stranger(sent))


async def _late() -> tuple[bytes, int]:
    async with Upstream(asyncio.get_running_loop().time, "m", port=None) as upstream:
        upstream.expect(MARK, lambda _: stream(Send(b"data: 1\n\n")))
        upstream.drop(MARK)
        client = Client()
        link(client, upstream.accept())
        client.transport.write(POST)
        await asyncio.sleep(1)
        return client.got, len(upstream.served(MARK))


def test_what_comes_late_is_refused():
    got, count = simulate(_late())
    assert got.startswith(b"HTTP/1.1 503 ")
    assert 1 == count


async def _dropped() -> tuple[str, float | None]:
    async with Upstream(asyncio.get_running_loop().time, "m", port=None) as upstream:
        upstream.expect(MARK, lambda _: stream(Send(b"data: 1\n\n"), Wait(100)))
        client = Client()
        link(client, upstream.accept())
        client.transport.write(POST)
        await asyncio.sleep(1)
        await upstream.departure(MARK, 5.0)
        upstream.drop(MARK)
        await asyncio.sleep(0.1)
        return client.ended, upstream.served(MARK)[0].left_at


def test_what_is_played_can_be_broken_off_and_that_is_no_leaving():
    assert ("rst", None) == simulate(_dropped())


def test_a_plan_may_be_a_document():
    plan = Plan(Answer(429, (("retry-after", "1"),), (Send(b"{}"),), Framing.LENGTH))
    client, _ = play(plan)
    assert b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}" == client.got


def test_the_plan_is_told_what_the_gateway_asks_for():
    seen: list[Request] = []

    async def main() -> None:
        async with Upstream(asyncio.get_running_loop().time, "m", port=None) as upstream:
            upstream.expect(MARK, lambda request: (seen.append(request), stream())[1])
            client = Client()
            link(client, upstream.accept())
            client.transport.write(POST)
            await asyncio.sleep(1)

    simulate(main())
    assert ["http://in-memory/v1/chat/completions"] == [request.url for request in seen]
