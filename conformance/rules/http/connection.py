"""What becomes of the connection under a response. Knows nothing of the response itself."""

from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import on_answer, on_wire
from conformance.rules.needs import ANY, SECOND
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, RFC9110, RFC9112
from conformance.wire.encoder import LAST_CHUNK
from conformance.wire.script import Answer, Reset, Script, Send, Wait

from .framing import ended_early


def hung_up(exchange: Exchange) -> bool:
    """The connection could have been used again, and was dead when it was."""
    before = exchange.beside.transport if exchange.beside else None
    if before is None or not before.reusable:
        return False
    return exchange.head is None and exchange.ending in (Ending.RESET, Ending.EOF) and not _said_anything(exchange)


def _said_anything(exchange: Exchange) -> bool:
    return exchange.transport is not None and bool(exchange.transport.flaw) and not ended_early(exchange)


@on_wire
def reset_at_once(response: bytes) -> Script:  # noqa: ARG001 - a mutant is given the response
    return (Reset(),)


@on_wire
def reset_after_the_head(response: bytes) -> bytes | Script:
    head, gap, _ = response.partition(b"\r\n\r\n")
    return (Send(head + gap), Reset()) if response.endswith(LAST_CHUNK) else response


@on_wire
def reset_inside_an_event(response: bytes) -> bytes | Script:
    return (Send(response[: len(response) // 2]), Reset()) if response.endswith(LAST_CHUNK) else response


@on_wire
def reset_for_the_last_chunk(response: bytes) -> bytes | Script:
    """The server is done and lets the socket fall."""
    end = response.removesuffix(LAST_CHUNK)
    return (Send(end), Reset()) if end != response else response


@rule(
    id="http/connection/not-reset",
    level=MUST,
    says="The connection is not reset during a response.",
    source=(
        RFC9112.at("9.6: a server that resets at once takes the answer back from its client"),
        CLIENTS.at("scenario 74: Node shows a reset stream as a whole one"),
    ),
    needs=ANY,
    broken_by=(reset_at_once, reset_after_the_head, reset_inside_an_event, reset_for_the_last_chunk),
)
def not_reset(exchange: Exchange) -> Iterator[Finding]:
    if exchange.ending is not Ending.RESET or exchange.transport is None or hung_up(exchange):
        return
    if not exchange.transport.complete and not exchange.transport.flaw:
        place = f"{len(exchange.body)} bytes of body" if exchange.head else "no response head"
        yield exchange.finding("the end of the response", f"a reset after {place}")


@on_wire
def closed_without_a_word(response: bytes) -> bytes:  # noqa: ARG001 - a mutant is given the response
    return b""


@on_wire
def closed_inside_the_head(response: bytes) -> bytes:
    return response[:30]


@on_wire
def silent(response: bytes) -> Script:
    return (Wait(1e6), Send(response))


@on_wire
def silent_inside_the_head(response: bytes) -> Script:
    return (Send(response[:30]), Wait(1e6), Send(response[30:]))


@rule(
    id="http/connection/head-arrives",
    level=MUST,
    says="Every request is answered with a response head.",
    source=(RFC9110.at("3.4"), CLIENTS.at("case t_stall_headers")),
    needs=ANY,
    broken_by=(closed_without_a_word, closed_inside_the_head, silent, silent_inside_the_head),
)
def head_arrives(exchange: Exchange) -> Iterator[Finding]:
    if exchange.head is not None or hung_up(exchange):
        return
    if exchange.ending is Ending.TIMEOUT:
        waited = f" for {exchange.ended_at:.0f} s" if exchange.ended_at is not None else ""
        yield exchange.finding("a response head", f"silence{waited}")
    elif exchange.ending is Ending.EOF and ended_early(exchange):
        yield exchange.finding("a response head", "the end of the connection")


@on_answer
def hangs_up(answer: Answer) -> Answer:
    return replace(answer, hangs_up=True)


@on_answer
def hangs_up_on_its_word(answer: Answer) -> Answer:
    """The head promises a connection that is gone."""
    return replace(answer, headers=(*answer.headers, ("connection", "keep-alive")), hangs_up=True)


@rule(
    id="http/connection/close-announced",
    level=SHOULD,
    says="A server that closes the connection after a response says so in the head.",
    source=(
        RFC9112.at("9.3 and 9.6: the close option"),
        CLIENTS.at("openai-node: the next request fails now and then with APIConnectionError"),
    ),
    needs=SECOND,
    broken_by=(hangs_up, hangs_up_on_its_word),
)
def close_announced(exchange: Exchange) -> Iterator[Finding]:
    if hung_up(exchange) and exchange.beside is not None and exchange.beside.head is not None:
        said = exchange.beside.head.get("connection")
        yield exchange.finding(
            "connection: close", f"connection: {show(said)[1:-1]}" if said else "no connection header"
        )


RULES = (not_reset, head_arrives, close_announced)
