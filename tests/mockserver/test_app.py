"""The server on its port: reading requests, faults, pacing, the journal, leaving clients, starting and stopping."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from mockserver import intake
from mockserver.answering import Settings
from mockserver.app import MockServer, running
from mockserver.pacing import Pacing
from mockserver.serving import serve

BODY = b'{"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": true}'
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\n"
REQUEST = HEAD + b"content-length: 86\r\n\r\n" + BODY
DONE = b"data: [DONE]\n\n\r\n0\r\n\r\n"
FAULT = "chat/termination/done-sent#left-out"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def talking(talk: Callable[[MockServer, Streams], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """What `talk` returns, having been given a fresh server and a connection to it."""

    async def run() -> Any:
        async with MockServer(**options) as server:
            streams = await asyncio.open_connection("127.0.0.1", port_of(server.url))
            try:
                return await asyncio.wait_for(talk(server, streams), 10)
            finally:
                streams[1].close()

    return asyncio.run(run())


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].removesuffix("/v1"))


def answer_to(raw: bytes, **options: Any) -> bytes:
    """All that comes back before a connection that is to be closed is closed."""

    async def talk(_: MockServer, streams: Streams) -> bytes:
        streams[1].write(raw.replace(b"host: mock\r\n", b"host: mock\r\nconnection: close\r\n", 1))
        return await streams[0].read()

    return talking(talk, **options)


def test_the_url_ends_in_v1() -> None:
    async def talk(server: MockServer, _: Streams) -> str:
        return server.url

    assert talking(talk).startswith("http://127.0.0.1:")
    assert talking(talk).endswith("/v1")


@pytest.mark.parametrize(
    "raw",
    [
        REQUEST,
        HEAD + b"transfer-encoding: chunked\r\n\r\n56\r\n" + BODY + b"\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n55;a=b\r\n" + BODY[1:] + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "one chunk", "two chunks"],
)
def test_a_body_is_read_however_it_is_framed(raw: bytes) -> None:
    got = answer_to(raw)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.endswith(DONE)


def test_a_request_may_come_byte_by_byte() -> None:
    async def talk(_: MockServer, streams: Streams) -> bytes:
        for index in range(len(REQUEST)):
            streams[1].write(REQUEST[index : index + 1])
            await asyncio.sleep(0)
        return await streams[0].readuntil(DONE)

    assert talking(talk).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_expects_100_continue_gets_it() -> None:
    async def talk(_: MockServer, streams: Streams) -> bytes:
        streams[1].write(HEAD + b"expect: 100-continue\r\ncontent-length: 86\r\n\r\n")
        assert b"HTTP/1.1 100 Continue\r\n\r\n" == await streams[0].readuntil(b"\r\n\r\n")
        streams[1].write(BODY)
        return await streams[0].readuntil(DONE)

    assert talking(talk).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 1000\r\n\r\n" + bytes(1000),
        b"expect: 100-continue\r\ncontent-length: 1000\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n3e8\r\n" + bytes(1000) + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "not sent yet", "chunked"],
)
def test_a_body_over_the_limit_is_refused(rest: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BODY_MAXIMUM", 500)

    async def talk(_: MockServer, streams: Streams) -> bytes:
        streams[1].write(HEAD + rest)
        head = await streams[0].readuntil(b"\r\n\r\n")
        return head + await streams[0].readuntil(b"}}")

    got = talking(talk)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in got
    assert b"longer than 500 bytes" in got


def test_a_body_that_breaks_its_framing_is_refused() -> None:
    got = answer_to(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n")
    assert b" 400 " in got.split(b"\r\n")[0]


@pytest.mark.parametrize("raw", [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_leaves_no_traceback(raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(_: MockServer, streams: Streams) -> bytes:
        streams[1].write(raw)
        streams[1].write_eof()
        return await streams[0].read()

    assert b"200 OK" not in talking(talk)
    assert not caplog.records


def test_a_connection_carries_many_requests() -> None:
    async def talk(_: MockServer, streams: Streams) -> set[bytes]:
        got = set()
        for _ in range(5):
            streams[1].write(REQUEST)
            got.add(await streams[0].readuntil(DONE))
        return got

    assert 1 == len(talking(talk))


def test_two_servers_send_the_same_bytes_in_any_order() -> None:
    other = REQUEST.replace(b"Say hi", b"Hi you")

    async def talk(_: MockServer, streams: Streams, order: tuple[bytes, ...]) -> dict[bytes, bytes]:
        got = {}
        for raw in order:
            streams[1].write(raw)
            got[raw] = await streams[0].readuntil(DONE)
        return got

    one = talking(lambda server, streams: talk(server, streams, (REQUEST, other)))
    two = talking(lambda server, streams: talk(server, streams, (other, REQUEST, other)))
    assert one == two
    assert one != talking(lambda server, streams: talk(server, streams, (REQUEST, other)), settings=Settings(seed=1))


def test_two_streams_side_by_side_do_not_wait_for_each_other() -> None:
    async def talk(server: MockServer, streams: Streams) -> bytes:
        slow = json.dumps({**json.loads(BODY), "model": "mock#chat/termination/ends#goes-silent"}).encode()
        streams[1].write(HEAD + b"content-length: %d\r\n\r\n" % len(slow) + slow)
        await streams[0].readuntil(b"data: ")
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server.url))
        writer.write(REQUEST)
        got = await reader.readuntil(DONE)
        writer.close()
        return got

    assert talking(talk).endswith(DONE)


def test_a_fault_of_the_whole_server_is_in_every_answer() -> None:
    assert not answer_to(REQUEST, fault=FAULT).endswith(DONE)


def test_a_fault_in_a_header_is_in_this_answer() -> None:
    async def talk(_: MockServer, streams: Streams) -> tuple[bytes, bytes]:
        streams[1].write(REQUEST.replace(b"host", b"x-streamspec-fault: " + FAULT.encode() + b"\r\nhost", 1))
        broken = await streams[0].readuntil(b"0\r\n\r\n")
        streams[1].write(REQUEST)
        return broken, await streams[0].readuntil(b"0\r\n\r\n")

    broken, good = talking(talk)
    assert not broken.endswith(DONE)
    assert good.endswith(DONE)


def test_a_fault_of_the_second_answer_leaves_the_first_alone() -> None:
    """Rules that compare two answers to the same request need a server that changes its mind."""
    body = json.dumps({**json.loads(BODY), "temperature": 0, "seed": 3}).encode()
    request = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body

    async def talk(server: MockServer, streams: Streams) -> list[bytes]:
        answers = []
        for _ in range(4):
            streams[1].write(request)
            answers.append(await streams[0].readuntil(DONE))
        return answers

    one, two, three, four = talking(talk, fault="chat/repeat/same-text")
    assert (one, two) == (three, four)
    assert one != two


def test_a_fault_of_the_second_answer_is_in_no_answer_to_other_requests() -> None:
    async def talk(server: MockServer, streams: Streams) -> set[bytes]:
        answers = set()
        for _ in range(2):
            streams[1].write(REQUEST)
            answers.add(await streams[0].readuntil(DONE))
        return answers

    assert 1 == len(talking(talk, fault="chat/repeat/same-text"))


def test_an_unknown_fault_of_the_server_is_an_error_at_once() -> None:
    with pytest.raises(LookupError, match="no rule 'chat/none'"):
        MockServer(fault="chat/none")


def test_an_unknown_fault_of_a_request_is_refused_with_the_known_ones() -> None:
    got = answer_to(REQUEST.replace(b"host", b"x-streamspec-fault: chat/termination/done-sent#x\r\nhost", 1))
    assert got.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"it has left-out, left-out-with-the-finish" in got


def test_other_paths_know_no_fault() -> None:
    raw = b"GET /v1/models HTTP/1.1\r\nhost: mock\r\nx-streamspec-fault: nothing\r\n\r\n"
    assert answer_to(raw).startswith(b"HTTP/1.1 200 OK\r\n")


def test_pacing_waits_before_the_first_event_and_between_events() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    got = answer_to(REQUEST, pacing=Pacing(2.0, 0.25), sleep=sleep)
    assert [2.0, *[0.25] * (got.count(b"data: ") - 1)] == slept


def test_the_journal_tells_what_was_asked_and_done() -> None:
    async def talk(_: MockServer, streams: Streams) -> dict[str, Any]:
        streams[1].write(REQUEST.replace(b"host", b"x-streamspec-fault: " + FAULT.encode() + b"\r\nhost", 1))
        await streams[0].readuntil(b"\r\n0\r\n\r\n")
        streams[1].write(b"GET /journal HTTP/1.1\r\nhost: mock\r\n\r\n")
        await streams[0].readuntil(b"\r\n\r\n")
        return json.loads(await streams[0].readuntil(b'"count":1}'))

    (entry,) = talking(talk)["requests"]
    assert json.loads(BODY) == entry["body"]
    assert ("POST", "/v1/chat/completions", FAULT, 200) == tuple(
        entry[k] for k in ("method", "path", "fault", "status")
    )
    assert (True, False, 86) == (entry["ended"], entry["left"], entry["size"])
    assert 4 == entry["events"]


@pytest.mark.parametrize("abort", [False, True], ids=["FIN", "RST"])
def test_a_client_that_leaves_stops_the_playing(abort: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(server: MockServer, streams: Streams) -> Any:
        raw = REQUEST.replace(b"Say hi", b"Write!")
        streams[1].write(raw)
        await streams[0].readuntil(b"data: ")
        if abort:
            linger = b"\x01\0\0\0\0\0\0\0"
            streams[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            streams[1].transport.abort()
        else:
            streams[1].close()
        (entry,) = server.journal.entries
        for _ in range(5000):
            if entry.left:
                break
            await asyncio.sleep(0.002)
        before = entry.events
        await asyncio.sleep(0.02)
        return entry, before

    entry, before = talking(talk, pacing=Pacing(gap=0.01))
    assert (True, False) == (entry.left, entry.ended)
    assert before == entry.events < 8
    assert not caplog.records


def test_a_client_that_leaves_during_a_long_silence_is_noticed() -> None:
    async def talk(server: MockServer, streams: Streams) -> bool:
        streams[1].write(REQUEST)
        await streams[0].readuntil(b"data: ")
        streams[1].close()
        for _ in range(5000):
            if server.journal.entries[0].left:
                break
            await asyncio.sleep(0.002)
        return server.journal.entries[0].left

    assert talking(talk, pacing=Pacing(gap=1e6))


def test_stopping_breaks_off_open_streams() -> None:
    async def talk(_: MockServer, streams: Streams) -> Streams:
        streams[1].write(REQUEST)
        await streams[0].readuntil(b"data: ")
        return streams

    started = time.perf_counter()
    talking(talk, pacing=Pacing(gap=1e6))
    assert time.perf_counter() - started < 1


def test_running_serves_code_without_an_event_loop() -> None:
    with running() as url, urlopen(f"{url}/models") as response:
        assert "mock" == json.load(response)["data"][0]["id"]


def test_running_stops_with_a_stream_open() -> None:
    with running(pacing=Pacing(gap=1e6)) as url:
        response = urlopen(Request(f"{url}/chat/completions", BODY))
        assert response.readline().startswith(b"data: ")
        started = time.perf_counter()
    assert time.perf_counter() - started < 1
    response.close()


def test_running_starts_at_once() -> None:
    def started_in() -> float:
        started = time.perf_counter()
        with running():
            return time.perf_counter() - started

    assert any(started_in() < 0.1 for _ in range(30))  # what a busy machine adds, it does not add each time


def test_running_takes_the_settings_of_the_server() -> None:
    with running(Settings(keys=frozenset({"k"}))) as url, pytest.raises(HTTPError, match="401") as caught:
        urlopen(f"{url}/models")
    caught.value.close()


def test_a_port_in_use_is_said_so() -> None:
    with running() as url:
        port = port_of(url)
        wanted = f"port {port} on 127.0.0.1 is in use"
        with pytest.raises(OSError, match=wanted), running(port=port):
            pass
        with pytest.raises(OSError, match=wanted):
            serve(port=port)


def test_a_port_that_is_none_is_said_so() -> None:
    with pytest.raises(OSError, match=r"cannot listen on 127\.0\.0\.1 port 70000"):
        serve(port=70000)


def test_ctrl_c_ends_serving_without_a_traceback() -> None:
    code = """if True:
        import signal
        from mockserver.serving import serve
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a shell starts with &
        serve(on_ready=lambda url: print(url, flush=True))
        print("ended")
    """
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("http://127.0.0.1:")
    os.kill(server.pid, signal.SIGINT)
    out, err = server.communicate(timeout=20)
    assert ("ended\n", "", 0) == (out, err, server.returncode)
