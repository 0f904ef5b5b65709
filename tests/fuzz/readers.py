"""Every reader of foreign bytes, as a function that a fuzzer calls. Knows no fuzzer.

Each swallows what its reader is documented to raise, and asserts what must hold of what was read. Whatever else comes
out is a finding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from conformance import targets
from conformance.judge import judge
from conformance.mistakes import ConfigurationError
from conformance.probes.observers.expression import Expression
from conformance.protocols import recording
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.imports import har, http, sse, vcr
from conformance.protocols.imports.foreign import ForeignFormatError, Imported
from conformance.protocols.reading import ExchangeReader
from conformance.protocols.recording import RecordingError
from conformance.verdicts import Verdict
from conformance.wire.decoder import Decoder
from conformance.wire.http import ResponseReader
from mockserver.scenarios import reading as scenarios

MESSAGES = [{"role": "user", "content": "Hi"}]
ASKED = (
    ("/v1/chat/completions", {"model": "m", "stream": True, "messages": MESSAGES}),
    ("/v1/chat/completions", {"model": "m", "stream": True, "messages": MESSAGES, "n": 2, "logprobs": True}),
    ("/v1/chat/completions", {"model": "m", "stream": True, "messages": MESSAGES, "tools": [], "stop": ["x"]}),
    ("/v1/chat/completions", {"model": "m", "messages": MESSAGES}),
    ("/v1/completions", {"model": "m", "stream": True, "prompt": "Hi", "stream_options": {"include_usage": True}}),
    ("/v1/completions", {"model": "m", "prompt": ["Hi", "Ho"], "echo": True, "logprobs": 1}),
    ("/v1/models", None),
)
"""What may have been asked: the first byte of an exchange chooses."""
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
SPLITS = (1, 2, 3, 5, 7, 64)


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader. `read` returns nothing and raises what nobody documented."""

    name: str
    read: Callable[[bytes], None]
    grow: tuple[Callable[[int], bytes], ...]
    """Bytes that grow with a number: the reader's work must not grow faster."""


def pieces(data: bytes, size: int) -> list[bytes]:
    """The same bytes in pieces of a size."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def read_events(data: bytes) -> None:
    """The SSE decoder: any split gives the same events, within the body, in the order in which they end."""
    size, body = SPLITS[data[0] % len(SPLITS)] if data else 1, data[1:]
    whole, split = Decoder(), Decoder()
    events = [*whole.feed(body), *whole.close()]
    assert events == [event for piece in pieces(body, size) for event in split.feed(piece)] + split.close()
    at = 0
    for event in events:
        assert 0 <= event.start < event.end <= len(body), f"{event} lies outside"
        assert at <= event.end, f"{event} comes late"
        at = event.end


def read_response(data: bytes) -> None:
    """The reader of a response: any split gives the same body and account of its framing, in whatever words."""
    size, wire = SPLITS[data[0] % len(SPLITS)] if data else 1, data[1:]
    found = []
    for split in ([wire], pieces(wire, size)):
        reader = ResponseReader()
        body = b"".join([*map(reader.feed, split), reader.close()])
        transport = reader.transport()
        found.append((body, reader.head, replace(transport, flaw="some" if transport.flaw else "")))
    assert found[0] == found[1]


def read_exchange(data: bytes) -> None:
    """A stream, read and judged by every rule, and looked at in every way a rule does."""
    path, body = ASKED[data[0] % len(ASKED)] if data else ASKED[0]
    reader = ExchangeReader(Request("POST", f"http://x{path}", (), body))
    reader.feed(EVENTS, 0.0)
    reader.feed(data[1:], 0.5)
    judged(reader.close(Ending.EOF, 1.0))


def judged(exchange: Exchange) -> None:
    """No rule may fail at its own work."""
    errors = [(v.rule.id, v.reason) for v in judge([exchange]) if v.verdict is Verdict.SUITE_ERROR]
    assert not errors, errors


def read_recording(data: bytes) -> None:
    """A recording of ours."""
    try:
        exchange = recording.read(data.splitlines(keepends=True))
    except RecordingError:
        return
    judged(exchange)


def _foreign(read: Callable[[bytes], Imported]) -> Callable[[bytes], None]:
    def reader(data: bytes) -> None:
        try:
            imported = read(data)
        except ForeignFormatError:
            return
        for found in imported.found[:4]:
            assert (found.exchange is None) == bool(found.problem)
            if found.exchange is not None:
                judged(found.exchange)

    return reader


def _configuration(parse: Callable[[str], object]) -> Callable[[bytes], None]:
    def reader(data: bytes) -> None:
        try:
            parse(data.decode("utf-8", "replace"))
        except ConfigurationError:
            return

    return reader


def read_metrics(data: bytes) -> None:
    """An expression in the first line, a document of metrics in the others."""
    text, _, document = data.decode("utf-8", "replace").partition("\n")
    try:
        expression = Expression(text)
    except ValueError:
        return
    expression.value(document)


HEADER = (
    b'{"recording": 1, "layer": "body", "source": {}, "request": {"method": "POST", '
    b'"url": "http://x/v1/chat/completions", "body": {"stream": true}}, '
    b'"response": {"status": 200, "headers": [["content-type", "text/event-stream"]]}}\n'
)
ENTRY = (
    b'{"request": {"method": "POST", "url": "http://x/v1/chat/completions", "headers": []}, '
    b'"response": {"status": 200, "headers": [{"name": "content-type", "value": "text/event-stream"}], '
    b'"content": {"text": "data: [DONE]\\n\\n"}}}'
)
INTERACTION = (
    b"- request: {method: POST, uri: http://x/v1/chat/completions, body: '{}', headers: {}}\n"
    b"  response: {status: {code: 200}, headers: {content-type: [text/event-stream]}, body: {string: 'data: x'}}\n"
)
CHUNK = (
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
    b'"delta":{"content":"x"},"finish_reason":null}]}\n\n'
)

READERS = (
    Reader(
        "sse",
        read_events,
        (
            lambda n: b"\0" + b"data: x\n\n" * n,
            lambda n: b"\0" + b"data: x\n" * n,
            lambda n: b"\0" + b"x" * n,
            lambda n: b"\0" + b"\r" * n,
            lambda n: b"\0" + b"\r\n" * n,
            lambda n: b"\0data" + b":" * n + b"\n\n",
            lambda n: b"\0" + b"\xef\xbb\xbf" * n,
        ),
    ),
    Reader(
        "response",
        read_response,
        (
            lambda n: b"\0HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * n + b"\r\n",
            lambda n: b"\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n,
            lambda n: b"\0HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * n,
            lambda n: b"\0" + b"HTTP/1.1 100 Continue\r\n\r\n" * n,
            lambda n: b"\0HTTP/1.1 200 " + b"O" * n,
        ),
    ),
    Reader(
        "exchange",
        read_exchange,
        (
            lambda n: b"\0" + CHUNK * n,
            lambda n: b"\1" + CHUNK * n,
            lambda n: b"\4" + CHUNK * n,
            lambda n: b"\0" + b": x\n\n" * n,
            lambda n: b"\0data: " + b"[" * n + b"\n\n",
            lambda n: b"\0" + CHUNK.replace(b'"x"', b'"' + b"x" * n + b'"'),
        ),
    ),
    Reader(
        "recording",
        read_recording,
        (
            lambda n: HEADER + b'[0.1, "data", "data: x\\n\\n"]\n' * n + b'[0.2, "eof"]\n',
            lambda n: HEADER + b'[0.1, "data64", "ZGF0YQ=="]\n' * n,
            lambda n: HEADER[:-1] + b" " * n + b"\n",
            lambda n: b'{"recording": ' + b"[" * n,
        ),
    ),
    Reader(
        "har",
        _foreign(har.read),
        (
            lambda n: b'{"log": {"entries": [' + b", ".join([ENTRY] * n) + b"]}}",
            lambda n: b'{"log": {"entries": ' + b"[" * n,
        ),
    ),
    Reader(
        "vcr",
        _foreign(vcr.read),
        (
            lambda n: b"interactions:\n" + INTERACTION * n + b"version: 1\n",
            lambda n: b"interactions: " + b"[" * n,
            lambda n: b"interactions:\n- &a [x]\n" + b"- [*a, *a]\n" * n,
            lambda n: b"a:\n" + b"".join(b" " * k + b"a:\n" for k in range(min(n, 200))),
        ),
    ),
    Reader(
        "http",
        _foreign(http.read),
        (
            lambda n: EVENTS + CHUNK * n,
            lambda n: b"HTTP/1.1 100 Continue\r\n\r\n" * n + EVENTS,
            lambda n: (b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" + EVENTS) * n,
        ),
    ),
    Reader("stream", _foreign(sse.read), (lambda n: CHUNK * n, lambda n: b"data: {\n" * n)),
    Reader(
        "targets",
        _configuration(targets.parse),
        (
            lambda n: b"targets:\n" + b"".join(b"  t%d: {url: 'http://x/v1', model: m}\n" % k for k in range(n)),
            lambda n: b"targets:\n" + b"".join(b"  t%d: {uri: 'http://x/v1'}\n" % k for k in range(n)),
            lambda n: b"targets: " + b"[" * n * 20,  # the library looks a thousand characters ahead
        ),
    ),
    Reader(
        "scenario",
        _configuration(scenarios.parse),
        (
            lambda n: b"scenario:\n" + b"- {reply: Hello}\n" * n,
            lambda n: b"scenario:\n" + b"- {replies: Hello}\n" * n,
        ),
    ),
    Reader(
        "metrics",
        read_metrics,
        (
            lambda n: b"a\n" + b"a 1\n" * n,
            lambda n: b"a" + b" + a" * n + b"\na 1\n",
            lambda n: b"a" + b" " * n + b"!\na 1\n",
            lambda n: b'a{b="c"}\na{' + b'b="c",' * n + b"} 1\n",
        ),
    ),
)
BY_NAME = {reader.name: reader for reader in READERS}
