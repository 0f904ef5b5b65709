"""Bytes with times to an Exchange: the one way in, for sockets, recordings and answers made in memory."""

from io import BytesIO
from typing import Any

from conformance.wire import encoder
from conformance.wire.decoder import Decoder
from conformance.wire.events import Event
from conformance.wire.http import Head, ResponseReader
from conformance.wire.script import Answer, Reset, Send, Wait

from .chat.reader import Reader
from .completions.reader import reader_of
from .exchange import Ending, Exchange, Request, Step
from .payload import parse

TIME_LIMIT = 60.0
"""Seconds that an exchange may take in memory, and by default on a socket."""
MAX_EVENTS = 1_000_000
"""Events that are kept of one answer; beyond them it is cut. They may take two gigabytes of memory."""
SLICE = 1024 * 1024
"""Bytes that are decoded at once, so that the limit is noticed in time."""
SHARED = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
"""Members that nearly every chunk repeats; their values are kept once."""

NOT_CHAT = ("/responses", "/messages", "/models", "/count_tokens")
NOT_OPENAI = ("/converse", "/converse-stream", "/invoke", "/invoke-with-response-stream", "/v2/chat", "/api/chat")
"""Paths of Bedrock, Cohere and Ollama: a POST with `messages` that is answered in another grammar."""


def protocol_of(request: Request) -> str:
    """Which grammar reads the answers to this request: "chat", "completions" or ""."""
    path = request.path.rstrip("/")
    if path.endswith("/completions"):
        return "chat" if path.endswith("/chat/completions") else "completions"
    known = path.endswith((*NOT_CHAT, *NOT_OPENAI))
    asks_chat = isinstance(request.body, dict) and isinstance(request.body.get("messages"), list)
    return "chat" if asks_chat and not known and request.method == "POST" else ""


class ExchangeReader:
    """Takes the bytes of one answer as they come. `head` is given in layer "body" and read from the bytes in "wire"."""

    def __init__(self, request: Request, *, head: Head | None = None, layer: str = "wire") -> None:
        self._request = request
        self._layer = layer
        self._given_head = head
        self._http = ResponseReader(request.method) if layer == "wire" else None
        self._decoder = Decoder()
        self._protocol = protocol_of(request)
        self._reader = _reader(self._protocol, request)
        self._body = BytesIO()  # hands over its bytes without a copy
        self._size = 0
        self._events: list[Event] = []
        self._steps: list[Step] = []
        self._shared: dict[Any, Any] = {}
        self._late: list[tuple[float, float]] = []
        self.head_at: float | None = None

    @property
    def over(self) -> bool:
        """The response has ended, as far as its framing can tell."""
        return self._http is not None and self._http.over

    @property
    def head(self) -> Head | None:
        """The response head, once it is here."""
        return self._http.head if self._http else self._given_head

    @property
    def steps(self) -> list[Step]:
        """What has been read so far."""
        return self._steps

    @property
    def events(self) -> list[Event]:
        """What the SSE decoder has found so far."""
        return self._events

    @property
    def size(self) -> int:
        """Bytes of the body so far, content coding undone."""
        return self._size

    def feed(self, data: bytes, at: float | None = None, late: float = 0.0) -> None:
        """Take the next bytes, with the seconds since the request at which they came.

        By then they may have lain there unread for `late` seconds.
        """
        if late and at is not None:
            self._late.append((at, late))
        piece = self._http.feed(data) if self._http else data
        if self.head_at is None and self.head is not None:
            self.head_at = at
        if piece:
            self._size += len(piece)
            self._decode(piece, at)

    def close(
        self,
        ending: Ending,
        at: float | None = None,
        *,
        probe: str = "",
        source: str = "",
        beside: Exchange | None = None,
        left_by: str = "",
    ) -> Exchange:
        """No more bytes will come; the exchange is complete."""
        if self._http and ending is Ending.EOF and (piece := self._http.close()):
            self._decode(piece, at)
        body = self._body.getvalue()
        document = _document(body)
        if self._full:
            ending = Ending.CUT
        elif document is None:
            self._take(self._decoder.close(at))
        return Exchange(
            request=self._request,
            layer=self._layer,
            protocol=self._protocol,
            head=self.head,
            transport=self._http.transport() if self._http else None,
            body=body,
            events=tuple(self._events) if document is None else (),
            steps=tuple(self._steps) if document is None else (),
            document=document,
            ending=ending,
            head_at=self.head_at,
            ended_at=at,
            probe=probe,
            source=source,
            beside=beside,
            left_by=left_by,
            late=tuple(self._late),
        )

    @property
    def _full(self) -> bool:
        return len(self._events) > MAX_EVENTS

    def _decode(self, piece: bytes, at: float | None) -> None:
        self._body.write(piece)
        for start in range(0, len(piece), SLICE):
            if self._full:
                break
            part = piece if len(piece) <= SLICE else piece[start : start + SLICE]
            self._take(self._decoder.feed(part, at))

    def _take(self, events: list[Event]) -> None:
        self._events += events
        if self._reader is None:
            return
        for event in events:
            if (step := self._reader.read(event)) is not None:
                self._steps.append(step)
                if step.chunk is not None:
                    self._share(step.chunk)

    def _share(self, chunk: dict[str, Any]) -> None:
        for key in SHARED:
            value = chunk.get(key)
            if type(value) is str or type(value) is int:
                chunk[key] = self._shared.setdefault(value, value)


def _reader(protocol: str, request: Request) -> Reader | None:
    match protocol:
        case "chat":
            return Reader(_choices_asked(request))
        case "completions":
            return reader_of(request.body)
        case _:
            return None


def _choices_asked(request: Request) -> int | None:
    asked = request.body.get("n") if isinstance(request.body, dict) else None
    return asked if isinstance(asked, int) and asked > 0 else 1


def _document(body: bytes) -> object | None:
    """The body as one JSON document; None for a stream."""
    if body.lstrip()[:1] not in (b"{", b"["):
        return None
    value, flaw = parse(body)
    return value if flaw is None else None


def exchange_of(
    request: Request,
    answer: Answer,
    *,
    probe: str = "",
    beside: Exchange | None = None,
    time_limit: float = TIME_LIMIT,
) -> Exchange:
    """What a client would record of an answer, without a socket; waiting costs no time."""
    reader, clock, ending = ExchangeReader(request), 0.0, Ending.EOF
    for act in encoder.on_the_wire(answer):
        match act:
            case Send(data):
                reader.feed(data, clock)
            case Wait(seconds):
                clock += seconds
            case Reset():
                ending = Ending.RESET
                break
        if clock > time_limit:
            clock, ending = time_limit, Ending.TIMEOUT
            break
    return reader.close(ending, clock, probe=probe, beside=beside)


def hung_up_on(request: Request, *, probe: str, beside: Exchange) -> Exchange:
    """What a client records when the connection it meant to use again is already closed."""
    return ExchangeReader(request).close(Ending.RESET, 0.0, probe=probe, beside=beside)
