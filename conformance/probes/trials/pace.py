"""Trials of the target's pace: whether things come as they are made. Knows no rule's verdict.

The same request is sent with a low and with a high limit of tokens, in turn. What the short answers show of when a
token is there to be sent, the long ones are measured by. The first exchange of a trial is the last one made.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from conformance.probes.bench import Bench, Tempo
from conformance.probes.bodies import FILLER, WORDS
from conformance.probes.probe import Body
from conformance.probes.pulse import Pulse
from conformance.protocols.exchange import Exchange
from conformance.rules.pace import (
    comes_in_bursts,
    ends_of_a_burst,
    is_whole,
    last_message,
    more_prompts_would_tell,
    more_rounds_would_tell,
    more_short_ones_would_tell,
)

from .trial import Cost, Part, Trial

ROUNDS = 5
"""One long answer and two short ones each: enough to be sure to one in a hundred; once more where that is left open."""
LASTS = 1.3
"""Seconds that a long answer is meant to take."""
LEAST, MOST = 16, 2000
"""Tokens of a long answer, at least and at most."""
SHORT = 4
"""Tokens of a short one."""
LONG_PROMPTS, SHORT_PROMPTS = 4, 6
READ = 1.2
"""Seconds that a long prompt is meant to take to be read."""
WORD = 4
"""Tokens of an answer of which only the beginning counts; the first few of a small model may be nothing to be seen."""
GZIP = (("accept-encoding", "gzip"),)

Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Series:
    """Exchanges of one trial, in the order they are made; all go on until one of them fails."""

    bench: Bench
    name: str
    headers: Headers = ()
    made: list[Exchange] = field(default_factory=list)
    good: bool = True

    async def ask(self, body: Body) -> Exchange | None:
        """One exchange more, unless one has failed."""
        if not self.good:
            return None
        exchange = await self.bench.ask(f"{self.name}/{len(self.made) + 2}", body, more=self.headers)
        self.made.append(exchange)
        self.good = is_whole(exchange)
        return exchange

    async def ask_each(self, bodies: Iterable[Body]) -> None:
        """One exchange more for each."""
        for body in bodies:
            await self.ask(body)

    async def lead(self, body: Body) -> list[Exchange]:
        """The exchange that the trial is named after, and the others as its group. Made also where one has failed."""
        names = [exchange.probe for exchange in self.made]
        exchange = await self.bench.ask(self.name, body, group=names, more=self.headers)
        return [replace(exchange, group=tuple(self.made)), *self.made]


async def _compressed(name: str, bench: Bench) -> list[Exchange]:
    """The same by a client that accepts gzip; a target that then does not compress is asked no more."""
    one = await bench.ask(name, _limited(bench, SHORT), more=GZIP)
    coding = one.head.get("content-encoding") if one.head else ""
    return [one] if coding in ("", "identity") else await _in_turn(name, bench, GZIP)


async def _in_turn(name: str, bench: Bench, headers: Headers = ()) -> list[Exchange]:
    """Short and long answers to one request, in turn."""
    async with Pulse(bench.stage.clock, bench.sleep) as bench.pulse:
        try:
            return await _short_and_long(_Series(bench, name, headers), bench)
        finally:
            bench.pulse = None


async def _short_and_long(series: _Series, bench: Bench) -> list[Exchange]:
    tokens = length(bench.tempo)
    first = await series.ask(_limited(bench, tokens))
    if first is not None and series.good and (better := _better(first, tokens, bench.tempo)) != tokens:
        tokens = better
        series.made.clear()
        await series.ask(_limited(bench, tokens))
    for _ in range(ROUNDS - 2):
        await series.ask_each(_limited(bench, limit) for limit in (*_short(series), tokens))
    await series.ask_each(_limited(bench, limit) for limit in 2 * _short(series))
    limits = _short(series)
    if series.good and more_rounds_would_tell(series.made):
        await series.ask_each(_limited(bench, limit) for limit in ROUNDS * (*limits, tokens))
    if series.good and more_short_ones_would_tell(series.made):
        await series.ask_each(_limited(bench, limit) for limit in 2 * ROUNDS * limits)
    return await series.lead(_limited(bench, tokens))


def _short(series: _Series) -> tuple[int, int]:
    """Tokens of two short answers: the first and the last of a burst, where a long answer came in bursts."""
    ends = (ends_of_a_burst(exchange) for exchange in series.made if comes_in_bursts(exchange))
    return next((found for found in ends if found), (SHORT, SHORT))


def length(tempo: Tempo) -> int:
    """Tokens of a long answer at this pace."""
    gap = max(tempo.gap, tempo.lasts / tempo.tokens if tempo.tokens > 0 else 0.0)
    return _bounded(LASTS / gap if gap > 0 else MOST / 5, tempo)


def _better(first: Exchange, tokens: int, tempo: Tempo) -> int:
    """Tokens that would take the time that is meant, where the first answer took far more or far less.

    Twice that time where it took more: the target may have been busy for a moment.
    """
    took = max(last_message(first) - tempo.first, 1e-6)
    if LASTS / 2 <= took <= 3 * LASTS:
        return tokens
    return _bounded(tokens * (LASTS if took < LASTS else 2 * LASTS) / took, tempo)


def _bounded(tokens: float, tempo: Tempo) -> int:
    return max(LEAST, min(round(min(tokens, MOST)), tempo.tokens or MOST))


def _limited(bench: Bench, tokens: int) -> Body:
    """The long request, its answer cut after so many tokens."""
    name = "max_completion_tokens" if "max_completion_tokens" in bench.long else "max_tokens"
    return {**bench.long, name: tokens}


async def _prompts(name: str, bench: Bench) -> list[Exchange]:
    """Short and long prompts, in turn, each answered in a word."""
    async with Pulse(bench.stage.clock, bench.sleep) as bench.pulse:
        try:
            series = _Series(bench, name)
            await _some_prompts(series, bench)
            if series.good and more_prompts_would_tell(series.made):
                await _some_prompts(series, bench)
            return await series.lead(_after(bench, _words(bench.tempo)))
        finally:
            bench.pulse = None


async def _some_prompts(series: _Series, bench: Bench) -> None:
    for number in range(SHORT_PROMPTS):
        await series.ask(_after(bench, 0))
        if number < LONG_PROMPTS:
            await series.ask(_after(bench, _words(bench.tempo)))


def _words(tempo: Tempo) -> int:
    """Words of a long prompt: as many as are read in the time that is meant, where that is known."""
    return round(WORDS * min(1.0, READ / tempo.silence)) if tempo.silence > 0 else WORDS


def _after(bench: Bench, words: int) -> Body:
    """A short answer after a prompt of so many words, the first of which no cache has seen."""
    text = f"Note {bench.mark()}: " + FILLER * (words // len(FILLER.split()))
    note = {"role": "user", "content": text}
    return {**_limited(bench, WORD), "messages": [note, *bench.long["messages"]]}


def _cost_of_rounds(tempo: Tempo, _: int) -> Cost:
    tokens = length(tempo)
    one = tempo.first + (tokens * tempo.gap or LASTS)
    seconds = ROUNDS * one + 2 * ROUNDS * (tempo.first + SHORT * tempo.gap)
    made = ROUNDS * tokens + 2 * ROUNDS * SHORT
    return Cost(seconds, made, made)


def _cost_of_gzip(tempo: Tempo, slots: int) -> Cost:
    """Of one short answer: most targets compress nothing, and are asked no more."""
    whole = _cost_of_rounds(tempo, slots)
    return Cost(tempo.first + SHORT * tempo.gap, SHORT, whole.tokens_at_worst)


def _cost_of_prompts(tempo: Tempo, _: int) -> Cost:
    made = WORD * (LONG_PROMPTS + 1 + SHORT_PROMPTS)
    return Cost((LONG_PROMPTS + 1) * min(tempo.silence, READ) + SHORT_PROMPTS * tempo.first, made, made)


def _trial(
    name: str,
    says: str,
    perform: Callable[[str, Bench], Awaitable[list[Exchange]]],
    cost: Callable[[Tempo, int], Cost],
) -> Trial:
    return Trial(name=name, says=says, part=Part.PACE, cost=cost, perform=partial(perform, name))


PACE: tuple[Trial, ...] = (
    _trial("pace", "the same request with a low and a high limit of tokens, in turn", _in_turn, _cost_of_rounds),
    _trial("pace-prompt", "short and long prompts, in turn, answered in a word", _prompts, _cost_of_prompts),
    _trial(
        "pace-gzip",
        "the same as pace, by a client that accepts gzip, where the target compresses",
        _compressed,
        _cost_of_gzip,
    ),
)
