"""When the parts of a response come. Knows nothing of what it says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.finding import Finding
from conformance.rules.behaviour import Behaviour, Delivery
from conformance.rules.chance import Waiting, median
from conformance.rules.chat.timing import is_packed
from conformance.rules.need import Need, brings_stream
from conformance.rules.pace import (
    Rounds,
    by_length,
    by_prompt,
    content_waits,
    event_waits,
    first_message,
    first_piece,
    head_at,
    head_waits,
    said,
)
from conformance.rules.rule import MAY, SHOULD, rule
from conformance.rules.sources import SUITE, issue


def _unless(waiting: Callable[[Rounds], Waiting | str]) -> Callable[[Sequence[Exchange]], str]:
    """Why nothing can be said of what waits for the prompt."""

    def unless(exchanges: Sequence[Exchange]) -> str:
        told = [waiting(rounds) for exchange in exchanges if (rounds := by_prompt(exchange)) is not None]
        reasons = [why for why in told if isinstance(why, str)]
        return reasons[0] if reasons and len(reasons) == len(told) else ""

    return unless


HEADS = Need(
    name="answers to short and long prompts, and when they came",
    fits=lambda e: by_prompt(e) is not None,
    probes=("pace-prompt",),
    unless=_unless(head_waits),
    alone=False,
)
FIRST_EVENTS = replace(HEADS, unless=_unless(event_waits))


def _middle(when: Callable[[Exchange], float | None], exchanges: Sequence[Exchange]) -> str:
    return said(median([at for e in exchanges if (at := when(e)) is not None]))


@rule(
    id="http/timing/head-first",
    level=MAY,
    says="The response head is sent before there is an event to send.",
    source=(
        SUITE.at("a client that has the head knows that it was let in; a server that holds it can still refuse"),
        issue("Boise-State-Development/agentcore-public-stack#1133"),
    ),
    needs=HEADS,
    broken_when=(Behaviour(name="head-held", delivery=Delivery.HEAD_HELD),),
)
def head_first(exchange: Exchange) -> Iterator[Finding]:
    rounds = by_prompt(exchange)
    waiting = head_waits(rounds) if rounds else ""
    if rounds and isinstance(waiting, Waiting) and waiting.sure:
        yield exchange.finding(
            f"the head while a long prompt is read; after a short one it comes after {_middle(head_at, rounds.little)}",
            f"the head after {_middle(head_at, rounds.much)}, the first event after "
            f"{_middle(first_message, rounds.much)} ({_count(rounds)}; {waiting.odds})",
        )


@rule(
    id="http/timing/first-event-is-news",
    level=MAY,
    says="The first event waits until the prompt has been read.",
    source=(
        SUITE.at("whoever takes the first event for the first token is told a time that means nothing"),
        issue("ROCm/ATOM#1710"),
    ),
    needs=FIRST_EVENTS,
    broken_when=(Behaviour(name="sent-on-acceptance", delivery=Delivery.FIRST_AT_ONCE),),
)
def first_event_is_news(exchange: Exchange) -> Iterator[Finding]:
    rounds = by_prompt(exchange)
    waiting = event_waits(rounds) if rounds else ""
    if rounds and isinstance(waiting, Waiting) and waiting.sure_not:
        yield exchange.finding(
            f"the first event when there is something to say, {_middle(first_piece, rounds.much)} after a long prompt",
            f"it comes after {_middle(first_message, rounds.much)} ({_count(rounds)}; {waiting.odds})",
        )


def _count(rounds: Rounds) -> str:
    return f"{len(rounds.much)} long prompts, {len(rounds.little)} short ones"


def accepts_gzip(request: Request) -> bool:
    """The request would take a body that is compressed."""
    return "gzip" in (request.header("accept-encoding") or "").lower()


def _is_not_packed(exchanges: Sequence[Exchange]) -> str:
    """Why nothing can be said of compression."""
    asked = [e for e in exchanges if brings_stream(e) and accepts_gzip(e.request)]
    if asked and not any(is_packed(e) for e in asked):
        return "the target does not compress its streams"
    for exchange in asked:
        if is_packed(exchange) and (rounds := by_length(exchange)) is not None:
            waiting = content_waits(rounds)
            return waiting if isinstance(waiting, str) else ""
    return ""


PACKED = Need(
    name="short and long answers to the same request, compressed, and when they came",
    fits=lambda e: is_packed(e) and by_length(e) is not None,
    probes=("pace-gzip",),
    unless=_is_not_packed,
    alone=False,
)


@rule(
    id="http/timing/coding-flushed",
    level=SHOULD,
    says="A stream that is compressed brings content while the rest of it is still being made.",
    source=(
        SUITE.at("a compressor can be flushed after each event"),
        issue("tower-rs/tower-http#419"),
        issue("Kludex/starlette#2753"),
    ),
    needs=PACKED,
    broken_when=(Behaviour(name="packed-at-the-end", delivery=Delivery.WHOLE, when=accepts_gzip),),
    also_breaks=("chat/timing/spread",),
)
def coding_flushed(exchange: Exchange) -> Iterator[Finding]:
    rounds = by_length(exchange)
    waiting = content_waits(rounds) if rounds else ""
    if rounds and isinstance(waiting, Waiting) and waiting.sure:
        first = median([first_piece(e) or 0.0 for e in rounds.much])
        soon = median([first_piece(e) or 0.0 for e in rounds.little])
        coding = exchange.head.get("content-encoding") if exchange.head else ""
        yield exchange.finding(
            f"the first content of a long answer when that of a short one comes, after {said(soon)}",
            f"with content-encoding {coding} it comes after {said(first)} ({waiting.odds})",
        )


RULES = (head_first, first_event_is_news, coding_flushed)
