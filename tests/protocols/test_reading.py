"""Bytes with times to an exchange: streams, documents, and whatever else a server sends."""

import pytest

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader, exchange_of, hung_up_on, protocol_of
from conformance.wire.events import CutOff, Message
from conformance.wire.http import Head
from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait

CHAT = Request("POST", "http://t/v1/chat/completions", (), {"messages": [], "stream": True})
STREAM = (("content-type", "text/event-stream"),)
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


def received(*acts: Act, framing: Framing = Framing.CHUNKED, time_limit: float = 60.0) -> Exchange:
    return exchange_of(CHAT, Answer(200, STREAM, acts, framing), time_limit=time_limit)


@pytest.mark.parametrize(
    ("method", "url", "body", "protocol"),
    [
        ("POST", "https://api.openai.com/v1/chat/completions", {}, "chat"),
        ("POST", "http://t/v1/chat/completions/", None, "chat"),
        ("POST", "http://t/deployments/m/chat/completions?api-version=1", "{", "chat"),
        ("POST", "http://t/generate", {"messages": []}, "chat"),
        ("GET", "http://t/generate", {"messages": []}, ""),
        ("POST", "http://t/generate", {"prompt": ""}, ""),
        ("POST", "http://t/v1/completions", {"prompt": ""}, "completions"),
        ("POST", "http://t/deployments/m/completions?api-version=1", "{", "completions"),
        ("POST", "http://t/v1/responses", {"messages": []}, ""),
        ("POST", "http://t/v1/messages", {"messages": []}, ""),
        ("GET", "http://t/v1/models", None, ""),
    ],
)
def test_the_path_and_the_body_tell_the_protocol(method: str, url: str, body: object, protocol: str) -> None:
    assert protocol == protocol_of(Request(method, url, (), body))


def test_a_stream_has_a_step_per_message() -> None:
    exchange = received(Send(CHUNK), Send(b": ping\n\n"), Send(DONE))
    assert [Kind.DELTA, Kind.TERMINATOR] == [step.kind for step in exchange.steps]
    assert [1, 2] == [step.number for step in exchange.steps]
    assert (3, CHUNK + b": ping\n\n" + DONE) == (len(exchange.events), exchange.body)
    assert ("chat", "wire", 200, Ending.EOF) == (exchange.protocol, exchange.layer, exchange.status, exchange.ending)
    assert exchange.transport is not None
    assert exchange.transport.complete


def test_waits_pass_on_the_clock_of_the_exchange() -> None:
    exchange = received(Wait(1.0), Send(CHUNK), Wait(2.0), Send(DONE), Wait(0.5))
    assert [1.0, 3.0] == [event.at for event in exchange.events]
    assert (0.0, 3.5) == (exchange.head_at, exchange.ended_at)


def test_a_reset_ends_the_exchange_where_it_is() -> None:
    exchange = received(Send(CHUNK), Send(b"data: {"), Reset(), Send(DONE))
    assert (Ending.RESET, [Message, CutOff]) == (exchange.ending, [type(event) for event in exchange.events])
    assert [Kind.DELTA, Kind.UNREADABLE] == [step.kind for step in exchange.steps]


def test_the_time_limit_ends_the_exchange() -> None:
    exchange = received(Send(CHUNK), Wait(100.0), Send(DONE), time_limit=5.0)
    assert (Ending.TIMEOUT, 5.0, 1) == (exchange.ending, exchange.ended_at, len(exchange.steps))


@pytest.mark.parametrize("status", [200, 400])
def test_a_json_body_is_a_document_and_no_stream(status: int) -> None:
    answer = Answer(status, (), (Send(b'{"error":\n\n{"message":"no"}}\n'),), Framing.LENGTH)
    exchange = exchange_of(CHAT, answer)
    assert ({"error": {"message": "no"}}, (), ()) == (exchange.document, exchange.events, exchange.steps)


@pytest.mark.parametrize(
    "data", [b'{"a": NaN}', b'{"a": 1}{"b": 2}', b'{"a": "\xff"}', b'{"a": 1', b"", b"  ", b"<html>"]
)
def test_a_body_that_is_no_json_document_is_read_as_a_stream(data: bytes) -> None:
    exchange = received(Send(data))
    assert (None, data) == (exchange.document, exchange.body)


def test_the_head_of_a_body_recording_is_given() -> None:
    reader = ExchangeReader(CHAT, head=Head(200, STREAM), layer="body")
    reader.feed(CHUNK, None)
    exchange = reader.close(Ending.EOF)
    assert ("body", None, None, 200) == (exchange.layer, exchange.transport, exchange.head_at, exchange.status)
    assert not reader.over


def test_a_response_is_over_when_its_framing_says_so() -> None:
    reader = ExchangeReader(CHAT)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\ndata: [DON")
    over_before = reader.over
    reader.feed(b"E]\n\n")
    assert (False, True) == (over_before, reader.over)
    assert (14, 1, 1) == (reader.size, len(reader.events), len(reader.steps))


def test_a_close_delimited_body_is_whole_when_the_connection_ends() -> None:
    whole = received(Send(DONE), framing=Framing.CLOSE)
    cut = ExchangeReader(CHAT)
    cut.feed(b"HTTP/1.1 200 OK\r\n\r\n" + DONE)
    left = cut.close(Ending.LEFT)
    assert whole.transport is not None
    assert left.transport is not None
    assert (True, False) == (whole.transport.complete, left.transport.complete)


def test_no_answer_at_all_is_an_exchange_too() -> None:
    first = received(Send(DONE))
    exchange = hung_up_on(CHAT, probe="keep-alive", beside=first)
    assert (None, 0, b"", Ending.RESET) == (exchange.head, exchange.status, exchange.body, exchange.ending)
    assert first is exchange.beside


def test_members_that_repeat_are_kept_once() -> None:
    data = b'data: {"id":"chatcmpl-123","created":1767225600,"model":"mock","choices":[]}\n\n'
    one, two = received(Send(data), Send(data)).steps
    assert one.chunk is not None
    assert two.chunk is not None
    assert all(one.chunk[name] is two.chunk[name] for name in ("id", "created", "model"))


def test_an_answer_of_countless_events_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.protocols.reading.MAX_EVENTS", 3)
    monkeypatch.setattr("conformance.protocols.reading.SLICE", 2 * len(CHUNK))
    exchange = received(Send(CHUNK * 50), framing=Framing.CLOSE)
    assert Ending.CUT is exchange.ending
    assert 4 == len(exchange.events)


def test_an_answer_of_as_many_events_as_are_allowed_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.protocols.reading.MAX_EVENTS", 3)
    exchange = received(Send(CHUNK * 2 + DONE), framing=Framing.CLOSE)
    assert (Ending.EOF, 3) == (exchange.ending, len(exchange.events))
