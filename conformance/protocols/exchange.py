"""The immutable record of one request and everything that came back. Knows no protocol's grammar and no rule."""

from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

import msgspec

from conformance.wire.events import Event
from conformance.wire.http import Head, Transport

from .finding import Finding, show
from .payload import Flaw
from .watch import Watch


class Ending(Enum):
    """Why no more bytes were read."""

    EOF = "eof"
    """The response ended, by its framing or with the connection."""
    RESET = "reset"
    """The connection was torn down."""
    TIMEOUT = "timeout"
    """The time for this exchange was over."""
    LEFT = "left"
    """We closed the connection on purpose."""
    CUT = "cut"
    """We stopped at the limit of bytes."""


class Step(msgspec.Struct, frozen=True, gc=False):
    """A message read as the protocol. `kind` and the states are the enums of that protocol's `states`."""

    number: int
    event: Event
    kind: Any
    chunk: dict[str, Any] | None
    before: Any
    after: Any
    legal: bool
    flaw: Flaw | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent. `body` is the JSON value, or the text itself where that is not JSON, or None."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: object = None

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path

    def header(self, name: str) -> str | None:
        """The first value of a header, None where it was not sent or not recorded."""
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    request: Request
    layer: str
    """"wire" when the bytes of the connection were recorded, "body" when only the response body was."""
    protocol: str
    """"chat", "completions", or "" where no grammar of ours reads this path."""
    head: Head | None
    """None when no response head arrived (or a broken one)."""
    transport: Transport | None
    """None in layer "body"."""
    body: bytes
    events: tuple[Event, ...]
    steps: tuple[Step, ...]
    document: object | None
    """The JSON value of a body that is one JSON document and no stream."""
    ending: Ending
    head_at: float | None = None
    """Seconds from the request to the response head."""
    ended_at: float | None = None
    probe: str = ""
    """Name of the probe that made this exchange; "" for a foreign recording."""
    source: str = ""
    """File this exchange was read from or written to."""
    beside: "Exchange | None" = None
    """The exchange to compare this one with: its non-streaming twin, or the one before it on the connection."""
    left_by: str = ""
    """How we left: "fin", "rst" or "half-close"; "" where we did not."""
    watch: Watch | None = None
    """What was seen of the server after we had left."""
    late: tuple[tuple[float, float], ...] = ()
    """When something was read by a client that was late itself, and for how long it may have lain there by then."""
    group: tuple["Exchange", ...] = ()
    """Every exchange of the trial that this one belongs to, itself left out, in the order of their requests. Only the
    first exchange of a trial has it."""

    @property
    def status(self) -> int:
        """The response status, 0 where no head arrived."""
        return self.head.status if self.head else 0

    def member(self, name: str, default: Any = None) -> Any:
        """A member of the request's JSON body."""
        return self.request.body.get(name, default) if isinstance(self.request.body, dict) else default

    def finding(self, wanted: str, got: object, span: tuple[int, int] | None = None) -> Finding:
        """A finding about the exchange as a whole, or about a span of its body."""
        return Finding(wanted=wanted, got=got if isinstance(got, str) else show(got), span=span)

    def text(self, span: tuple[int, int]) -> str:
        """Some bytes of the body, as a report shows them."""
        return show(self.body[span[0] : span[1]])
