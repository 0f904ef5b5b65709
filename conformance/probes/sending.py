"""A request to the bytes that are sent, and to what may be written down of it. The grammar is h11's; no socket."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from urllib.parse import quote, urlsplit

import h11

from conformance.protocols.credentials import (
    without_credentials,
    without_credentials_in_body,
    without_credentials_in_url,
)
from conformance.protocols.exchange import Request

from .endpoint import Endpoint
from .way import Way, headers_of

KEPT = "/%:@!$&'()*+,;=~-._?"
"""What may stand in a path or a query; all else is percent-encoded."""
PIECE = 40
"""Bytes of a body in each chunk."""


@cache  # looking it up takes a millisecond, and every request says it
def agent() -> str:
    """What we call ourselves, "streamspec/0.1.0"."""
    try:
        return f"streamspec/{version('streamspec')}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "streamspec/0"


def bytes_of(request: Request, endpoint: Endpoint, *, with_key: bool = True, way: Way = Way.WHOLE) -> bytes:
    """The request as it goes on the wire."""
    parts = urlsplit(request.url)
    target = quote(parts.path or "/", safe=KEPT) + (f"?{quote(parts.query, safe=KEPT)}" if parts.query else "")
    body = _body_bytes(request.body)
    headers = _headers(request, endpoint, with_key=with_key, way=way, size=len(body))
    connection = h11.Connection(h11.CLIENT)
    head = connection.send(h11.Request(method=request.method, target=target, headers=headers)) or b""
    pieces = [body[i : i + PIECE] for i in range(0, len(body), PIECE)] if way is Way.CHUNKED else [body]
    sent = b"".join(connection.send(h11.Data(data=piece)) or b"" for piece in pieces if piece)
    return head + sent + (connection.send(h11.EndOfMessage()) or b"")


def recorded(request: Request, endpoint: Endpoint, *, with_key: bool = True, way: Way = Way.WHOLE) -> Request:
    """The request as an exchange and its recording keep it: what is sent, without credentials."""
    headers = _headers(request, endpoint, with_key=with_key, way=way, size=len(_body_bytes(request.body)))
    return Request(
        request.method,
        without_credentials_in_url(request.url),
        without_credentials(headers),
        without_credentials_in_body(request.body),
    )


def _headers(request: Request, endpoint: Endpoint, *, with_key: bool, way: Way, size: int) -> list[tuple[str, str]]:
    """Every header that is sent, credentials included. The endpoint's replace ours, the request's replace both."""
    headers = {"user-agent": agent(), "accept": "text/event-stream", "accept-encoding": "identity"}
    headers |= {name.lower(): value for name, value in (*endpoint.headers.items(), *request.headers)}
    if endpoint.key:
        bearer = endpoint.key_header.lower() == "authorization"
        headers[endpoint.key_header.lower()] = f"Bearer {endpoint.key}" if bearer else endpoint.key
    if request.body is not None:
        headers |= {name: value for name, value in headers_of(way) if name not in headers}
        headers |= {"transfer-encoding": "chunked"} if way is Way.CHUNKED else {"content-length": str(size)}
    sent = [("host", endpoint.authority), *headers.items()]
    if way is Way.CAPITALS:
        sent = [(name.upper(), value) for name, value in sent]
    return sent if with_key else list(without_credentials(sent))


def _body_bytes(body: object) -> bytes:
    """Text is sent as it is, anything else as JSON."""
    if body is None:
        return b""
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)).encode()
