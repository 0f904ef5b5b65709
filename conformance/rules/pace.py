"""When things came in the exchanges of a trial that asks for the same at different lengths. No rule is here.

Such a trial tells the transport from the model by the target's own pace: a short answer shows when a token is there
to be sent, a long one when it came. What our own client was late for is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange

from .chance import Waiting, by_chance_in_pairs, median, waits
from .need import brings_stream

LIMITS = ("max_completion_tokens", "max_tokens")
MOST_TOKENS = 10_000_000
LEAST_LONG, LEAST_SHORT = 3, 4
"""Answers of each length without which nothing is said."""
RESOLUTION = 0.1
"""Seconds that a long answer has to take longer than a short one: ten times what our client is late unnoticed."""
SPOKEN = ("content", "text", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning", "audio")
TOGETHER = 0.25
"""Pieces that come within this share of the mean gap came together."""
HEAD_SHARE, EVENT_SHARE = 0.75, 0.5
"""Of the time that a prompt takes to be read: a head that comes later than that waits for the first event; an event
that comes sooner does not wait for anything."""
BUSY = "this machine was too busy to tell when things came; run this again when it has less to do"
BURST = 0.03
"""Seconds between two bursts below which they are not worth a word, and cannot be told from our own lateness."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The exchanges of a trial, by what they ask for: little, or much."""

    little: tuple[Exchange, ...]
    much: tuple[Exchange, ...]


def by_length(exchange: Exchange) -> Rounds | None:
    """The rounds of a trial whose requests differ in the limit of tokens alone; the highest limit is `much`."""
    if (answers := _whole_but_for(exchange, LIMITS)) is None:
        return None
    most = max((limit_of(e) for e in answers), default=0)
    little = tuple(e for e in answers if 0 < limit_of(e) < most)
    much = tuple(e for e in answers if limit_of(e) == most)
    return Rounds(little, much) if len(little) >= LEAST_SHORT and len(much) >= LEAST_LONG else None


def by_prompt(exchange: Exchange) -> Rounds | None:
    """The rounds of a trial whose requests differ in their messages alone; those with much to read are `much`."""
    if (answers := _whole_but_for(exchange, ("messages",))) is None:
        return None
    sizes = {id(e): len(repr(e.member("messages"))) for e in answers}
    half = max(sizes.values(), default=0) / 2
    little = tuple(e for e in answers if sizes[id(e)] < half)
    much = tuple(e for e in answers if sizes[id(e)] >= half)
    return Rounds(little, much) if len(little) >= LEAST_SHORT and len(much) >= LEAST_LONG else None


def _whole_but_for(exchange: Exchange, names: Sequence[str]) -> list[Exchange] | None:
    """The answers of a trial that came whole, where its requests differ in these members alone."""
    trial = (exchange, *exchange.group)
    if not exchange.group or len(trial) <= LEAST_LONG or len({_without(e, names) for e in trial}) != 1:
        return None
    return [e for e in trial if is_whole(e)]


def is_whole(exchange: Exchange) -> bool:
    """A stream of chat that was read to its end, and when its pieces came is known."""
    timed = exchange.protocol == "chat" and brings_stream(exchange) and exchange.ending is Ending.EOF
    return timed and exchange.ended_at is not None and first_piece(exchange) is not None


def limit_of(exchange: Exchange) -> int:
    """Tokens that the request allows, 0 where it does not say."""
    found = (exchange.member(name) for name in LIMITS)
    return next((limit for limit in found if isinstance(limit, int) and limit > 0), 0)


def pieces(exchange: Exchange) -> list[float]:
    """When each chunk came that brings something of the answer, in order."""
    return list(_piece_times(exchange))


def first_piece(exchange: Exchange) -> float | None:
    """When the first of them came, None where none did or nobody knows."""
    return next(_piece_times(exchange), None)


def head_at(exchange: Exchange) -> float | None:
    """When the response head came."""
    return exchange.head_at


def first_message(exchange: Exchange) -> float | None:
    """When the first message came, whatever is in it."""
    return exchange.steps[0].event.at if exchange.steps else None


def last_message(exchange: Exchange) -> float:
    """When the last message came: all is made by then."""
    at = exchange.steps[-1].event.at if exchange.steps else None
    return at or 0.0


def tokens_of(exchange: Exchange) -> int:
    """The tokens of an answer, as its usage counts them; the pieces that came where it does not."""
    for step in reversed(exchange.steps):
        usage = step.chunk.get("usage") if step.chunk is not None else None
        counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
        if isinstance(counted, int) and not isinstance(counted, bool) and 0 < counted <= MOST_TOKENS:
            return counted
    return len(pieces(exchange))


def late_at(exchange: Exchange, *times: float | None) -> float:
    """How late our client was, at worst, when it read what came at these times."""
    late = dict(exchange.late)
    return max((late.get(at, 0.0) for at in times if at is not None), default=0.0)


def _piece_times(exchange: Exchange) -> Iterator[float]:
    for step in exchange.steps:
        if (step.kind is Kind.DELTA or step.kind is Kind.FINISH) and step.chunk is not None and _says(step.chunk):
            if step.event.at is None:
                return
            yield step.event.at


def _says(chunk: dict[str, Any]) -> bool:
    said = [{**(choice.get("delta") or {}), "text": choice.get("text")} for choice in chunk["choices"]]
    return any(part.get(name) for part in said for name in SPOKEN)


def _without(exchange: Exchange, names: Iterable[str]) -> str:
    """The body of a request but for some members."""
    body = exchange.request.body
    return repr(sorted((k, v) for k, v in body.items() if k not in names)) if isinstance(body, dict) else repr(body)


def content_waits(rounds: Rounds) -> Waiting | str:
    """Whether the first piece of an answer waits for its end; or why that cannot be told."""
    ends = _longer(rounds)
    if ends <= 0:
        return "times scatter too much to tell: long answers were over no later than short ones"
    if ends < RESOLUTION:
        return (
            f"the target is too fast to tell: a long answer takes {said(ends)} more than a short one, and "
            f"it takes {said(RESOLUTION)} to see a difference from here"
        )
    little = [e for e in rounds.little if late_at(e, first_piece(e)) <= ends / 4]
    much = [e for e in rounds.much if late_at(e, first_piece(e), last_message(e)) <= ends / 4]
    if len(little) < LEAST_SHORT or len(much) < LEAST_LONG:
        return BUSY
    waiting = waits(_times(first_piece, little), _times(first_piece, much), ends)
    return waiting if waiting.sure or waiting.sure_not else f"times scatter too much to tell ({waiting.odds})"


def head_waits(rounds: Rounds) -> Waiting | str:
    """Whether the response head waits for the first event; or why that cannot be told."""
    return _waits_for_prompt(rounds, head_at, HEAD_SHARE)


def event_waits(rounds: Rounds) -> Waiting | str:
    """Whether the first event waits until the prompt is read; or why that cannot be told."""
    return _waits_for_prompt(rounds, first_message, EVENT_SHARE)


def _waits_for_prompt(rounds: Rounds, when: Callable[[Exchange], float | None], share: float) -> Waiting | str:
    """Whether something waits for the prompt to be read, as content does; or why that cannot be told."""
    reading = _reading(rounds)
    if reading < RESOLUTION:
        return (
            f"the target reads its prompts too fast to tell: a long one takes {said(max(reading, 0.0))} more than a "
            f"short one, and it takes {said(RESOLUTION)} to see a difference from here"
        )
    little, much = (
        [e for e in side if late_at(e, when(e), first_piece(e)) <= reading / 8] for side in (rounds.little, rounds.much)
    )
    if len(little) < LEAST_SHORT or len(much) < LEAST_LONG:
        return BUSY
    waiting = waits(_times(when, little), _times(when, much), reading, share)
    return waiting if waiting.sure or waiting.sure_not else f"times scatter too much to tell ({waiting.odds})"


def _reading(rounds: Rounds) -> float:
    """Seconds that a long prompt takes to be read."""
    return median(_times(first_piece, rounds.much)) - median(_times(first_piece, rounds.little))


def _times(when: Callable[[Exchange], float | None], exchanges: Sequence[Exchange]) -> list[float]:
    return [at for e in exchanges if (at := when(e)) is not None]


def _longer(rounds: Rounds) -> float:
    """Seconds that a long answer takes more than a short one."""
    return median([_over(e) for e in rounds.much]) - median([_over(e) for e in rounds.little])


def _over(exchange: Exchange) -> float:
    """When the last message was there at the earliest."""
    return last_message(exchange) - late_at(exchange, last_message(exchange))


@dataclass(frozen=True, slots=True)
class Burst:
    """Pieces of an answer that came together: the numbers of the first and the last, from 1, and when."""

    first: int
    last: int
    at: float
    late: bool
    """Our client was late, so that they may not have come together."""

    @property
    def size(self) -> int:
        """How many."""
        return self.last - self.first + 1


def bursts(exchange: Exchange) -> list[Burst]:
    """The pieces of an answer, put together where they came together."""
    times = pieces(exchange)
    if len(times) < 2:
        return []
    close = TOGETHER * (times[-1] - times[0]) / (len(times) - 1)
    late = dict(exchange.late)
    starts = [0, *(n for n in range(1, len(times)) if times[n] - times[n - 1] > close), len(times)]
    return [Burst(a + 1, b, times[a], any(late.get(at, 0.0) > close for at in times[a:b])) for a, b in pairwise(starts)]


def comes_in_bursts(exchange: Exchange) -> bool:
    """At least three bursts, far enough from each other, and most pieces came in the company of others."""
    found = bursts(exchange)
    true = [burst for burst in found if not burst.late]
    alone = sum(1 for burst in true if burst.size == 1)
    joined = sum(burst.size for burst in true if burst.size > 1)
    gaps = [b.at - a.at for a, b in pairwise(found) if not (a.late or b.late)]
    return len(true) >= 3 and joined > 2 * alone and median(gaps) >= BURST


def ends_of_a_burst(exchange: Exchange) -> tuple[int, int] | None:
    """The numbers of the first and the last piece of the largest burst that has others before and behind it."""
    inner = [burst for burst in bursts(exchange)[1:-1] if burst.size > 1 and not burst.late]
    largest = max(inner, key=lambda burst: burst.size, default=None)
    return (largest.first, largest.last) if largest else None


def are_bursty(rounds: Rounds) -> bool:
    """Most long answers come in bursts."""
    return 2 * sum(comes_in_bursts(exchange) for exchange in rounds.much) > len(rounds.much)


def more_rounds_would_tell(exchanges: Sequence[Exchange]) -> bool:
    """Whether these leave open whether content waits, and more of the same might decide it."""
    rounds = _so_far(exchanges)
    return rounds is not None and _longer(rounds) >= RESOLUTION and isinstance(content_waits(rounds), str)


def more_short_ones_would_tell(exchanges: Sequence[Exchange]) -> bool:
    """Whether these come in bursts and leave open whether they are made so."""
    rounds = _so_far(exchanges)
    return rounds is not None and are_bursty(rounds) and isinstance(are_made_apart(rounds), str)


def more_prompts_would_tell(exchanges: Sequence[Exchange]) -> bool:
    """Whether these leave open what waits for the prompt, and more of the same might decide it."""
    rounds = by_prompt(replace(exchanges[-1], group=tuple(exchanges[:-1]))) if exchanges else None
    if rounds is None or _reading(rounds) < RESOLUTION:
        return False
    return isinstance(head_waits(rounds), str) or isinstance(event_waits(rounds), str)


def _so_far(exchanges: Sequence[Exchange]) -> Rounds | None:
    return by_length(replace(exchanges[-1], group=tuple(exchanges[:-1]))) if exchanges else None


def are_made_apart(rounds: Rounds) -> Waiting | str:
    """Whether the tokens of one burst are made one after the other; or why that cannot be told.

    An answer that is limited to the last token of a burst is over later than one limited to the first, by the time
    that it takes to make those between; where a model makes them in one step, both are over at the same time. Answers
    that were made next to each other are compared, since the pace of a busy target changes.
    """
    limits = sorted({limit_of(e) for e in rounds.little})[-2:]
    if len(limits) < 2:
        return "the long answers come in bursts, and no short ones tell whether their tokens are made so"
    first, last = ([e for e in rounds.little if limit_of(e) == limit] for limit in limits)
    took: list[float] = []
    apart: list[float] = []
    for one, other in zip(first, last, strict=False):
        between = (last_message(other) - (first_message(one) or 0.0)) * (1 - limits[0] / limits[1])
        if late_at(one, last_message(one)) <= between / 4 and late_at(other, last_message(other)) <= between / 4:
            took.append(last_message(other) - last_message(one))
            apart.append(between)
    if len(took) < LEAST_SHORT:
        return BUSY
    half = [one - other / 2 for one, other in zip(took, apart, strict=True)]
    share = median(took) / median(apart) if median(apart) > 0 else 0.0
    waiting = Waiting(share, by_chance_in_pairs(half), by_chance_in_pairs([-value for value in half]))
    if not (waiting.sure or waiting.sure_not):
        return f"whether its tokens are made in bursts or only come so cannot be told ({waiting.odds})"
    return waiting


def said(seconds: float) -> str:
    """A time as a finding has it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.2f} s"
