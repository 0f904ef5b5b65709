"""A bare event stream, the body and nothing else, as an Exchange. Nothing about the head can be judged.

The head is made up: status 200 and the content type, without which it would be no stream.
"""

from conformance.protocols.exchange import Request
from conformance.protocols.payload import parse
from conformance.wire.http import Head

from .assume import EVENT_STREAM, request_behind
from .foreign import ForeignFormatError, Found, Imported, exchange_of

HEAD = Head(200, (("content-type", EVENT_STREAM),))


def read(data: bytes, *, source: str = "", request: Request | None = None) -> Imported:
    """The stream, as the answer to `request` where that is known. Raises ForeignFormatError for a JSON document."""
    if data.lstrip()[:1] in (b"{", b"[") and parse(data)[1] is None:
        raise ForeignFormatError("a JSON document, no event stream; with its response head it can be read as .http")
    exchange = exchange_of(request or request_behind(HEAD, data), HEAD, data, source=source)
    return Imported((Found(1, exchange),))
