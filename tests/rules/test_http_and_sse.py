"""What the rules about HTTP and server-sent events say of bytes that no mutant makes."""

import gzip

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import Finding
from conformance.protocols.reading import ExchangeReader
from conformance.rules.chat import termination
from conformance.rules.http import connection, framing, headers, status
from conformance.rules.rule import Level
from conformance.rules.sse import encoding, events, lines

RULES = (
    *status.RULES,
    *headers.RULES,
    *framing.RULES,
    *connection.RULES,
    *encoding.RULES,
    *lines.RULES,
    *events.RULES,
)
LOUD = tuple(rule for rule in RULES if rule.level is not Level.MAY)
BODY = {"model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
CHAT = Request("POST", "http://target/v1/chat/completions", (("accept", "text/event-stream"),), BODY)
CLOSED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
ONE = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"mock","choices":'
    b'[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
FULL = ONE + DONE


def exchange(
    *pieces: bytes, ending: Ending = Ending.EOF, request: Request = CHAT, beside: Exchange | None = None
) -> Exchange:
    reader = ExchangeReader(request)
    for piece in pieces:
        reader.feed(piece, 0.0)
    return reader.close(ending, 1.0, probe="keep-alive" if beside else "stream", beside=beside)


def findings(read: Exchange) -> dict[str, list[Finding]]:
    return {rule: found for rule, found in findings_of(read, LOUD).items() if found}


def broken(*pieces: bytes, ending: Ending = Ending.EOF) -> list[str]:
    return sorted(findings(exchange(*pieces, ending=ending)))


@pytest.mark.parametrize(
    "response",
    [
        CLOSED + FULL,
        CLOSED.replace(b"text/event-stream", b"Text/Event-Stream;Charset=UTF-8") + FULL,
        CLOSED.replace(b"content-type", b"CONTENT-TYPE") + FULL,
        CLOSED + FULL.replace(b"\n", b"\r\n"),
        CLOSED + b": ping\n\n:\n\n" + FULL,
        CLOSED + b"\n\n\n" + FULL + b"\n",
        CLOSED + FULL.replace(b'"Hi"', b'"event: x\\n\\ndata: {}\\r\\n id: 1"'),
        b"HTTP/1.1 100 Continue\r\n\r\n" + CLOSED + FULL,
        CHUNKED + b"%x;name=value\r\n%s\r\n0\r\nx-checksum: 1\r\n\r\n" % (len(FULL), FULL),
        CHUNKED + b"1\r\nd\r\n%X\r\n%s\r\n000\r\n\r\n" % (len(FULL) - 1, FULL[1:]),
        CLOSED.replace(b"HTTP/1.1", b"HTTP/1.0") + FULL,
    ],
    ids=[
        "closed",
        "capitals in the type",
        "capitals in a header",
        "CRLF",
        "comments",
        "blank lines",
        "fields inside a string",
        "interim response",
        "chunk extension and trailer",
        "event over two chunks",
        "HTTP/1.0",
    ],
)
def test_what_is_right_in_an_unusual_way_is_right(response: bytes) -> None:
    assert [] == broken(response)


def test_a_stream_read_byte_by_byte_is_as_right_as_in_one_piece() -> None:
    response = CLOSED + FULL.replace(b"\n", b"\r\n")
    assert [] == broken(*(response[n : n + 1] for n in range(len(response))))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (CLOSED + b"retry: 1\n\n" + FULL, ["sse/events/carry-data"]),
        (CLOSED + b": ping\n\n: ping\n\n", ["http/status/streams"]),
        (CLOSED + b"<html>\n<script>{}</script>\n\n<body>{}</body>\n", ["http/status/streams"]),
        (
            CLOSED.replace(b"text/event-stream", b"application/x-ndjson") + b'{"a":1}\n{"a":2}\n',
            ["http/status/streams"],
        ),
        (CLOSED + b'{"choices":[]}\n\n{"choices":[]}\n\n', ["sse/lines/payload-in-data"]),
        (CLOSED + b"\xef\xbb\xbf\xef\xbb\xbf" + FULL, ["sse/encoding/no-mark", "sse/lines/payload-in-data"]),
        (CLOSED + ONE + b'data : {"choices":[]}\n\n' + DONE, ["sse/lines/payload-in-data"]),
        (CLOSED + ONE.replace(b"Hi", b"H\ni") + DONE, []),
        (CLOSED + FULL.replace(b"\n\n", b"\n"), ["sse/events/ended"]),
        (CLOSED + FULL.replace(b"\n\n", b"\n") + b"\n", []),
        (CLOSED + ONE + b"data: [DONE]\r\n\r\n", ["sse/lines/one-end"]),
        (
            CLOSED + ONE.replace(b"data: ", b"data:") + b"data:\n\n" + DONE,
            ["sse/events/not-empty", "sse/lines/one-space"],
        ),
    ],
    ids=[
        "retry alone",
        "comments alone",
        "a page called a stream",
        "NDJSON under its own name",
        "NDJSON called a stream",
        "two byte order marks",
        "space before the colon",
        "raw line end in a string: the rule about JSON speaks",
        "one line end between events, cut off",
        "one line end between events, one message: the rule about JSON speaks",
        "CRLF in the last event",
        "no space, and no value",
    ],
)
def test_one_mistake_is_said_once(response: bytes, expected: list[str]) -> None:
    assert expected == broken(response)


def test_half_a_character_at_a_reset_is_no_fault_of_the_encoding() -> None:
    assert ["http/connection/not-reset"] == broken(CLOSED + ONE.replace(b"Hi", b"\xe4\xb8")[:-70], ending=Ending.RESET)


def test_a_carriage_return_at_a_cut_may_be_half_of_a_line_end() -> None:
    response = CLOSED + ONE.replace(b"\n", b"\r\n")
    assert ["http/connection/not-reset"] == broken(response[:-1], ending=Ending.RESET)


def test_a_stream_that_we_left_is_not_called_incomplete() -> None:
    assert [] == broken(CHUNKED + b"%x\r\n%s\r\n" % (len(ONE), ONE), ending=Ending.LEFT)


def test_a_reset_after_the_last_chunk_takes_nothing_away() -> None:
    response = CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(FULL), FULL)
    assert [] == broken(response, ending=Ending.RESET)


def test_compression_that_was_asked_for_is_right() -> None:
    asks = Request(CHAT.method, CHAT.url, (("Accept-Encoding", "br, gzip"),), BODY)
    response = CLOSED.replace(b"connection", b"content-encoding: gzip\r\nconnection") + gzip.compress(FULL)
    assert {} == findings(exchange(response, request=asks))
    assert ["http/headers/coding-asked-for"] == broken(response)


def test_a_coding_that_nobody_can_read_is_never_passed_over() -> None:
    tells_nothing = Request(CHAT.method, CHAT.url, (), BODY)
    response = CLOSED.replace(b"connection", b"content-encoding: br\r\nconnection") + b"\x0b\x02\x80"
    assert ["http/headers/coding-asked-for"] == list(findings(exchange(response, request=tells_nothing)))


@pytest.mark.parametrize("ending", [Ending.EOF, Ending.RESET])
def test_what_comes_after_a_broken_coding_is_not_judged(ending: Ending) -> None:
    response = CLOSED.replace(b"connection: close", b"content-encoding: gzip\r\ncontent-length: 5") + FULL
    expected = ["http/framing/no-length", "http/headers/coding-true"]
    assert expected == broken(response, ending=ending)
    assert expected == broken(*(response[n : n + 1] for n in range(len(response))), ending=ending)


def test_a_refusal_under_the_name_of_a_stream_is_a_wrong_label_only() -> None:
    response = b'HTTP/1.1 400 Bad Request\r\ncontent-type: text/event-stream\r\ncontent-length: 12\r\n\r\n{"error":{}}'
    foreign = ExchangeReader(CHAT)
    foreign.feed(response, 0.0)
    assert ["http/headers/json"] == list(findings(foreign.close(Ending.EOF, 1.0)))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (CHUNKED, ["http/connection/close-announced"]),
        (CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: Close\r\n\r\n"), ["http/connection/not-reset"]),
    ],
    ids=["not announced", "announced, so that the second request should not have been sent"],
)
def test_a_dead_connection_is_blamed_on_a_head_that_kept_silent(head: bytes, expected: list[str]) -> None:
    first = exchange(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(FULL), FULL))
    assert expected == list(findings(exchange(ending=Ending.RESET, beside=first)))


def test_a_message_lost_to_a_space_is_not_missed_a_second_time() -> None:
    read = exchange(CLOSED + ONE.replace(b'"stop"', b"null") + b" " + ONE + DONE)
    rules = (*LOUD, *termination.RULES)
    assert ["sse/lines/no-indent"] == [rule for rule, found in findings_of(read, rules).items() if found]


def test_an_event_of_many_megabytes_is_measured_though_it_was_not_kept() -> None:
    (finding,) = findings(exchange(CLOSED + b"data: " + 17 * 1024 * 1024 * b"x" + b"\n\n" + FULL))["sse/events/small"]
    assert "17825800 bytes, of which nothing was kept" == finding.got


def test_the_place_of_a_bad_byte_is_its_message_and_its_offset() -> None:
    (finding,) = findings(exchange(CLOSED + ONE + ONE.replace(b"Hi", b"caf\xe9") + DONE))["sse/encoding/utf8"]
    place = len(ONE) + ONE.index(b"Hi") + len("caf")
    assert (2, (place, place + 1)) == (finding.event, finding.span)
    assert 'invalid continuation byte: …ontent":"caf\\xe9"},"finish_r…' == finding.got


def test_the_same_fault_in_many_events_is_one_finding_with_a_count() -> None:
    (finding,) = findings(exchange(CLOSED + b"id: 7\n" + ONE + b"id: 8\n" + ONE + DONE))["sse/events/no-id"]
    assert '"id: 7" (and in 1 more events)' == finding.got
    assert (1, (0, len(ONE) + 6)) == (finding.event, finding.span)
