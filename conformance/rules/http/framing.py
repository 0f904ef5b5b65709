"""Where a response begins and ends on the wire. Knows nothing of what is in it."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import is_stream, on_answer, on_wire
from conformance.rules.needs import ANSWER, ANY, WIRE_HEAD, WIRE_STREAM
from conformance.rules.rule import MUST, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, RFC9112, issue
from conformance.wire.encoder import LAST_CHUNK
from conformance.wire.script import Answer, Framing

EARLY = ("peer closed connection without", "peer unexpectedly closed", "can't handle event type ConnectionClosed")
"""How h11 begins to say that the connection ended before the response did."""
UNREADABLE_CODING = "content-encoding "
BROKEN_CODING = "the "
"""How a flaw of the content coding begins; rules about headers speak of those."""
CHUNKED = b"transfer-encoding: chunked"


def ended_early(exchange: Exchange) -> bool:
    """The connection was closed, cleanly, before the end that the framing promised."""
    return exchange.transport is not None and exchange.transport.flaw.startswith(EARLY)


def _first_size(response: bytes, size: bytes) -> bytes:
    """Write something else for the size of the first chunk."""
    head, gap, rest = response.partition(b"\r\n\r\n")
    if CHUNKED not in head:
        return response
    return head + gap + size + rest[rest.index(b"\r\n") :]


@on_wire
def size_not_a_number(response: bytes) -> bytes:
    return _first_size(response, b"0xg1")


@on_wire
def size_negative(response: bytes) -> bytes:
    return _first_size(response, b"-1")


@on_wire
def size_too_small(response: bytes) -> bytes:
    """The size counts characters, and the text has some of two bytes."""
    return _first_size(response, b"5")


@on_wire
def chunks_not_framed(response: bytes) -> bytes:
    """The head says chunked, and the events come as they are."""
    return _first_size(response, b"").replace(b"\r\n\r\n\r\n", b"\r\n\r\n", 1)


@on_wire
def no_head(response: bytes) -> bytes:
    head, _, rest = response.partition(b"\r\n\r\n")
    return rest if CHUNKED in head else response


@on_wire
def status_line_garbled(response: bytes) -> bytes:
    return response.replace(b"HTTP/1.1 ", b"HTTP 1.1/", 1)


@on_wire
def header_without_colon(response: bytes) -> bytes:
    return response.replace(b"\r\n", b"\r\nWARNING no route\r\n", 1)


@on_wire
def lengths_disagree(response: bytes) -> bytes:
    return response.replace(b"\r\n", b"\r\ncontent-length: 3\r\ncontent-length: 4\r\n", 1)


@on_wire
def coded_transfer(response: bytes) -> bytes:
    return response.replace(CHUNKED, b"transfer-encoding: gzip, chunked", 1)


@rule(
    id="http/framing/well-formed",
    level=MUST,
    says="A response is well-formed HTTP/1.1.",
    source=(RFC9112.at("4, 5, 6 and 7.1"), CLIENTS.at("cases t_chunked_*_size: raised, or the client hangs")),
    needs=ANY,
    broken_by=(
        size_not_a_number,
        size_negative,
        size_too_small,
        chunks_not_framed,
        no_head,
        status_line_garbled,
        header_without_colon,
        lengths_disagree,
        coded_transfer,
    ),
)
def well_formed(exchange: Exchange) -> Iterator[Finding]:
    flaw = exchange.transport.flaw if exchange.transport else ""
    if flaw and not ended_early(exchange) and not flaw.startswith((UNREADABLE_CODING, BROKEN_CODING)):
        yield exchange.finding("HTTP/1.1", flaw)


@on_wire
def length_beside_chunks(response: bytes) -> bytes:
    return response.replace(CHUNKED, CHUNKED + b"\r\ncontent-length: 100", 1)


@on_wire
def length_zero_beside_chunks(response: bytes) -> bytes:
    """A framework adds the length of the body that it has seen so far."""
    return response.replace(CHUNKED, b"content-length: 0\r\n" + CHUNKED, 1)


@rule(
    id="http/framing/one-framing",
    level=MUST,
    says="Transfer-Encoding and Content-Length are not sent together.",
    source=(RFC9112.at("6.2: a sender must not; the way of request smuggling"),),
    needs=WIRE_HEAD,
    broken_by=(length_beside_chunks, length_zero_beside_chunks),
)
def one_framing(exchange: Exchange) -> Iterator[Finding]:
    head = exchange.head
    if head is not None and head.get("transfer-encoding") and head.all("content-length"):
        length = ", ".join(head.all("content-length"))
        yield exchange.finding("one of the two", f"{head.get('transfer-encoding')} and content-length: {show(length)}")


@on_answer
def stream_with_a_length(answer: Answer) -> Answer:
    """The whole reply is made first and sent then."""
    return replace(answer, framing=Framing.LENGTH) if is_stream(answer) else answer


@rule(
    id="http/framing/no-length",
    level=MUST,
    says="A stream has no Content-Length.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream: streamed as it is generated, so its length is not known"),
        OBSERVED.at("109 of 109 are chunked"),
    ),
    needs=WIRE_STREAM,
    broken_by=(stream_with_a_length,),
)
def no_length(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    if exchange.head is not None and exchange.head.get("content-length").strip() == "0":
        return  # that nothing comes is a finding of another rule
    if exchange.head is not None and exchange.transport is not None and exchange.transport.framing is Framing.LENGTH:
        yield stream.finding(
            "chunks, or the end of the connection", f"content-length: {exchange.head.get('content-length')}"
        )


@on_wire
def last_chunk_left_out(response: bytes) -> bytes:
    return response.removesuffix(LAST_CHUNK)


@on_wire
def last_chunk_in_half(response: bytes) -> bytes:
    return response[:-2] if response.endswith(LAST_CHUNK) else response


@on_wire
def last_chunk_without_its_end(response: bytes) -> bytes:
    return response[:-1] if response.endswith(LAST_CHUNK) else response


@on_wire
def closed_inside_a_chunk(response: bytes) -> bytes:
    return response[: len(response) // 2] if response.endswith(LAST_CHUNK) else response


@rule(
    id="http/framing/last-chunk",
    level=MUST,
    says="A chunked body ends with the last chunk, 0 and a blank line.",
    source=(
        RFC9112.at("7.1 and 8: without it the message is incomplete"),
        CLIENTS.at("scenario 71: Node takes such a body for a whole one, Python raises"),
        issue("open-webui/open-webui#29628"),
    ),
    needs=WIRE_HEAD,
    broken_by=(last_chunk_left_out, last_chunk_in_half, last_chunk_without_its_end, closed_inside_a_chunk),
)
def last_chunk(exchange: Exchange) -> Iterator[Finding]:
    if exchange.transport is None or exchange.ending is not Ending.EOF or exchange.head is None:
        return
    if exchange.transport.framing is Framing.CHUNKED and ended_early(exchange):
        got = f"the end of the connection after {len(exchange.body)} bytes of body: {show(exchange.body[-60:])}"
        yield exchange.finding("the last chunk", got)


@on_wire
def chunks_in_an_older_version(response: bytes) -> bytes:
    return response.replace(b"HTTP/1.1", b"HTTP/1.0", 1) if CHUNKED in response else response


@rule(
    id="http/framing/chunked-version",
    level=MUST,
    says="Chunks are sent in HTTP/1.1.",
    source=(RFC9112.at("6.1: with an older version a client must treat the framing as faulty"),),
    needs=WIRE_HEAD,
    broken_by=(chunks_in_an_older_version,),
)
def chunked_version(exchange: Exchange) -> Iterator[Finding]:
    head = exchange.head
    if head is not None and head.version < "1.1" and head.get("transfer-encoding"):
        yield exchange.finding(
            "HTTP/1.1", f"HTTP/{head.version} with transfer-encoding: {head.get('transfer-encoding')}"
        )


def _longer(response: bytes, by: int) -> bytes:
    """Say another length than the body has."""
    head, gap, rest = response.partition(b"\r\n\r\n")
    length = b"content-length: %d"
    return head.replace(length % len(rest), length % (len(rest) + by)) + gap + rest


@on_wire
def length_too_great(response: bytes) -> bytes:
    return _longer(response, 7)


@rule(
    id="http/framing/length-true",
    level=MUST,
    says="A body is as long as its Content-Length says.",
    source=(RFC9112.at("6.2 and 8"), CLIENTS.at("scenario 72: every client raises")),
    needs=ANSWER,
    broken_by=(length_too_great,),
)
def length_true(exchange: Exchange) -> Iterator[Finding]:
    if exchange.transport is None or exchange.ending is not Ending.EOF or exchange.head is None:
        return
    if exchange.transport.framing is Framing.LENGTH and ended_early(exchange):
        wanted = f"{exchange.head.get('content-length')} bytes"
        yield exchange.finding(wanted, f"the end of the connection after {len(exchange.body)}")


@on_wire
def stray_line_end(response: bytes) -> bytes:
    return response + b"\r\n"


@on_wire
def events_after_the_last_chunk(response: bytes) -> bytes:
    return response + b"data: [DONE]\n\n"


@on_wire
def another_response(response: bytes) -> bytes:
    return response + b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@rule(
    id="http/framing/nothing-after",
    level=MUST,
    says="Nothing follows the end of a response.",
    source=(RFC9112.at("9.2: what comes without a request is no response; the client should close the connection"),),
    needs=ANSWER,
    broken_by=(stray_line_end, events_after_the_last_chunk, another_response),
)
def nothing_after(exchange: Exchange) -> Iterator[Finding]:
    if exchange.transport is not None and exchange.transport.rest and not exchange.transport.flaw:
        yield exchange.finding("nothing more before the next request", show(exchange.transport.rest))


RULES = (well_formed, one_framing, no_length, last_chunk, chunked_version, length_true, nothing_after)
