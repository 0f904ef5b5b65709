"""A request and a response that another tool recorded, as an Exchange. Knows no format and no file.

Such an exchange has layer "body" unless the bytes of the connection are there, no times, and no credentials.
"""

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from conformance.protocols.credentials import (
    without_credentials,
    without_credentials_in_body,
    without_credentials_in_url,
)
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.payload import parse
from conformance.protocols.reading import ExchangeReader, protocol_of
from conformance.wire.http import Head

from .assume import EVENT_STREAM, request_behind

MAX_BODY = 256 * 1024 * 1024
"""Bytes that a compressed body may grow to."""


class ForeignFormatError(ValueError):
    """The text is not of the format it was taken for, or holds nothing that can be judged; says what is missing."""


class OtherFormatError(ForeignFormatError):
    """The text is in order, but it is something else altogether."""


@dataclass(frozen=True, slots=True)
class Found:
    """One recorded exchange, or why it cannot be judged. `number` counts what the file holds, from 1."""

    number: int
    exchange: Exchange | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds."""

    found: tuple[Found, ...]
    left_out: int = 0
    """Exchanges that are neither a completion nor an event stream."""


def collect(entries: Iterable[object], convert: Callable[[object, str], Exchange | None], source: str) -> Imported:
    """Convert each entry of a file. `convert` gives None for what is not for us; what it refuses is a problem."""
    found: list[Found] = []
    left_out = 0
    for number, entry in enumerate(entries, start=1):
        try:
            exchange = convert(entry, f"{source}#{number}")
        except ForeignFormatError as error:
            found.append(Found(number, None, str(error)))
            continue
        if exchange is None:
            left_out += 1
        else:
            found.append(Found(number, exchange))
    return Imported(tuple(found), left_out)


def is_for_us(request: Request, head: Head) -> bool:
    """Whether any rule could say something about this exchange."""
    return bool(protocol_of(request)) or head.media_type == EVENT_STREAM


def request_of(method: str, url: str, headers: Iterable[tuple[str, str]], body: object) -> Request:
    """A request as it was recorded elsewhere, less its credentials."""
    try:
        url = without_credentials_in_url(url)
    except ValueError:  # its text can hold the user info
        raise ForeignFormatError("the URL of the request is none") from None
    names = ((name, value) for name, value in headers if not name.startswith(":"))
    return Request(method.upper(), url, without_credentials(names), without_credentials_in_body(body))


def body_of(text: str | bytes | None) -> object:
    """The body of a request: its JSON value, else the text, None where there is none."""
    if not text:
        return None
    value, flaw = parse(text)
    if flaw is None:
        return value
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def head_of(status: int, headers: Iterable[tuple[str, str]], reason: str = "") -> Head:
    """A response head as it was recorded elsewhere, less credentials and the pseudo-headers of HTTP/2."""
    names = ((name, value) for name, value in headers if not name.startswith(":"))
    return Head(status, without_credentials(names), reason=reason)


def exchange_of(
    request: Request, head: Head, body: bytes, *, source: str, ending: Ending = Ending.EOF, given: Request | None = None
) -> Exchange:
    """An exchange in layer "body". Where the body of the request was not kept, `given` or an assumption stands in."""
    head, body = coding_undone(head, body)
    if request.body is None and request.method == "POST" and protocol_of(request):
        request = replace(request, body=(given or request_behind(head, body)).body)
    reader = ExchangeReader(request, head=head, layer="body")
    reader.feed(body)
    return reader.close(ending, source=source)


def encoded(text: str) -> bytes:
    """The bytes of a body that was kept as text; half a surrogate pair is a character that was lost."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def coding_undone(head: Head, body: bytes) -> tuple[Head, bytes]:
    """Undo a content coding that is still there. Most tools undo it and leave the header, which is then wrong."""
    coding = head.get("content-encoding").strip().lower()
    if coding in ("", "identity"):
        return head, body
    if coding in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
        body = _inflated(body, 31)
    elif coding == "deflate" and body[:1] == b"\x78" and not _is_text(body):
        body = _inflated(body, 15)
    elif not _is_text(body):
        raise ForeignFormatError(f"the body is still {coding[:20]!r} coded; record it decoded, or as gzip")
    headers = tuple(h for h in head.headers if h[0].lower() not in ("content-encoding", "content-length"))
    return replace(head, headers=headers), body


def _inflated(body: bytes, bits: int) -> bytes:
    inflater = zlib.decompressobj(wbits=bits)
    try:
        plain = inflater.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise ForeignFormatError(f"the compressed body is broken: {error}") from error
    if inflater.unconsumed_tail:
        raise ForeignFormatError(f"the compressed body is longer than {MAX_BODY >> 20} MiB")
    return plain


def _is_text(body: bytes) -> bool:
    try:
        return "\0" not in body.decode()
    except UnicodeDecodeError:
        return False
