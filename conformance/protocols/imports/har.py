"""HAR 1.2, as browsers and proxies export it, as exchanges. Knows no browser by name.

A HAR has the body decoded and in one piece: layer "body", no times. `_error` is Chrome's word for why a load failed.
"""

import base64
import binascii

import msgspec

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.payload import Flaw, parse

from .foreign import (
    ForeignFormatError,
    Imported,
    OtherFormatError,
    body_of,
    collect,
    encoded,
    exchange_of,
    head_of,
    is_for_us,
    request_of,
)

GIVEN_UP = "net::ERR_ABORTED"
"""The page itself stopped reading."""


class _Header(msgspec.Struct):
    name: str
    value: str = ""


class _PostData(msgspec.Struct):
    text: str | None = None


class _Request(msgspec.Struct):
    method: str
    url: str
    headers: list[_Header] = []
    post_data: _PostData | None = msgspec.field(default=None, name="postData")


class _Content(msgspec.Struct):
    size: float | None = None
    text: str | None = None
    encoding: str | None = None


class _Response(msgspec.Struct):
    status: int
    headers: list[_Header] = []
    content: _Content = msgspec.field(default_factory=_Content)
    reason: str | None = msgspec.field(default=None, name="statusText")
    error: str | None = msgspec.field(default=None, name="_error")


class _Entry(msgspec.Struct):
    request: _Request
    response: _Response


def read(data: bytes, *, source: str = "", request: Request | None = None) -> Imported:
    """Every completion and event stream in it. `request` stands in where a request's body was not kept."""
    value, flaw = parse(data.decode("utf-8-sig", "replace"))
    if flaw not in (None, Flaw.LONE_SURROGATE):
        raise ForeignFormatError("no JSON")
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise OtherFormatError("no HAR: wanted a list at log.entries")
    return collect(entries, lambda entry, name: _exchange(entry, name, request), source)


def _exchange(value: object, source: str, given: Request | None) -> Exchange | None:
    try:
        entry = msgspec.convert(value, type=_Entry)
    except msgspec.ValidationError as error:
        raise ForeignFormatError(f"no HAR entry: {error}") from error
    asked, came = entry.request, entry.response
    body = asked.post_data.text if asked.post_data else None
    request = request_of(asked.method, asked.url, _pairs(asked.headers), body_of(body))
    head = head_of(came.status, _pairs(came.headers), came.reason or "")
    if not is_for_us(request, head):
        return None
    if came.status < 100:
        raise ForeignFormatError(f"no response came: {(came.error or 'status 0')[:100]}")
    return exchange_of(request, head, _body(came.content), source=source, ending=_ending(came), given=given)


def _pairs(headers: list[_Header]) -> list[tuple[str, str]]:
    return [(header.name, header.value) for header in headers]


def _body(content: _Content) -> bytes:
    if content.text is None:
        if content.size:
            raise ForeignFormatError("the body was not saved; export the HAR with content")
        return b""
    if content.encoding != "base64":
        return encoded(content.text)
    try:
        return base64.b64decode(content.text, validate=True)
    except (binascii.Error, ValueError):
        raise ForeignFormatError("the body is not the base64 that it says it is") from None


def _ending(response: _Response) -> Ending:
    if not response.error:
        return Ending.EOF
    return Ending.LEFT if response.error == GIVEN_UP else Ending.RESET
