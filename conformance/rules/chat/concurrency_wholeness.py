"""What an answer lacks that another one of the same target had, which came alone. No rule is here."""

from conformance.protocols.chat.states import Kind
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import show
from conformance.protocols.viewing import view_of
from conformance.rules.need import asks_stream, brings_stream


def lacks(exchange: Exchange, alone: Exchange) -> str:
    """Why this answer is not whole, in words; "" where it lacks nothing that the answer had which came alone."""
    if exchange.head is None:
        return f"no answer: {_ended(exchange)}"
    if exchange.status != 200:
        return f"status {exchange.status}"
    if not asks_stream(exchange):
        error = exchange.document.get("error") if isinstance(exchange.document, dict) else None
        if exchange.document is None or error is not None:
            return f"no document: {_ended(exchange)}" if error is None else f"an error: {show(error)}"
        return ""
    if not brings_stream(exchange):
        return f"no stream: {_ended(exchange)}"
    return _broken_off(view_of(exchange), view_of(alone))


def _broken_off(stream: View, alone: View) -> str:
    count = f"after {len(stream.steps)} messages"
    if stream.errors and not alone.errors:
        return f"an error {count}: {show(stream.errors[0].chunk)}"
    if not stream.ended and alone.ended:
        return f"{_ended(stream.exchange)} {count}"
    if not stream.choices and alone.choices:
        return f"no choice at all, {count}"
    unfinished = [choice.index for choice in stream.choices.values() if not choice.finishes]
    if unfinished and all(choice.finishes for choice in alone.choices.values()):
        return f"the end {count}, without a finish_reason of choice {unfinished[0]}"
    if not stream.of(Kind.TERMINATOR) and alone.of(Kind.TERMINATOR):
        return f"the end {count}, without [DONE]"
    return ""


def _ended(exchange: Exchange) -> str:
    at = f" after {exchange.ended_at:.1f} s" if exchange.ended_at else ""
    match exchange.ending:
        case Ending.TIMEOUT:
            return f"silence until time was over{at}"
        case Ending.RESET:
            return f"the connection torn down{at}"
        case Ending.LEFT:
            return f"our leaving{at}"
        case Ending.CUT:
            return f"more than we take{at}"
        case _:
            return f"the connection closed in the middle{at}"
