"""Recordings as answers: the same bytes, at the same pace, ended in the same way."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from conformance.loading import load
from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Reset, Send, Wait
from mockserver import MockServer, Settings
from mockserver.recorded import answer_of
from mockserver.replaying import Replay
from mockserver.scenarios.book import Chosen

HERE = Path(__file__).parent.parent
CORPUS = HERE.parent.parent / "shared" / "corpus" / "chat"
ASKED = '"request": {"method": "POST", "url": "http://t/v1/chat/completions", "body": {"model": "m"}}'
WIRE = f'{{"recording": 1, "layer": "wire", "source": {{}}, {ASKED}}}\n'
SSE = '"response": {"status": 200, "headers": [["content-type", "text/event-stream"], ["Content-Length", "999"]]}'
BODY = f'{{"recording": 1, "layer": "body", "source": {{}}, {ASKED}, {SSE}}}\n'
STREAM = [BODY, '[0.5, "data", "data: 1\\n\\n"]\n', '[0.7, "data", "data: 2\\n\\ndata: 3\\n\\n"]\n', '[0.8, "eof"]\n']


def read(*lines: str) -> Exchange:
    return recording.read(lines)


@pytest.mark.parametrize("folder", [HERE / "recordings", CORPUS], ids=lambda folder: folder.name)
def test_every_recording_is_answered_with_the_same_bytes(folder: Path) -> None:
    if not folder.exists():
        pytest.skip("the corpus is not part of the project")
    answered, differ = 0, []
    for loaded in load(folder):
        if (exchange := loaded.exchange) is None or exchange.head is None:
            continue
        answered += 1
        again = exchange_of(exchange.request, answer_of(exchange), time_limit=1e9)
        if (exchange.status, exchange.body) != (again.status, again.body):
            differ.append(loaded.path)
    assert [] == differ
    assert answered > 100


def test_over_tcp_they_are_the_same_bytes_too() -> None:
    found = [loaded.exchange for loaded in load(HERE / "recordings" / "llamacpp") if loaded.exchange]
    exchanges = [x for x in found if x.events and x.ending is Ending.EOF and x.protocol == "chat"][:20]

    async def play() -> list[bytes]:
        import aiohttp

        bodies = []
        async with MockServer(replay=Replay(exchanges, speed=0)) as server, aiohttp.ClientSession() as session:
            for exchange in exchanges:
                url = server.url + "/chat/completions"
                async with session.post(url, json=exchange.request.body) as response:
                    bodies.append(await response.read())
        return bodies

    assert 20 == len(exchanges)
    assert [exchange.body for exchange in exchanges] == asyncio.run(play())


def test_the_times_are_those_of_the_recording() -> None:
    answer = answer_of(read(*STREAM))
    assert (Wait(0.5),) == answer.before
    pace = [
        round(act.seconds, 6) if isinstance(act, Wait) else act.data
        for act in answer.acts
        if not isinstance(act, Reset)
    ]
    assert [b"data: 1\n\n", 0.2, b"data: 2\n\n", b"data: 3\n\n"] == pace


@pytest.mark.parametrize(("speed", "waits"), [(10, [0.05, 0.02]), (0.5, [1.0, 0.4]), (0, [])])
def test_they_can_be_faster(speed: float, waits: list[float]) -> None:
    answer = answer_of(read(*STREAM), speed)
    assert waits == [round(act.seconds, 6) for act in (*answer.before, *answer.acts) if isinstance(act, Wait)]


def test_a_time_that_cannot_be_is_not_waited_for() -> None:
    answer = answer_of(read(BODY, '[999999999, "data", "data: 1\\n\\n"]\n', '[999999999, "eof"]\n'))
    assert [600.0] == [act.seconds for act in answer.before if isinstance(act, Wait)]


def test_headers_of_the_old_framing_are_left_out() -> None:
    answer = answer_of(read(*STREAM))
    assert ((("content-type", "text/event-stream"),), Framing.CHUNKED) == (answer.headers, answer.framing)


@pytest.mark.parametrize("ending", ["left", "reset", "timeout", "cut"])
def test_a_recording_that_broke_off_breaks_off_again(ending: str) -> None:
    answer = answer_of(read(*STREAM[:2], f'[0.8, "{ending}"]\n'))
    assert Reset() == answer.acts[-1]
    assert b"data: 1\n\n" == exchange_of(read(*STREAM).request, answer).body


def test_a_chunked_body_that_was_not_ended_is_not_ended_again() -> None:
    head = "HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n"
    exchange = read(WIRE, f'[0.1, "data", "{head}9\\r\\ndata: 1\\n\\n\\r\\n"]\n', '[0.2, "eof"]\n')
    answer = answer_of(exchange)
    again = exchange_of(exchange.request, answer)
    assert (b"data: 1\n\n", Ending.EOF) == (again.body, again.ending)
    assert again.transport is not None
    assert not again.transport.complete
    assert Framing.RAW is answer.framing


def test_an_answer_without_a_body_has_none() -> None:
    head = "HTTP/1.1 204 No Content\\r\\nx-request-id: 1\\r\\n\\r\\n"
    answer = answer_of(read(WIRE, f'[0.1, "data", "{head}"]\n', '[0.1, "eof"]\n'), speed=0)
    assert (Send(b"HTTP/1.1 204 No Content\r\nx-request-id: 1\r\n\r\n"),) == encoder.on_the_wire(answer)


def test_a_body_that_was_unpacked_is_not_called_packed() -> None:
    import gzip

    packed = gzip.compress(b"data: 1\n\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
    whole = head + b"content-length: %d\r\n\r\n" % len(packed) + packed
    answer: Answer = answer_of(read(WIRE, recording.data_line(0.1, whole), '[0.1, "eof"]\n'))
    assert (("content-type", "text/event-stream"),) == answer.headers


def test_silence_before_the_end_is_kept(in_memory: Any) -> None:
    replay = Replay([read(*STREAM[:2], '[9.5, "timeout"]\n')])

    async def play(stage: Any) -> Exchange:
        found: Exchange = await stage.ask({"model": "m"})
        return found

    exchange = in_memory(play, replay=replay)
    assert (Ending.RESET, 9.5) == (exchange.ending, round(exchange.ended_at, 1))


@pytest.mark.parametrize(
    "header",
    [[":status", "200"], ["x-split", "a\r\nx-other: b"], ["x y", "a"], ["", "a"], ["x-far", "\u65e5"], ["x-nul", "\0"]],
    ids=str,
)
def test_headers_that_cannot_stand_in_http_1_are_left_out(header: list[str]) -> None:
    made_up = BODY.replace('["Content-Length", "999"]', json.dumps(header))
    assert (("content-type", "text/event-stream"),) == answer_of(read(made_up, *STREAM[1:])).headers


VCR = """
interactions:
- request: {body: '{"model": "m", "stream": true}', method: POST, uri: "https://api.example/v1/chat/completions"}
  response:
    body: {string: "data: 1\\n\\ndata: [DONE]\\n\\n"}
    headers: {content-type: [text/event-stream], content-encoding: [gzip]}
    status: {code: 200, message: OK}
"""
RAW = (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 30\r\n\r\n"
    '{"model": "m", "stream": true}HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked'
    "\r\n\r\n9\r\ndata: 1\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
HAR = {
    "log": {
        "version": "1.2",
        "entries": [
            {
                "request": {
                    "method": "POST",
                    "url": "https://api.example/v1/chat/completions",
                    "headers": [],
                    "postData": {"mimeType": "application/json", "text": '{"stream": true, "model": "m"}'},
                },
                "response": {
                    "status": 200,
                    "headers": [{"name": "content-type", "value": "text/event-stream"}],
                    "content": {"mimeType": "text/event-stream", "text": "data: 1\n\ndata: [DONE]\n\n"},
                },
            }
        ],
    }
}


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", VCR), ("a.http", RAW), ("a.har", json.dumps(HAR)), ("a.sse", "data: 1\n\ndata: [DONE]\n\n")],
)
def test_other_formats_are_answered_with_too(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_bytes(text.encode())
    replay = Replay([loaded.exchange for loaded in load(tmp_path) if loaded.exchange])
    asked = Request("POST", "http://mock/v1/chat/completions", (), {"model": "m", "stream": True})
    exchange = exchange_of(asked, replay.respond(asked, Settings(), Chosen()))
    assert (200, b"data: 1\n\ndata: [DONE]\n\n") == (exchange.status, exchange.body)
    assert "content-encoding" not in dict(exchange.head.headers if exchange.head else ())
