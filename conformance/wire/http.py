"""Bytes of one HTTP/1.1 response to head, body and what was wrong with the framing. The grammar is h11's.

Knows no socket and no clock. Like the SSE decoder it never raises on input: what h11 refuses is kept as `flaw`.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import h11

from .script import Framing

MAX_HEAD = 64 * 1024
MAX_INFLATED = 64 * 1024 * 1024
"""Of one response: a kilobyte of gzip can hold a megabyte."""
GZIP = b"\x1f\x8b"
"""How a member begins; a gzip body may have several, one for each flush."""
BYTES = re.compile(r"bytearray\(b('[^']*'|\"[^\"]*\")\)")
"""How h11 shows the bytes that it refuses."""
SLICE = 16 * 1024
"""Bytes that are inflated at a time: each member that ends in them copies the rest of them."""
CODINGS = ("gzip", "x-gzip", "deflate")


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and headers as they came; header names keep their spelling."""

    status: int
    headers: tuple[tuple[str, str], ...]
    version: str = "1.1"
    reason: str = ""

    def all(self, name: str) -> list[str]:
        """Every value of a header, names compared without case."""
        return [value for key, value in self.headers if key.lower() == name]

    def get(self, name: str) -> str:
        """The first value of a header, "" where it is absent."""
        return next(iter(self.all(name)), "")

    @property
    def media_type(self) -> str:
        """Content-Type without parameters, in lower case."""
        return self.get("content-type").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Transport:
    """How the response was framed, and what was wrong with that."""

    framing: Framing
    complete: bool
    """The end that the framing promises was seen."""
    flaw: str = ""
    """Why the bytes are not HTTP/1.1; empty if they are."""
    rest: bytes = b""
    """Bytes that came after the end of the response (the first kilobyte of them)."""
    reusable: bool = False
    """The connection may carry another request."""


class ResponseReader:
    """Feed it the bytes of a connection after one request; it gives the pieces of the decoded body."""

    def __init__(self, method: str = "POST") -> None:
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._connection.send(h11.Request(method=method, target="/", headers=[("host", "target")]))
        self._connection.send(h11.EndOfMessage())
        self._inflate: zlib._Decompress | None = None
        self._inflated = 0
        self._fed = False
        self._pending = b""
        self._rest = b""
        self._complete = False
        self._ended_by_closing = False
        self._flaw = ""
        self.head: Head | None = None

    @property
    def over(self) -> bool:
        """Nothing more can belong to this response."""
        return self._complete or bool(self._flaw)

    def feed(self, data: bytes) -> bytes:
        """The part of the body that these bytes held, content coding undone."""
        if self._complete:
            self._rest = (self._rest + data)[:1024]
        return self._receive(data) if data and not self.over else b""

    def close(self) -> bytes:
        """The peer has closed the connection."""
        if not self.over:
            self._ended_by_closing = True
            return self._receive(b"")
        return b""

    def transport(self) -> Transport:
        """What is known of the framing so far."""
        framing = Framing.CLOSE
        if self.head is not None and "chunked" in self.head.get("transfer-encoding").lower():
            framing = Framing.CHUNKED
        elif self.head is not None and self.head.get("content-length"):
            framing = Framing.LENGTH
        open_still = self._connection.their_state is h11.DONE and not self._ended_by_closing
        reusable = self._complete and not self._rest and open_still
        return Transport(framing, self._complete, self._flaw, self._rest, reusable)

    def _receive(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        try:
            self._connection.receive_data(data)
            while not self.over:
                event = self._connection.next_event()
                if isinstance(event, h11.Data):  # undone here and now: what breaks ends the reading, at whatever split
                    pieces.append(self._decode(bytes(event.data)))
                elif isinstance(event, h11.Response):
                    self._take_head(event)
                elif isinstance(event, h11.EndOfMessage):
                    self._complete = True
                    self._rest = bytes(self._connection.trailing_data[0])[:1024]
                elif not isinstance(event, h11.InformationalResponse):
                    break
        except h11.RemoteProtocolError as error:
            self._flaw = BYTES.sub(r"\1", str(error))
        if self._complete and not self._flaw and self._inflate is not None and self._fed and not self._inflate.eof:
            self._break_coding("it ends too early")
        return b"".join(pieces)

    def _take_head(self, event: h11.Response) -> None:
        headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in event.headers.raw_items())
        self.head = Head(
            event.status_code, headers, event.http_version.decode("latin-1"), event.reason.decode("latin-1")
        )
        if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:  # h11 only bounds a head that is cut
            self._flaw = f"a head of more than {MAX_HEAD} bytes"
            return
        coding = self.head.get("content-encoding").strip().lower()
        if coding in CODINGS:
            self._inflate = zlib.decompressobj(wbits=47)  # 47: gzip or zlib, told apart by their first bytes
        elif coding not in ("", "identity"):
            self._flaw = f"content-encoding {coding} was not asked for and cannot be read here"

    def _decode(self, data: bytes) -> bytes:
        if self._inflate is None or not data:
            return data
        self._fed = True
        slices = (data[at : at + SLICE] for at in range(0, len(data), SLICE))
        return b"".join(piece for part in slices for piece in self._inflated_pieces(part))

    def _inflated_pieces(self, data: bytes) -> Iterator[bytes]:
        """What is behind the end of a gzip member is the next one, or padding."""
        while data and self._inflate is not None and not self._flaw:
            if self._inflate.eof:
                data, self._pending = self._pending + data, b""
                if len(data) < len(GZIP):
                    self._pending = data
                if not data.startswith(GZIP):
                    return
                self._inflate = zlib.decompressobj(wbits=31)
            before, room = self._inflate.copy(), MAX_INFLATED - self._inflated + 1  # 0 would mean "no limit"
            try:
                piece = self._inflate.decompress(data, room)
            except zlib.error as error:
                yield _until_it_breaks(before, data, room)
                self._break_coding(str(error))
                return
            yield piece
            self._inflated += len(piece)
            if self._inflated > MAX_INFLATED:
                self._flaw = f"the body inflates to more than {MAX_INFLATED} bytes"
            data = self._inflate.unused_data

    def _break_coding(self, reason: str) -> None:
        self._flaw = f"the {self.head.get('content-encoding') if self.head else ''} coding is broken: {reason}"


def _until_it_breaks(inflate: "zlib._Decompress", data: bytes, room: int) -> bytes:
    """What comes out of the good bytes before the bad one: the library keeps that for itself when it refuses."""
    good = bytearray()
    with suppress(zlib.error):
        for at in range(len(data)):
            good += inflate.decompress(data[at : at + 1], room)
    return bytes(good)
