"""Raw HTTP/1.1 messages, a response or requests each with its response, as exchanges. Knows no pcap, no curl trace.

These are bytes of the connection, layer "wire" - unless the tool that saved them undid the framing (`curl -i` without
`--raw`) or spoke HTTP/2, where no framing of this kind exists: then only the body can be judged.
"""

import re

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head, ResponseReader

from .assume import request_behind
from .foreign import (
    ForeignFormatError,
    Found,
    Imported,
    body_of,
    coding_undone,
    exchange_of,
    head_of,
    request_of,
)

REQUEST_LINE = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (\S{1,4096}) HTTP/[123](?:\.[01])?\r?\n")
STATUS_LINE = re.compile(rb"HTTP/([123](?:\.[01])?) ([1-9]\d\d)(?: ([^\r\n]{0,200}))?\r?\n")
BLANK_LINE = re.compile(rb"\r?\n\r?\n")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}[ \t]{0,9}(?:;[^\r\n]{0,999})?\r\n")
GZIP = b"\x1f\x8b"
PIECE = 1024
"""ResponseReader keeps this much of what comes after a response."""


def read(data: bytes, *, source: str = "", request: Request | None = None) -> Imported:
    """Every exchange in the bytes. `request` goes with a response that has none before it."""
    found: list[Found] = []
    position = 0
    while position < len(data):
        asked, start = _request(data, position)
        end = _end(data, start, asked.method) if asked else len(data)
        name = f"{source}#{len(found) + 1}" if found else source
        found.append(Found(len(found) + 1, _exchange(data[start:end], asked or request, name)))
        position = end
    if not found:
        raise ForeignFormatError("an empty file")
    return Imported(tuple(found))


def _request(data: bytes, position: int) -> tuple[Request | None, int]:
    """The request that starts here, if one does, and where its response starts."""
    line = REQUEST_LINE.match(data, position)
    if line is None:
        return None, position
    head_end = BLANK_LINE.search(data, line.end() - 1)
    if head_end is None:
        raise ForeignFormatError("a request whose head does not end")
    headers = _headers(data[line.end() : head_end.start()])
    known = {name.lower(): value for name, value in headers}
    length = known.get("content-length", "")
    start = head_end.end() + (int(length) if length.isdecimal() and len(length) < 10 else 0)
    if not STATUS_LINE.match(data, start):  # written by hand, or cut: the response tells where the request ends
        status = STATUS_LINE.search(data, head_end.end())
        if status is None:
            raise ForeignFormatError("a request without a response")
        start = status.start()
    body = data[head_end.end() : start]
    if "chunked" in known.get("transfer-encoding", "").lower():
        body = ResponseReader().feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body)
    target = line[2].decode("latin-1")
    url = target if "://" in target else f"http://{known.get('host', 'not-recorded')}{target}"
    return request_of(line[1].decode(), url, headers, body_of(body.strip())), start


def _end(data: bytes, start: int, method: str) -> int:
    """Where this response ends and another request starts; the end of the data if none does."""
    if not REQUEST_LINE.search(data, start):
        return len(data)
    reader = ResponseReader(method)
    for position in range(start, len(data), PIECE):
        piece = data[position : position + PIECE]
        reader.feed(piece)
        if reader.over:
            end = position + len(piece) - len(reader.transport().rest)
            return end if REQUEST_LINE.match(data, end) else len(data)
    return len(data)


def _exchange(response: bytes, request: Request | None, source: str) -> Exchange:
    response = _last_response(response)
    status = STATUS_LINE.match(response)
    if status is None:
        raise ForeignFormatError("no HTTP response: wanted HTTP/1.1 and a status first")
    head_end = BLANK_LINE.search(response, status.end() - 1)
    if head_end is not None:
        headers = _headers(response[status.end() : head_end.start()])
        head = head_of(int(status[2]), headers, (status[3] or b"").decode("latin-1"))
        body = response[head_end.end() :]
        if _framing_undone(status[1], head, body):
            head, body = coding_undone(head, body)
            return exchange_of(request or request_behind(head, body), head, body, source=source)
    reader = ExchangeReader(request or _request_behind(response))
    reader.feed(response)
    return reader.close(Ending.EOF, source=source)


def _request_behind(response: bytes) -> Request:
    reader = ResponseReader()
    body = reader.feed(response) + reader.close()
    return request_behind(reader.head or Head(0, ()), body)


def _last_response(data: bytes) -> bytes:
    """Without the heads before it: 100 Continue, and what a proxy answers to CONNECT."""
    position = 0
    while head_end := BLANK_LINE.search(data, position):
        if not STATUS_LINE.match(data, head_end.end()):
            break
        position = head_end.end()
    return data[position:]


def _framing_undone(version: bytes, head: Head, body: bytes) -> bool:
    """The tool that saved this did not keep the framing, or there was none to keep."""
    if not version.startswith(b"1"):
        return True
    if "chunked" in head.get("transfer-encoding").lower():
        return bool(body) and not CHUNK_SIZE.match(body)
    coded = head.get("content-encoding").strip().lower() not in ("", "identity")
    return coded and bool(body) and not body.startswith(GZIP)


def _headers(lines: bytes) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in lines.decode("latin-1").splitlines() if ":" in line[1:])
    return [(name.strip(), value.strip()) for name, _, value in pairs]
