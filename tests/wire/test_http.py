"""HTTP/1.1 responses as bytes: what is read of the body, and what is said of the framing."""

import gzip
import zlib

import pytest

from conformance.wire import http
from conformance.wire.http import Head, ResponseReader, Transport
from conformance.wire.script import Framing

CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"


def read(*pieces: bytes, method: str = "POST") -> tuple[bytes, Transport, Head | None]:
    """Feed the pieces, then the end of the connection."""
    reader = ResponseReader(method)
    body = b"".join(reader.feed(piece) for piece in pieces) + reader.close()
    return body, reader.transport(), reader.head


def one_by_one(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(
    ("raw", "body", "transport"),
    [
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello", Transport(Framing.CHUNKED, True)),
        (CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n", b"hello", Transport(Framing.CHUNKED, True)),
        (CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"hello", Transport(Framing.CHUNKED, True)),
        (LENGTH + b"hello", b"hello", Transport(Framing.LENGTH, True)),
        (LENGTH + b"hello!!", b"hello", Transport(Framing.LENGTH, True, rest=b"!!")),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\nHTTP", b"hello", Transport(Framing.CHUNKED, True, rest=b"HTTP")),
        (CLOSE + b"hello", b"hello", Transport(Framing.CLOSE, True)),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", Transport(Framing.CLOSE, True)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH + b"hello", b"hello", Transport(Framing.LENGTH, True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", Transport(Framing.CLOSE, True)),
    ],
)
def test_a_good_response_is_complete(raw: bytes, body: bytes, transport: Transport) -> None:
    for pieces in ([raw], one_by_one(raw)):
        got_body, got, _ = read(*pieces)
        assert body == got_body
        assert Transport(got.framing, got.complete, got.flaw, got.rest) == transport


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (CHUNKED + b"5\r\nhello\r\n", b"hello"),  # no last chunk
        (CHUNKED + b"9\r\nhello", b"hello"),
        (CHUNKED + b"5\r\nhello\r\nzz\r\n", b"hello"),
        (CHUNKED + b"5\r\nhelloX\r\n0\r\n\r\n", b"hello"),
        (LENGTH + b"hel", b"hel"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", b""),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\nhello", b""),
        (b"data: hello\n\n" * 10, b""),
        (b"\x16\x03\x01\x00\xff\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n", b""),
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\nhello", b""),
    ],
)
def test_a_bad_response_has_a_flaw_and_keeps_the_body_before_it(raw: bytes, body: bytes) -> None:
    for pieces in ([raw], one_by_one(raw)):
        got_body, transport, _ = read(*pieces)
        assert body == got_body
        assert (transport.complete, bool(transport.flaw)) == (False, True)


def test_chunked_wins_over_length_and_both_headers_are_kept() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    body, transport, head = read(raw)
    assert (body, transport.framing, transport.complete) == (b"hello", Framing.CHUNKED, True)
    assert head is not None
    assert ["3"] == head.all("content-length")


def test_the_head_keeps_the_spelling_of_its_headers() -> None:
    _, _, head = read(b"HTTP/1.1 429 Too Many\r\nX-Request-ID: a\r\nx-request-id: b\r\nContent-Length: 0\r\n\r\n")
    headers = (("X-Request-ID", "a"), ("x-request-id", "b"), ("Content-Length", "0"))
    assert Head(429, headers, "1.1", "Too Many") == head
    assert head is not None
    assert (head.all("x-request-id"), head.get("x-request-id"), head.get("none")) == (["a", "b"], "a", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("text/event-stream", "text/event-stream"), ("Text/Event-Stream ; charset=utf-8", "text/event-stream"), ("", "")],
)
def test_the_media_type_has_no_parameters_and_no_case(value: str, expected: str) -> None:
    assert expected == Head(200, (("Content-Type", value),)).media_type


@pytest.mark.parametrize(
    ("raw", "reusable"),
    [
        (CHUNKED + b"0\r\n\r\n", True),
        (LENGTH + b"hello", True),
        (LENGTH + b"hello!", False),
        (LENGTH + b"hel", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", False),
    ],
)
def test_a_connection_is_reusable_after_a_whole_response_and_nothing_else(raw: bytes, reusable: bool) -> None:
    reader = ResponseReader()
    reader.feed(raw)
    assert reusable is reader.transport().reusable


def test_what_follows_the_end_is_kept_to_a_kilobyte() -> None:
    reader = ResponseReader()
    reader.feed(LENGTH + b"hello" + b"x" * 600)
    assert b"" == reader.feed(b"y" * 600)
    assert b"x" * 600 + b"y" * 424 == reader.transport().rest


def coded(coding: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nConnection: close\r\n\r\n" % coding.encode() + body


@pytest.mark.parametrize(
    ("coding", "code"), [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_coding_is_undone_whatever_the_split(coding: str, code: object) -> None:
    assert callable(code)
    raw = coded(coding, code(b"data: hello\n\n"))
    assert b"data: hello\n\n" == read(raw)[0] == read(*one_by_one(raw))[0]


def test_a_coding_that_breaks_is_a_flaw() -> None:
    body, transport, _ = read(coded("gzip", b"data: not gzip\n\n"))
    assert (body, transport.flaw.startswith("the gzip coding is broken")) == (b"", True)


@pytest.mark.parametrize("missing", [1, 8, 12])
def test_a_coding_that_ends_too_early_is_a_flaw(missing: int) -> None:
    raw = coded("gzip", gzip.compress(b"data: hello\n\n")[:-missing])
    for pieces in ([raw], one_by_one(raw)):
        _, transport, _ = read(*pieces)
        assert (transport.complete, transport.flaw) == (True, "the gzip coding is broken: it ends too early")


def test_a_coded_body_of_nothing_is_whole() -> None:
    body, transport, _ = read(coded("gzip", b""))
    assert (body, transport.complete, transport.flaw) == (b"", True, "")


@pytest.mark.parametrize("padding", [b"", b"\0", b"\0" * 9, b"\x1f"])
def test_members_of_a_gzip_body_are_read_one_behind_the_other(padding: bytes) -> None:
    raw = coded("gzip", gzip.compress(b"data: 1\n\n") + gzip.compress(b"data: 2\n\n") + padding)
    for pieces in ([raw], one_by_one(raw)):
        body, transport, _ = read(*pieces)
        assert (body, transport.flaw) == (b"data: 1\n\ndata: 2\n\n", "")


def test_members_of_a_gzip_body_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_INFLATED", 10_000)
    body, transport, _ = read(coded("gzip", gzip.compress(b"\0" * 6_000) * 2))
    assert (len(body), transport.flaw) == (10_001, "the body inflates to more than 10000 bytes")


def test_refused_bytes_are_shown_without_their_python_type() -> None:
    _, transport, _ = read(CHUNKED + b"zz\r\n")
    assert "illegal chunk header: 'zz\\r\\n'" == transport.flaw


def test_a_coding_that_we_cannot_read_gives_no_body() -> None:
    for pieces in ([coded("br", b"\x0b\x02")], one_by_one(coded("br", b"\x0b\x02"))):
        body, transport, _ = read(*pieces)
        assert (body, transport.flaw.startswith("content-encoding br")) == (b"", True)


def test_a_gzip_bomb_is_stopped_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_INFLATED", 10_000)
    raw = coded("gzip", gzip.compress(b"\0" * 1_000_000))
    for pieces in ([raw], one_by_one(raw)):
        body, transport, _ = read(*pieces)
        assert (len(body), transport.flaw) == (10_001, "the body inflates to more than 10000 bytes")


def test_a_body_of_exactly_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_INFLATED", 10_000)
    body, transport, _ = read(coded("gzip", gzip.compress(b"\0" * 10_000)))
    assert (len(body), transport.flaw, transport.complete) == (10_000, "", True)


def test_nothing_is_read_after_a_flaw() -> None:
    reader = ResponseReader()
    reader.feed(CHUNKED + b"zz\r\n")
    assert (reader.over, reader.feed(b"5\r\nhello\r\n")) == (True, b"")


def test_the_answer_to_head_has_no_body() -> None:
    body, transport, _ = read(LENGTH, method="HEAD")
    assert (body, transport.complete) == (b"", True)
