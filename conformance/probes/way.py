"""Ways to send one and the same request. Names them; what goes on the wire is the business of `sending`."""

from enum import Enum


class Way(Enum):
    """How a request is sent; what it says is the same in all of them."""

    WHOLE = "in one piece, with content-length"
    BYTES = "one byte at a time"
    CHUNKED = "with transfer-encoding: chunked"
    CAPITALS = "with the names of its headers in capitals"
    OF_CLIENTS = "with accept: application/json, as OpenAI's own clients ask for streams too"
    PLAIN_TEXT = "with content-type: text/plain"
    UNTYPED = "without content-type"


HEADERS: dict[Way, tuple[tuple[str, str], ...]] = {
    Way.OF_CLIENTS: (("content-type", "application/json"), ("accept", "application/json")),
    Way.PLAIN_TEXT: (("content-type", "text/plain"),),
    Way.UNTYPED: (),
}
JSON = (("content-type", "application/json"),)


def headers_of(way: Way) -> tuple[tuple[str, str], ...]:
    """The headers of a request with a body that follow from the way."""
    return HEADERS.get(way, JSON)
