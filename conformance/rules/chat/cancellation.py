"""A client leaves: the server stops, in every situation, by FIN and by RST; it lives, and its next answer is its own.

Judges what was seen by others; looks at nothing itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.finding import Finding, show
from conformance.protocols.viewing import view_of
from conformance.protocols.watch import Watch
from conformance.rules.behaviour import Behaviour, Moment, Stops
from conformance.rules.chat.leaving_needs import (
    ASKED_AGAIN,
    CLIENT,
    COUNTED,
    FOLLOWED,
    HALF_CLOSE,
    IN_TIME,
    LEFT_AFTER_HEAD,
    LEFT_BEFORE_FIRST,
    LEFT_COMPLETIONS,
    LEFT_IN_SILENCE,
    LEFT_IN_TOOL_CALL,
    LEFT_MID_STREAM,
    LEFT_NOT_STREAMED,
    LEFT_TWO_CHOICES,
    WAITED,
    asks_half_closed,
    calls_tools,
    is_completion,
    is_plain,
    is_whole,
    several,
    silence_left,
)
from conformance.rules.rule import MAY, MUST, SHOULD, rule
from conformance.rules.sources import RFC9112, SUITE, issue

SOON = 2.0
"""Seconds within which a stream that is under way ought to stop: its server writes, and so it can know."""
POLICY = SUITE.at("5 s, for what every server claims and no specification says")
SEEN = 12
"""Characters of what would have come next that show that somebody else's answer goes on."""
NEAR = 80
"""Characters behind what the client had heard, among which they are looked for: some may have been lost on the way."""
ENDS = (Kind.FINISH, Kind.TERMINATOR)
"""Either shows that an answer was made to its end; what else belongs there is for the rules of ends to say."""
WAYS = {"fin": "closed the connection", "rst": "tore the connection down"}


def goes_on(when: Callable[[Request], bool], *moments: Moment) -> tuple[Behaviour, ...]:
    """Servers that never stop: whichever way a client leaves, or one way alone."""
    ever = Behaviour(name="goes-on", stops=Stops.NEVER, when=when, moments=frozenset(moments or Moment))
    return (
        ever,
        replace(ever, name="goes-on-after-fin", only_by="fin"),
        replace(ever, name="goes-on-after-rst", only_by="rst"),
    )


def still_working(exchange: Exchange) -> Iterator[Finding]:
    """A finding where the server was seen at work when its time was over."""
    watch = exchange.watch
    if watch is None or watch.stopped is None:
        return
    if not watch.stopped or watch.since > IN_TIME:
        wanted = f"no work any more {IN_TIME:g} s after the client {WAYS.get(exchange.left_by, 'left')}"
        yield exchange.finding(wanted, told(watch))


def told(watch: Watch) -> str:
    """What was seen, in one line: how long, how many tokens, and by whom."""
    if watch.stopped:
        when = f"it stopped {_between(watch)}"
    else:
        when = f"still at work after {watch.by:.1f} s" if watch.by is not None else "still at work"
    made = "" if watch.produced is None else f", {watch.produced:g} tokens made since"
    sure = "" if watch.sure >= 0.9995 else f", {watch.sure:.1%} sure"
    return f"{when}{made} ({watch.observer}: {watch.how}{sure})"


def _between(watch: Watch) -> str:
    if watch.by is None:
        return "in time"
    exact = watch.by - watch.since < 0.01
    return f"after {watch.by:.2f} s" if exact or not watch.since else f"between {watch.since:.1f} and {watch.by:.1f} s"


@rule(
    id="chat/cancellation/stops-mid-stream",
    level=MUST,
    says="The work for a client that leaves in mid stream ends within 5 seconds.",
    source=(
        POLICY,
        issue("ggml-org/llama.cpp#11720"),
        issue("sgl-project/sglang#36552"),
        issue("vllm-project/vllm#54947"),
        issue("xorbitsai/inference#5549"),
    ),
    needs=LEFT_MID_STREAM,
    broken_when=goes_on(is_plain, Moment.EVENTS),
)
def stops_mid_stream(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-promptly",
    level=SHOULD,
    says="A stream that is under way stops within 2 seconds of its client's leaving.",
    source=(SUITE.at("2 s: the next write tells the server, or the one after it"), issue("vllm-project/vllm#32442")),
    needs=LEFT_MID_STREAM,
    broken_when=(
        Behaviour(name="stops-late", stops=Stops.LATE, seconds=3.5, when=is_plain, moments=frozenset({Moment.EVENTS})),
    ),
)
def stops_promptly(exchange: Exchange) -> Iterator[Finding]:
    watch = exchange.watch
    if watch is not None and watch.stopped and watch.since > SOON:
        yield exchange.finding(f"an end of the work within {SOON:g} s", told(watch))


@rule(
    id="chat/cancellation/stops-before-first",
    level=MUST,
    says="The work for a client that leaves before anything came ends within 5 seconds.",
    source=(POLICY, issue("ggml-org/llama.cpp#13262"), issue("ggml-org/llama.cpp#15232")),
    needs=LEFT_BEFORE_FIRST,
    broken_when=goes_on(is_plain, Moment.NO_HEAD),
)
def stops_before_first(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-after-head",
    level=MUST,
    says="The work for a client that leaves between head and first event ends within 5 seconds.",
    source=(POLICY, issue("ikawrakow/ik_llama.cpp#1020")),
    needs=LEFT_AFTER_HEAD,
    broken_when=goes_on(is_plain, Moment.HEAD),
)
def stops_after_head(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-in-silence",
    level=SHOULD,
    says="A client that leaves in a silence of the server is noticed before the next write.",
    source=(
        SUITE.at("who notices by writing alone reads a long prompt to its end for nobody"),
        issue("ggml-org/llama.cpp#24496"),
    ),
    needs=LEFT_IN_SILENCE,
    broken_when=(
        Behaviour(
            name="stops-at-the-next-write",
            stops=Stops.AT_NEXT_WRITE,
            when=is_plain,
            moments=frozenset({Moment.NO_HEAD, Moment.HEAD}),
        ),
    ),
)
def stops_in_silence(exchange: Exchange) -> Iterator[Finding]:
    watch, silence = exchange.watch, silence_left(exchange) or 0.0
    if watch is None or watch.stopped is None:
        return
    if watch.since >= WAITED * silence and (watch.stopped or (watch.by or 0.0) < silence):
        yield exchange.finding(f"an end of the work while {silence:.1f} s of silence remain", told(watch))


@rule(
    id="chat/cancellation/stops-tool-call",
    level=SHOULD,
    says="The work for a client that leaves in a tool call ends within 5 seconds.",
    source=(POLICY, issue("vllm-project/vllm#32442")),
    needs=LEFT_IN_TOOL_CALL,
    broken_when=goes_on(calls_tools),
)
def stops_tool_call(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-every-choice",
    level=SHOULD,
    says="The work on every choice for a client that has left ends within 5 seconds.",
    source=(POLICY, issue("vllm-project/vllm#32442")),
    needs=LEFT_TWO_CHOICES,
    broken_when=goes_on(several),
)
def stops_every_choice(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-when-not-streamed",
    level=SHOULD,
    says="The work on an answer that is not streamed ends within 5 seconds of its client's leaving.",
    source=(POLICY, issue("ggml-org/llama.cpp#24496")),
    needs=LEFT_NOT_STREAMED,
    broken_when=(
        *goes_on(is_whole),
        Behaviour(name="stops-at-the-next-write", stops=Stops.AT_NEXT_WRITE, when=is_whole),
    ),
)
def stops_when_not_streamed(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/stops-text-completion",
    level=SHOULD,
    says="The work on a text completion ends within 5 seconds of its client's leaving.",
    source=(POLICY, issue("vllm-project/vllm#32442")),
    needs=LEFT_COMPLETIONS,
    broken_when=goes_on(is_completion),
)
def stops_text_completion(exchange: Exchange) -> Iterator[Finding]:
    yield from still_working(exchange)


@rule(
    id="chat/cancellation/gauge-returns",
    level=SHOULD,
    says="A request whose client has left is no longer counted as running once nothing is made for it.",
    source=(SUITE.at("requirement CAN-07"), issue("HKUDS/LightRAG#3634")),
    needs=COUNTED,
    broken_when=(Behaviour(name="stays-counted", leaks=True, when=is_plain),),
)
def gauge_returns(exchange: Exchange) -> Iterator[Finding]:
    watch = exchange.watch
    if watch is not None and watch.leaked:
        counted = f"{watch.leaked:g} still counted as running"
        yield exchange.finding("as many requests counted as before", f"{counted} ({watch.observer}: {watch.how})")


def outcome_of(exchange: Exchange) -> str:
    """What is wrong with an answer that had to come whole, in words; "" where it is whole."""
    if exchange.head is None:
        return f"no response ({exchange.ending.value})"
    if exchange.status != 200:
        return f"status {exchange.status}"
    if not any(step.kind in ENDS for step in exchange.steps):
        last = exchange.steps[-1].kind.value if exchange.steps else "no message"
        return f"a stream without finish_reason and [DONE], ended by {exchange.ending.value} after {last}"
    return ""


@rule(
    id="chat/cancellation/survives",
    level=MUST,
    says="After clients have left, be it a hundred in a row, the server answers the next one.",
    source=(
        SUITE.at("requirement CAN-04"),
        issue("sgl-project/sglang#36552"),
        issue("vllm-project/vllm#2475"),
    ),
    needs=FOLLOWED,
    broken_when=(Behaviour(name="dies-after-twenty", dies_after=20),),
    also_breaks=("http/connection/head-arrives",),
)
def survives(exchange: Exchange) -> Iterator[Finding]:
    last = exchange.group[-1]
    clients = 1 + sum(1 for other in exchange.group if other.left_by)
    if last.status != 429 and (wrong := outcome_of(last)):
        times = "a client had left" if clients == 1 else f"{clients} clients had left"
        yield exchange.finding(f"an answer to the next request after {times}", wrong)


@rule(
    id="chat/cancellation/again",
    level=SHOULD,
    says="The same request right after its client has left is answered whole, and from the start.",
    source=(SUITE.at("requirement CAN-13"), issue("sgl-project/sglang#36552")),
    needs=ASKED_AGAIN,
    broken_when=(Behaviour(name="goes-on-where-the-other-left", residue=True),),
)
def again(exchange: Exchange) -> Iterator[Finding]:
    then, undisturbed = exchange.group
    if outcome_of(undisturbed):
        return  # it is not the leaving that makes this server stumble
    if wrong := outcome_of(then):
        yield exchange.finding("a whole answer to the same request at once", wrong)
        return
    heard, whole, next_one = _text(exchange), _text(undisturbed), _text(then)
    rest = whole[len(heard) : len(heard) + NEAR] if heard and whole.startswith(heard) else ""
    start = next_one[:SEEN]
    if len(start) == SEEN and start in rest and not whole.startswith(start):
        got = f"{show(next_one[:40])}, with which the one that was left would have gone on"
        yield exchange.finding(f"an answer that begins {show(whole[:40])}", got)


def _text(exchange: Exchange) -> str:
    choice = view_of(exchange).choices.get(0)
    return choice.text if choice is not None else ""


@rule(
    id="chat/cancellation/half-close",
    level=MAY,
    says="A client that closes its sending side alone gets its answer, or the work for it ends.",
    source=(SUITE.at("requirement CAN-05: a server is free to do either"), RFC9112.at("9.6")),
    needs=HALF_CLOSE,
    broken_when=(Behaviour(name="goes-on-for-nobody", stops=Stops.NEVER, when=asks_half_closed),),
)
def half_close(exchange: Exchange) -> Iterator[Finding]:
    watch = exchange.watch
    if watch is not None and watch.stopped is False and watch.observer != CLIENT:
        yield exchange.finding("the rest of the answer, or an end of the work", told(watch))


RULES = (
    stops_mid_stream,
    stops_promptly,
    stops_before_first,
    stops_after_head,
    stops_in_silence,
    stops_tool_call,
    stops_every_choice,
    stops_when_not_streamed,
    stops_text_completion,
    gauge_returns,
    survives,
    again,
    half_close,
)
