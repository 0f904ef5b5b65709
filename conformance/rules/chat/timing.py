"""When what a stream says comes: while it is made, one by one, without long silences. Knows nothing of what it says.

Nothing here is slow or fast: times are compared with the target's own pace, or, at the end of a stream and in silence,
where nothing is left to be made, with the patience of those in between.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from conformance.protocols.chat.states import Kind
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding
from conformance.rules.behaviour import Behaviour, Delivery
from conformance.rules.chance import Waiting, median
from conformance.rules.mutate import on_acts
from conformance.rules.need import Need
from conformance.rules.needs import TIMED
from conformance.rules.pace import (
    Rounds,
    are_bursty,
    are_made_apart,
    bursts,
    by_length,
    comes_in_bursts,
    content_waits,
    first_piece,
    last_message,
    late_at,
    pieces,
    said,
)
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, issue
from conformance.wire.script import Act, Wait

SOON = 1.0
"""Seconds between the last finish_reason and [DONE]."""
SILENCE = 30.0
"""Seconds after which proxies and load balancers begin to give up on a silent connection."""
MANY = 20
"""Pieces that no model makes in one step."""
NOTABLE = 1.0
"""Seconds that an answer in one piece has to take before it is worth a word."""


def is_packed(exchange: Exchange) -> bool:
    """The body came with a content coding."""
    return exchange.head is not None and exchange.head.get("content-encoding").lower() not in ("", "identity")


def _rounds(exchange: Exchange) -> Rounds | None:
    return None if is_packed(exchange) else by_length(exchange)


def _unless(why: Callable[[Rounds], str]) -> Callable[[Sequence[Exchange]], str]:
    """Why nothing can be said of the rounds that there are; "" where something can of one of them, or none are."""

    def unless(exchanges: Sequence[Exchange]) -> str:
        reasons = [why(rounds) for exchange in exchanges if (rounds := _rounds(exchange)) is not None]
        return "" if not all(reasons) else next(iter(reasons), "")

    return unless


def _too_close(rounds: Rounds) -> str:
    waiting = content_waits(rounds)
    return waiting if isinstance(waiting, str) else ""


def _no_bursts_to_see(rounds: Rounds) -> str:
    match content_waits(rounds):
        case Waiting() as waiting if waiting.sure:
            return "the answers come whole, which is the business of chat/timing/as-generated"
        case str(why):
            return why
    if not are_bursty(rounds):
        return ""
    apart = are_made_apart(rounds)
    return apart if isinstance(apart, str) else ""


ROUNDS = Need(
    name="short and long answers to the same request, and when they came",
    fits=lambda e: _rounds(e) is not None,
    probes=("pace",),
    protocol="chat",
    alone=False,
    unless=_unless(_too_close),
)
BURSTS = Need(
    name="short and long answers to the same request, and when each piece came",
    fits=ROUNDS.fits,
    probes=ROUNDS.probes,
    protocol="chat",
    alone=False,
    unless=_unless(_no_bursts_to_see),
)


@rule(
    id="chat/timing/as-generated",
    level=MUST,
    says="A stream brings content while the rest of it is still being made.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream"),
        issue("BerriAI/litellm#5803"),
        issue("tower-rs/tower-http#419"),
    ),
    needs=ROUNDS,
    broken_when=(Behaviour(name="all-at-the-end", delivery=Delivery.WHOLE),),
    also_breaks=("chat/timing/spread",),
)
def as_generated(stream: View) -> Iterator[Finding]:
    rounds = _rounds(stream.exchange)
    waiting = content_waits(rounds) if rounds else ""
    if rounds and isinstance(waiting, Waiting) and waiting.sure:
        soon = median([first_piece(e) or 0.0 for e in rounds.little])
        first, end = (median([when(e) or 0.0 for e in rounds.much]) for when in (first_piece, last_message))
        yield stream.finding(
            f"the first content of a long answer when that of a short one comes, after {said(soon)}",
            f"it comes after {said(first)}, and the answer is over after {said(end)} "
            f"({len(rounds.much)} long answers, {len(rounds.little)} short ones; {waiting.odds})",
        )


@rule(
    id="chat/timing/one-by-one",
    level=SHOULD,
    says="Tokens that are made one after the other come one after the other.",
    source=(
        SUITE.at("several tokens that a model makes in one step may come together; what a transport collects may not"),
        issue("Crosstalk-Solutions/project-nomad#798"),
    ),
    needs=BURSTS,
    broken_when=(Behaviour(name="bursts", delivery=Delivery.BURSTS, seconds=0.2),),
)
def one_by_one(stream: View) -> Iterator[Finding]:
    rounds = _rounds(stream.exchange)
    if rounds is None or not are_bursty(rounds):
        return
    whole, apart = content_waits(rounds), are_made_apart(rounds)
    if not (isinstance(apart, Waiting) and apart.sure) or (isinstance(whole, Waiting) and whole.sure):
        return
    found = [bursts(exchange) for exchange in rounds.much if comes_in_bursts(exchange)]
    size = median([burst.size for series in found for burst in series[1:-1]])
    gap = median([b.at - a.at for series in found for a, b in pairwise(series)])
    pace = median([(t[-1] - t[0]) / (len(t) - 1) for e in rounds.much if len(t := pieces(e)) > 1])
    yield stream.finding(
        f"a piece every {said(pace)}, the pace at which short answers show that they are made",
        f"bursts of {size:.0f} every {said(gap)} ({len(found)} of {len(rounds.much)} long answers; {apart.odds})",
    )


@on_acts
def done_late(acts: list[Act]) -> list[Act]:
    return [*acts[:-1], Wait(4.0), *acts[-1:]]


@on_acts
def end_counted_late(acts: list[Act]) -> list[Act]:
    """The chunk with usage, or [DONE] where there is none, waits for the bookkeeping."""
    return [*acts[:-2], Wait(2.5), *acts[-2:]] if b'"choices":[]' in _data(acts[-2:]) else done_late_by(acts, 2.5)


def done_late_by(acts: list[Act], seconds: float) -> list[Act]:
    """[DONE] comes so much later."""
    return [*acts[:-1], Wait(seconds), *acts[-1:]]


def _data(acts: Sequence[Act]) -> bytes:
    return b"".join(getattr(act, "data", b"") for act in acts)


@rule(
    id="chat/timing/ends-at-once",
    level=SHOULD,
    says="Usage and [DONE] follow the last finish_reason within a second.",
    source=(SUITE.at("1 s, or the longest pause before it: nothing is left to be made"),),
    needs=TIMED,
    broken_by=(done_late, end_counted_late),
)
def ends_at_once(stream: View) -> Iterator[Finding]:
    finishes = stream.of(Kind.FINISH)
    if not finishes:
        return
    behind = [step for step in stream.steps if step.number >= finishes[-1].number]
    for before, step in pairwise(behind):
        one, other = before.event.at, step.event.at
        if one is None or other is None or other - one - late_at(stream.exchange, other) <= SOON:
            continue
        times = [s.event.at or 0.0 for s in stream.steps if s.number <= before.number]
        longest = max((b - a for a, b in pairwise(times)), default=0.0)
        if other - one > longest:
            yield stream.finding(
                f"the {step.kind.value} within {said(SOON)}", f"{said(other - one)} after the {before.kind.value}", step
            )
            return


@on_acts
def goes_silent_for_a_while(acts: list[Act]) -> list[Act]:
    return [*acts[:1], Wait(SILENCE + 1), *acts[1:]]


@rule(
    id="chat/timing/never-silent",
    level=SHOULD,
    says="A stream with nothing to say for 30 seconds sends a comment.",
    source=(
        SUITE.at("30 s, as llama.cpp (sse_ping_interval) and TGI (KeepAlive) have it; no silence is provoked"),
        issue("coder/coder#28185"),
    ),
    needs=TIMED,
    broken_by=(goes_silent_for_a_while,),
)
def never_silent(stream: View) -> Iterator[Finding]:
    exchange = stream.exchange
    if (exchange.ended_at or 0.0) < SILENCE:
        return
    times = [at for at in (exchange.head_at, *(event.at for event in exchange.events)) if at is not None]
    longest = max(((b - a, b) for a, b in pairwise(times)), default=(0.0, 0.0))
    if longest[0] - late_at(exchange, longest[1]) > SILENCE:
        step = next((s for s in stream.steps if s.event.at == longest[1]), None)
        yield stream.finding(f"something within {said(SILENCE)}", f"nothing for {said(longest[0])}", step)


@on_acts
def in_one_piece(acts: list[Act]) -> list[Act]:
    return [Wait(2.0), *acts] if len(acts) >= MANY else acts


@rule(
    id="chat/timing/spread",
    level=MAY,
    says="A long answer comes in more than one piece.",
    source=(
        SUITE.at("20 messages in one read, a second or more after the request; chat/timing/as-generated is sure"),
        issue("tower-rs/tower-http#419"),
    ),
    needs=TIMED,
    broken_by=(in_one_piece,),
)
def spread(stream: View) -> Iterator[Finding]:
    exchange, steps = stream.exchange, stream.steps
    if len(steps) < MANY or steps[0].event.at is None or steps[0].event.at != steps[-1].event.at:
        return
    at = steps[0].event.at
    if at >= NOTABLE and late_at(exchange, at) < at / 4:
        yield stream.finding("messages as they are made", f"{len(steps)} messages together, after {said(at)}")


RULES = (as_generated, one_by_one, ends_at_once, never_silent, spread)
