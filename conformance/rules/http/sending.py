"""The same request sent in another way gets the same kind of answer. Knows nothing of what the answer says.

Whether the plain request gets a stream at all is the business of `http/status`; these rules speak where it does, and
the other one is refused.
"""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.equivalence_needs import SENT_BY_CLIENTS, SENT_CHUNKED, SENT_IN_BYTES, SENT_IN_CAPITALS
from conformance.rules.mutate import is_stream, on_answer
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import CLIENTS, RFC9110, RFC9112
from conformance.wire.script import Answer, Framing, Send

LENGTH_REQUIRED = 411
"""What a server may answer that wants a content-length (RFC 9112, 6.3)."""
UNREAD = b'{"error":{"message":"The body cannot be read.","type":"invalid_request_error","param":null,"code":null}}'
DENIED = b'{"error":{"message":"No API key was given.","type":"invalid_request_error","param":null,"code":null}}'
BROKEN = b'{"error":{"message":"Something went wrong.","type":"server_error","param":null,"code":null}}'


def _instead(answer: Answer, status: int, body: bytes, *more: tuple[str, str]) -> Answer:
    """A refusal in place of a stream."""
    if not is_stream(answer):
        return answer
    kept = [header for header in answer.headers if header[0].lower() == "x-request-id"]
    headers = (("content-type", "application/json"), *kept, *more)
    return replace(answer, status=status, headers=headers, acts=(Send(body),), framing=Framing.LENGTH)


@on_answer
def body_unread(answer: Answer) -> Answer:
    return _instead(answer, 400, UNREAD)


@on_answer
def server_error(answer: Answer) -> Answer:
    return _instead(answer, 500, BROKEN)


@on_answer
def coding_unknown(answer: Answer) -> Answer:
    return _instead(answer, 501, BROKEN)


@on_answer
def key_not_found(answer: Answer) -> Answer:
    """The name of the header is compared letter by letter."""
    return _instead(answer, 401, DENIED, ("www-authenticate", "Bearer"))


@on_answer
def not_acceptable(answer: Answer) -> Answer:
    """Streams are for those only who accept text/event-stream."""
    return _instead(answer, 406, UNREAD)


def _same_status(exchange: Exchange) -> Iterator[Finding]:
    plain = exchange.beside.status if exchange.beside else 0
    if exchange.status != plain:
        got = f"status {exchange.status}: {show(exchange.body[:400])}"
        yield exchange.finding(f"status {plain}, as for the same request sent plainly", got)


@rule(
    id="http/sending/byte-by-byte",
    level=MUST,
    says="A request that comes in many segments is answered like one that comes whole.",
    source=(RFC9112.at("2.2: a message is parsed as a sequence of octets, however TCP cuts it"),),
    needs=SENT_IN_BYTES,
    broken_by=(body_unread, server_error),
)
def byte_by_byte(exchange: Exchange) -> Iterator[Finding]:
    yield from _same_status(exchange)


@rule(
    id="http/sending/chunked",
    level=MUST,
    says="A request with a chunked body is answered like one with content-length, or with 411.",
    source=(RFC9112.at("7.1: a recipient parses and decodes the chunked transfer coding; 6.3: 411 Length Required"),),
    needs=SENT_CHUNKED,
    broken_by=(body_unread, coding_unknown),
)
def chunked(exchange: Exchange) -> Iterator[Finding]:
    if exchange.status != LENGTH_REQUIRED:
        yield from _same_status(exchange)


@rule(
    id="http/sending/header-names",
    level=MUST,
    says="The names of request headers count in any case.",
    source=(RFC9110.at("5.1: field names are case-insensitive"),),
    needs=SENT_IN_CAPITALS,
    broken_by=(key_not_found, body_unread),
)
def header_names(exchange: Exchange) -> Iterator[Finding]:
    yield from _same_status(exchange)


@rule(
    id="http/sending/accept",
    level=MUST,
    says="A stream is sent to a client that says Accept: application/json.",
    source=(
        CLIENTS.at("openai-python and openai-node send Accept: application/json with stream: true"),
        RFC9110.at("12.5.1"),
    ),
    needs=SENT_BY_CLIENTS,
    broken_by=(not_acceptable, server_error),
)
def accept(exchange: Exchange) -> Iterator[Finding]:
    yield from _same_status(exchange)


RULES = (byte_by_byte, chunked, header_names, accept)
