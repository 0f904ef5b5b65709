"""Raw HTTP messages, as tcpflow, `curl -i` and people save them."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.imports.foreign import ForeignFormatError
from conformance.protocols.imports.http import read
from conformance.wire.script import Framing

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED = HEAD + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
ASKED = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer sk-1\r\n"
    b'Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{"model":"m","stream":true}'
)
REFUSED = b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def all_of(data: bytes, request: Request | None = None) -> list[Exchange]:
    found = read(data, source="a.http", request=request).found
    return [f.exchange for f in found if f.exchange is not None]


def only(data: bytes, request: Request | None = None) -> Exchange:
    (exchange,) = all_of(data, request)
    return exchange


def test_a_response_is_read_with_its_framing() -> None:
    exchange = only(CHUNKED)
    assert (exchange.layer, exchange.protocol, exchange.source) == ("wire", "chat", "a.http")
    assert exchange.body == b"data: [DONE]\n\n"
    assert exchange.transport is not None
    assert (exchange.transport.framing, exchange.transport.complete) == (Framing.CHUNKED, True)


def test_a_missing_last_chunk_is_seen() -> None:
    exchange = only(CHUNKED.removesuffix(b"0\r\n\r\n"))
    assert exchange.transport is not None
    assert not exchange.transport.complete


def test_the_request_before_the_response_is_read() -> None:
    exchange = only(ASKED + CHUNKED)
    assert exchange.request == Request(
        "POST",
        "http://api.example.com/v1/chat/completions",
        (("Host", "api.example.com"), ("Content-Type", "application/json"), ("Content-Length", "27")),
        {"model": "m", "stream": True},
    )


@pytest.mark.parametrize(
    "asked",
    [
        ASKED.replace(b"Content-Length: 27", b"Content-Length: 99"),
        ASKED.replace(b"Content-Length: 27\r\n", b""),
        ASKED.replace(b"\r\n", b"\n") + b"\n\n",
        ASKED.replace(b"Content-Length: 27", b"Transfer-Encoding: chunked").replace(b"{", b"1b\r\n{")
        + b"\r\n0\r\n\r\n",
        ASKED.replace(b" /v1", b" http://api.example.com/v1"),
    ],
    ids=["wrong length", "no length", "by hand", "chunked", "to a proxy"],
)
def test_the_response_shows_where_the_request_ends(asked: bytes) -> None:
    exchange = only(asked + CHUNKED)
    assert exchange.request.body == {"model": "m", "stream": True}
    assert exchange.request.url == "http://api.example.com/v1/chat/completions"
    assert exchange.body == b"data: [DONE]\n\n"


def test_a_request_that_is_not_json_is_kept_as_text() -> None:
    exchange = only(ASKED.replace(b"true}", b"true,") + REFUSED)
    assert (exchange.request.body, exchange.status) == ('{"model":"m","stream":true,', 400)


def test_a_connection_that_carried_several_exchanges_gives_each() -> None:
    first, second, third = all_of(ASKED + CHUNKED + ASKED + REFUSED + ASKED + CHUNKED)
    assert [e.source for e in (first, second, third)] == ["a.http", "a.http#2", "a.http#3"]
    assert [e.status for e in (first, second, third)] == [200, 400, 200]
    assert [e.transport.rest if e.transport else None for e in (first, second, third)] == [b"", b"", b""]


def test_what_follows_a_response_and_is_no_request_belongs_to_it() -> None:
    exchange = only(ASKED + REFUSED + b"{}")
    assert exchange.transport is not None
    assert exchange.transport.rest == b"{}"


def test_a_request_is_looked_for_right_behind_the_response_and_nowhere_else() -> None:
    exchange = only(ASKED + REFUSED + b"{}" + ASKED + CHUNKED)
    assert exchange.transport is not None
    assert exchange.transport.rest.startswith(b"{}POST ")


def test_a_request_inside_the_body_is_no_request() -> None:
    line = b"POST /v1 HTTP/1.1\r\n"
    exchange = only(ASKED + b"HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n: " + line + b"\r\n")
    assert exchange.body == b": " + line + b"\r\n"


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 Connection established\r\n\r\n"], ids=["100", "CONNECT"]
)
def test_heads_before_the_last_one_are_not_the_response(before: bytes) -> None:
    assert only(before + CHUNKED).body == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"data: [DONE]\n\n",
        b"HTTP/2 200 \r\ncontent-type: text/event-stream\r\n\r\ndata: [DONE]\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\ndata: [DONE]\n\n",
    ],
    ids=["curl -i", "HTTP/2", "curl -i --compressed"],
)
def test_where_the_tool_undid_the_framing_only_the_body_is_judged(data: bytes) -> None:
    exchange = only(data)
    assert (exchange.layer, exchange.transport, exchange.body) == ("body", None, b"data: [DONE]\n\n")
    assert exchange.head is not None
    assert exchange.head.media_type == "text/event-stream"
    assert exchange.head.get("content-encoding") == ""


def test_a_compressed_body_is_undone_by_the_reader_of_the_wire() -> None:
    body = gzip.compress(b"data: [DONE]\n\n")
    data = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    assert (only(data).layer, only(data).body) == ("wire", b"data: [DONE]\n\n")


def test_a_stream_without_a_request_was_asked_for_as_one() -> None:
    assert only(CHUNKED).member("stream") is True


def test_a_document_without_a_request_was_not_asked_for_as_a_stream() -> None:
    exchange = only(REFUSED.replace(b"400 Bad Request", b"200 OK"))
    assert (exchange.protocol, exchange.member("stream")) == ("chat", None)


def test_a_document_of_two_choices_was_asked_for_as_such() -> None:
    body = b'{"choices": [{"index": 0}, {"index": 1}]}'
    data = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (only(data + body).member("n"), only(data + body).member("stream")) == (2, None)


def test_a_given_request_goes_with_a_response_that_has_none() -> None:
    request = Request("POST", "http://h/v1/chat/completions", (), {"stream": True, "messages": []})
    assert only(CHUNKED, request).request == request
    assert only(ASKED + CHUNKED, request).request.body == {"model": "m", "stream": True}


def test_a_response_that_breaks_off_in_its_head_is_an_exchange_without_head() -> None:
    assert only(b"HTTP/1.1 200 OK\r\nContent-Ty").head is None


@pytest.mark.parametrize(
    "data", [b"", b"data: 1\n\n", b"<html>", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 99 X\r\n\r\n", ASKED, ASKED[:50]]
)
def test_what_is_no_response_is_refused(data: bytes) -> None:
    with pytest.raises(ForeignFormatError):
        read(data)


PARTS = st.sampled_from(
    [ASKED, CHUNKED, REFUSED, HEAD, b"\r\n", b"POST / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200\n\n", b"{}"]
)


@given(st.lists(PARTS | st.binary(max_size=20), max_size=8).map(b"".join))
def test_any_bytes_are_exchanges_or_refused(data: bytes) -> None:
    try:
        imported = read(data)
    except ForeignFormatError:
        return
    assert all(found.exchange is not None for found in imported.found)
