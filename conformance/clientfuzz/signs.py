"""What the bytes of an answer show to a client that looks closely. Knows no case, no client and no verdict."""

from dataclasses import dataclass, replace

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.exchange import Ending, Exchange, Request, Step
from conformance.protocols.payload import Flaw
from conformance.protocols.reading import exchange_of
from conformance.wire.events import CutOff
from conformance.wire.script import Act, Answer, Reset, Send, Wait

from .case import STALL
from .content import NOTHING, Content, content_of
from .contract import Call
from .stray import odd_texts, stray_calls

NOT_JSON = (Flaw.NOT_JSON, Flaw.SEVERAL_DOCUMENTS, Flaw.CONTROL_CHARACTER, Flaw.NOT_A_NUMBER)
"""What RFC 8259 does not let pass for JSON. How deep a parser goes is its own affair."""
CLOSING = b"\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What can be seen of an answer."""

    status: int
    """0 where there is no head that can be read."""
    broken_off: bool
    """HTTP says that the body is not whole, or the connection was torn down."""
    flaw: str
    """Why the response is no HTTP/1.1; "" where it is."""
    silent: bool
    """The server says no more and keeps the connection."""
    done: bool
    """[DONE] came."""
    error: bool
    """An `error` object came before [DONE], or in the place of a stream."""
    document: bool
    """The body is one JSON document and no stream."""
    lost: bool
    """Some message cannot be used as a chunk."""
    not_json: bool
    """Some message is not JSON."""
    stray: tuple[Call, ...]
    """What stands for tool calls and is none: a client may hand it over, or not."""
    odd_texts: tuple[str, ...]
    """The text with numbers that stand in it, or refusals beside it."""
    said: Content
    """What a client reads that follows the standards."""
    loosely: Content
    """The same, where it also takes an event that the end of the body cut short."""


def signs_of(request: Request, answer: Answer) -> Signs:
    """Read an answer as a client would that never gives up."""
    exchange = exchange_of(request, joined(answer), time_limit=STALL - 1)
    said = _said(exchange)
    loosely = said
    if any(isinstance(event, CutOff) for event in exchange.events):
        loosely = _said(_ended(request, exchange))
    steps = [step for step in exchange.steps if step.before is not State.DONE]
    transport = exchange.transport
    flaw = transport.flaw if transport is not None else ""
    incomplete = transport is None or not transport.complete
    silent = exchange.ending is Ending.TIMEOUT
    return Signs(
        status=exchange.status,
        broken_off=exchange.ending is Ending.RESET or (incomplete and not silent),
        flaw=flaw,
        silent=silent,
        done=any(step.kind is Kind.TERMINATOR for step in steps),
        error=any(step.kind is Kind.ERROR and step.flaw is not Flaw.BARE_ERROR for step in steps) or _refuses(exchange),
        document=exchange.document is not None,
        lost=any(map(_is_lost, steps)),
        not_json=any(step.flaw in NOT_JSON for step in steps),
        stray=tuple(stray_calls(steps)),
        odd_texts=tuple(odd_texts(steps)),
        said=said,
        loosely=loosely,
    )


def _said(exchange: Exchange) -> Content:
    return content_of(exchange) if 200 <= exchange.status < 300 and exchange.document is None else NOTHING


def _is_lost(step: Step) -> bool:
    """A message that carries something, and that cannot be used; not what the end of the body cut short."""
    unreadable = step.kind is Kind.UNREADABLE and not isinstance(step.event, CutOff)
    return unreadable and step.flaw not in (Flaw.EMPTY, Flaw.HEARTBEAT)


def _refuses(exchange: Exchange) -> bool:
    document = exchange.document
    return isinstance(document, dict) and document.get("error") is not None


def _ended(request: Request, exchange: Exchange) -> Exchange:
    """The exchange, its last event closed."""
    headers = (("content-type", "text/event-stream"),)
    return exchange_of(request, Answer(200, headers, (Send(exchange.body + CLOSING),)))


def joined(answer: Answer) -> Answer:
    """The same bytes in as few pieces as there can be: what they say does not depend on that."""
    acts: list[Act] = []
    held: list[bytes] = []
    for act in answer.played():
        match act:
            case Send(data):
                held.append(data)
            case Wait(seconds) if seconds < STALL:
                pass
            case Wait() | Reset():
                acts += [Send(b"".join(held)), act]
                held.clear()
    return replace(answer, acts=(*acts, Send(b"".join(held))), told=None)
