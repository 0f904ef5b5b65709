"""Exchanges whose client left: in which situation, and what may be said of it. By what is on record, not by name."""

from collections.abc import Callable, Sequence
from enum import Enum

from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import protocol_of
from conformance.rules.need import Need, asks_stream
from conformance.rules.pace import first_piece

WHOLLY = ("fin", "rst")
IN_TIME = 5.0
"""Seconds within which the work for a client that has left must end."""
CLOCK = 0.1
"""Seconds by which a look may come too early."""
LONG_ENOUGH = 1.2
"""Seconds of silence that must remain after leaving: whoever stops well within them has not waited to write."""
WAITED = 0.75
"""Who was still at work after this part of a silence has waited for its end."""
MANY = 20
"""Exchanges of a trial from which on it is about many that leave, not about one."""
AT_ONCE = 0.05
"""Seconds between the request and the head, or between head and first event, within which nobody can leave."""
TOO_SHORT = "ask for a longer one"
"""With this ends what is said of a server that had nothing left to do: its answer was over by itself."""
CLIENT = "client"
"""The observer of a half-closed connection on which the answer went on: the client itself."""
HALF_CLOSED = "Write a story of ten thousand words about a river and a mill."
"""What clients ask that close their sending side alone; a behaviour can go by it."""


class Kind(Enum):
    """The situation in which a client left for good."""

    MID_STREAM = "mid stream"
    BEFORE_FIRST = "before anything came"
    AFTER_HEAD = "after the head"
    TOOL_CALL = "in a tool call"
    TWO_CHOICES = "with n above 1"
    NOT_STREAMED = "not streamed"
    COMPLETIONS = "text completion"


def kind_of(exchange: Exchange) -> Kind | None:
    """The situation in which this client left and the server was watched; None where neither is on record."""
    if exchange.watch is None or exchange.left_by not in WHOLLY or len(exchange.group) >= MANY:
        return None
    if not asks_stream(exchange):
        return Kind.NOT_STREAMED if exchange.protocol == "chat" else None
    if exchange.head is None:
        return Kind.BEFORE_FIRST
    if exchange.status != 200:
        return None
    if not exchange.steps:
        return Kind.AFTER_HEAD
    if first_piece(exchange) is None:
        return (
            None  # a role alone: the server may have written that when it took the request, and read the prompt since
        )
    if exchange.protocol == "completions":
        return Kind.COMPLETIONS
    if exchange.member("tools"):
        return Kind.TOOL_CALL
    choices = exchange.member("n")
    return Kind.TWO_CHOICES if isinstance(choices, int) and choices > 1 else Kind.MID_STREAM


def silence_left(exchange: Exchange) -> float | None:
    """Seconds for which the server would still have written nothing when its client left, by an answer to the same that
    nobody left; None where there is none.
    """
    if kind_of(exchange) not in (Kind.BEFORE_FIRST, Kind.AFTER_HEAD) or exchange.ended_at is None:
        return None
    for other in exchange.group:
        if other.steps and other.head_at is not None and (first := other.steps[0].event.at) is not None:
            return (other.head_at if exchange.head is None else first) - exchange.ended_at
    return None


def unseen(exchange: Exchange) -> str:
    """Why nobody knows what the server did; "" where somebody does."""
    watch = exchange.watch
    if watch is None or watch.stopped:
        return ""
    if watch.stopped is None:
        return watch.how
    if watch.by is not None and watch.by < IN_TIME - CLOCK:
        return f"it was watched for {watch.by:.1f} s: too little to say that it goes on after {IN_TIME:g} s"
    return ""


def _is(*kinds: Kind) -> Callable[[Exchange], bool]:
    return lambda exchange: kind_of(exchange) in kinds


def _both(name: str) -> tuple[str, str]:
    return f"leave-{name}-fin", f"leave-{name}-rst"


def _head_rides(exchanges: Sequence[Exchange]) -> str:
    """The head comes with the first event, so that nobody can leave in between."""
    waited = [other for exchange in exchanges if kind_of(exchange) is not None for other in exchange.group]
    if any(kind_of(exchange) is Kind.AFTER_HEAD for exchange in exchanges):
        return ""
    for other in waited:
        first = other.steps[0].event.at if other.steps else None
        if first is not None and other.head_at is not None and first - other.head_at < AT_ONCE:
            return "the head of this server comes with the first event: there is no moment in between"
    return ""


def _head_at_once(exchanges: Sequence[Exchange]) -> str:
    """The head comes so fast that nobody can leave before it."""
    if any(kind_of(exchange) is Kind.BEFORE_FIRST for exchange in exchanges):
        return ""
    heads = [
        one.head_at
        for exchange in exchanges
        if exchange.watch is not None and exchange.left_by in WHOLLY and len(exchange.group) < MANY
        for one in (exchange, *exchange.group)
        if one.head_at is not None and asks_stream(one)
    ]
    if not heads or min(heads) >= AT_ONCE:
        return ""
    return f"the head of this server comes {min(heads) * 1000:.0f} ms after the request: nobody leaves before it"


def _calls_are_short(exchanges: Sequence[Exchange]) -> str:
    """The model's own calls are over before anybody could see whether they were stopped."""
    watches = [e.watch for e in exchanges if kind_of(e) is Kind.TOOL_CALL and e.watch is not None]
    short = [watch for watch in watches if watch.stopped is None and watch.how.endswith(TOO_SHORT)]
    if not short or len(short) < len(watches):
        return ""
    return f"the model's tool calls are too short to be left: {short[0].how.removesuffix(f': {TOO_SHORT}')}"


def _too_fast(exchanges: Sequence[Exchange]) -> str:
    """No silence was long enough."""
    silences = [left for exchange in exchanges if (left := silence_left(exchange)) is not None]
    if not silences or max(silences) >= LONG_ENOUGH:
        return ""
    longest = max(0.0, *silences)
    return f"a long prompt is read so fast that {longest:.1f} s of silence remained: too little to tell"


def _uncounted(exchanges: Sequence[Exchange]) -> str:
    """No observer counts requests."""
    watches = [exchange.watch for exchange in exchanges if exchange.watch is not None and exchange.left_by]
    if not watches or any(watch.leaked is not None for watch in watches):
        return ""
    return "nobody counted the requests that run: a Prometheus gauge or /slots would show a leak"


def _limited(exchanges: Sequence[Exchange]) -> str:
    """The target refuses so many requests, which it may."""
    ends = [exchange.group[-1] for exchange in exchanges if _left_and_followed(exchange)]
    limited = bool(ends) and all(exchange.status == 429 for exchange in ends)
    return "the target limits the rate of requests (429)" if limited else ""


def _left_and_followed(exchange: Exchange) -> bool:
    """One client or many left, and then one read on."""
    group = exchange.group
    return exchange.left_by in WHOLLY and bool(group) and not group[-1].left_by and len(group) != 2


def _left_and_asked_again(exchange: Exchange) -> bool:
    """A client left, and the same was asked twice more and read to its end."""
    same = [other for other in exchange.group if other.request.body == exchange.request.body and not other.left_by]
    return exchange.left_by in WHOLLY and len(exchange.group) == len(same) == 2


LEFT_MID_STREAM = Need(
    name="a stream whose client left after an event",
    fits=_is(Kind.MID_STREAM),
    probes=_both("mid-stream"),
    blind=unseen,
)
LEFT_BEFORE_FIRST = Need(
    name="a stream whose client left before anything came",
    fits=_is(Kind.BEFORE_FIRST),
    probes=_both("before-first"),
    unless=_head_at_once,
    blind=unseen,
)
LEFT_AFTER_HEAD = Need(
    name="a stream whose client left between the head and the first event",
    fits=_is(Kind.AFTER_HEAD),
    probes=_both("after-head"),
    unless=_head_rides,
    blind=unseen,
)
LEFT_IN_SILENCE = Need(
    name="a stream whose client left in a long silence",
    fits=lambda e: (silence_left(e) or 0.0) >= LONG_ENOUGH,
    probes=(*_both("before-first"), *_both("after-head")),
    unless=_too_fast,
    blind=unseen,
)
LEFT_IN_TOOL_CALL = Need(
    name="a stream whose client left in a tool call",
    fits=_is(Kind.TOOL_CALL),
    probes=_both("tool-call"),
    feature="tools",
    unless=_calls_are_short,
    blind=unseen,
)
LEFT_TWO_CHOICES = Need(
    name="a stream with n above 1 whose client left after an event",
    fits=_is(Kind.TWO_CHOICES),
    probes=_both("two-choices"),
    feature="choices",
    blind=unseen,
)
LEFT_NOT_STREAMED = Need(
    name="a request that is not streamed and whose client left",
    fits=_is(Kind.NOT_STREAMED),
    probes=_both("not-streamed"),
    blind=unseen,
)
LEFT_COMPLETIONS = Need(
    name="a text completion whose client left after an event",
    fits=_is(Kind.COMPLETIONS),
    probes=_both("completions"),
    feature="completions",
    blind=unseen,
)
COUNTED = Need(
    name="a client that left while somebody counted the requests that run",
    fits=lambda e: bool(e.left_by) and e.watch is not None and e.watch.leaked is not None,
    probes=(*_both("mid-stream"), "leave-a-hundred-times"),
    unless=_uncounted,
)
FOLLOWED = Need(
    name="a request after clients had left",
    fits=_left_and_followed,
    probes=("leave-a-hundred-times", "leave-at-done-fin", "leave-at-done-rst"),
    unless=_limited,
)
ASKED_AGAIN = Need(
    name="the same request again right after its client had left",
    fits=_left_and_asked_again,
    probes=_both("and-ask-again"),
)
HALF_CLOSE = Need(
    name="a client that closed its sending side alone",
    fits=lambda e: e.left_by == "half-close" and e.watch is not None,
    probes=("half-close-mid-stream", "half-close-at-once"),
    blind=unseen,
)


def is_plain(request: Request) -> bool:
    """A chat stream of one choice without tools; what half-closing clients ask left out."""
    return (
        _is_chat(request) and not asks_half_closed(request) and not _member(request, "tools") and not several(request)
    )


def calls_tools(request: Request) -> bool:
    """A chat stream with tools."""
    return _is_chat(request) and bool(_member(request, "tools"))


def several(request: Request) -> bool:
    """A chat stream of several choices."""
    choices = _member(request, "n")
    return _is_chat(request) and isinstance(choices, int) and choices > 1


def is_whole(request: Request) -> bool:
    """Chat that is not streamed."""
    return protocol_of(request) == "chat" and _member(request, "stream") is not True


def is_completion(request: Request) -> bool:
    """A text completion."""
    return protocol_of(request) == "completions"


def asks_half_closed(request: Request) -> bool:
    """What clients ask that close their sending side alone."""
    messages = _member(request, "messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, dict) and last.get("content") == HALF_CLOSED


def _is_chat(request: Request) -> bool:
    return protocol_of(request) == "chat" and _member(request, "stream") is True


def _member(request: Request, name: str) -> object:
    return request.body.get(name) if isinstance(request.body, dict) else None
