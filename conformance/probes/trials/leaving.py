"""Trials of leaving: a client goes before the answer is over, and the server is watched. Knows no observer by name."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from conformance.probes import bodies
from conformance.probes.bench import CHAT, Bench, Tempo
from conformance.probes.connection import By
from conformance.probes.observer import Left
from conformance.probes.probe import Body
from conformance.probes.recorder import Leave, head_came
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.watch import Watch
from conformance.rules.chat.leaving_needs import AT_ONCE

from .leaving_after import AFTER, HUNDRED
from .received import tokens_of
from .trial import Cost, Part, Trial

PATIENCE = 5.0
"""Seconds that a server has to notice (requirement CAN-01 of the suite)."""
LOOK = 1.0
"""Seconds that watching a healthy server takes, roughly."""
UNSEEN = 2.0
"""Seconds of answers that nobody watches."""
SLOWER = 1.1
"""An answer is over for certain after so many times the seconds that it takes at the usual pace."""
MOST = 60.0
"""Seconds for which a server is waited for that goes on."""
EVENTS = 3
"""After so many of them we leave."""
SURE = 2.0
"""An answer has to go on for so many times as long as the server did after its client had left: paces change."""
TEXT = "/completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way of leaving: what is asked for, and when the client goes."""

    name: str
    says: str
    body: Callable[[Bench, str], Body]
    leave: Callable[[Bench, By], Leave]
    path: str = CHAT
    feature: str = ""
    wait: Callable[[Tempo], float] = lambda tempo: tempo.first + EVENTS * tempo.gap
    """Seconds until the client goes, estimated."""
    prompt_tokens: int = 50
    silent: bool = False
    """The answer is long in coming: it ends by so much later."""
    streamed: bool = True
    measured: bool = False
    """How long the answer lasts is not known from the long answer, so it is listened to by itself."""
    counted: bool = True
    """Each token comes as a piece of its own, so that one can count how many were made before the client left."""


def after_events(_: Bench, by: By) -> Leave:
    """In mid stream."""
    return Leave(messages=EVENTS, by=by)


def before_anything(bench: Bench, by: By) -> Leave:
    """The request is with the server; nothing has come back. Where the head comes at once: as soon as it is sent."""
    head = (bench.undisturbed.head_at if bench.undisturbed is not None else None) or bench.tempo.first
    return Leave(seconds=0.0 if head < 2 * AT_ONCE else AT_ONCE, by=by)


def after_head(bench: Bench, by: By) -> Leave:
    """The head has come and no event; where the head does not come early there is no such moment."""
    tempo = bench.tempo
    return Leave(when=head_came, seconds=min(10.0, 0.8 * tempo.silence or 0.5 * tempo.first), by=by)


def in_the_making(bench: Bench, by: By) -> Leave:
    """Tokens are being made, though none is sent."""
    return Leave(seconds=bench.tempo.first + max(0.3, 5 * bench.tempo.gap), by=by)


KINDS = (
    Kind(name="mid-stream", says="after three events", body=lambda bench, _: bodies.long(bench), leave=after_events),
    Kind(
        name="before-first",
        says="after a long prompt, before anything came back",
        body=bodies.after_a_long_prompt,
        leave=before_anything,
        wait=lambda tempo: 0.25 * tempo.silence,
        prompt_tokens=bodies.PROMPT_TOKENS,
        silent=True,
    ),
    Kind(
        name="after-head",
        says="after a long prompt, when the head came and no event",
        body=bodies.after_a_long_prompt,
        leave=after_head,
        wait=lambda tempo: 0.6 * tempo.silence,
        prompt_tokens=bodies.PROMPT_TOKENS,
        silent=True,
    ),
    Kind(
        name="tool-call",
        says="in the arguments of a tool call",
        body=lambda bench, _: bodies.tool_call(bench),
        leave=after_events,
        feature="tools",
        measured=True,
        counted=False,  # the name and the markup of a call are tokens that are never seen
    ),
    Kind(
        name="two-choices",
        says="after four events of a stream with n 2",
        body=lambda bench, _: bodies.choices(bench),
        leave=lambda _, by: Leave(messages=EVENTS + 1, by=by),  # the first may be Azure's, the next two are roles
        feature="choices",
    ),
    Kind(
        name="not-streamed",
        says="while an answer is made that is not streamed",
        body=lambda bench, _: bodies.not_streamed(bench),
        leave=in_the_making,
        wait=lambda tempo: tempo.first + max(0.3, 5 * tempo.gap),
        streamed=False,
        measured=True,  # without a stream some servers are several times as fast (transformers serve)
    ),
    Kind(
        name="completions",
        says="after three events of a text completion",
        body=lambda bench, _: bodies.completion(bench),
        leave=after_events,
        path=TEXT,
        feature="completions",
    ),
)
WAYS = {By.FIN: "closes the connection", By.RST: "tears the connection down"}


async def leave_and_watch(kind: Kind, by: By, bench: Bench) -> list[Exchange]:
    """Ask, leave, watch; where the observer needs several requests to see one, all of them are left."""
    name = f"leave-{kind.name}-{by.value}"
    alone = 1 if bench.observer is None else bench.observer.copies
    marks = [bench.mark() for _ in range(alone)]
    names = [name, *(f"{name}/{number}" for number in range(2, alone + 1))]
    leave = kind.leave(bench, by)
    if bench.observer is None:  # nobody will see whether it stops: let it be brief
        brief = bodies.some_seconds(bench.tempo, UNSEEN)
        bench = replace(bench, tempo=replace(bench.tempo, tokens=brief))
    beside = (bench.undisturbed,) if kind.silent and bench.undisturbed is not None else ()
    group = [*names[1:], *(exchange.probe for exchange in beside)]
    exchanges = await asyncio.gather(
        *(
            bench.ask(
                name,
                kind.body(bench, mark),
                path=kind.path,
                mark=mark,
                leave=leave,
                group=group if name == names[0] else (),
            )
            for name, mark in zip(names, marks, strict=True)
        )
    )
    at = bench.stage.clock()
    lead = replace(exchanges[0], group=(*exchanges[1:], *beside))
    if any(exchange.ending is not Ending.LEFT for exchange in exchanges):
        return [_over(lead), *exchanges[1:]]
    ends = at - (lead.ended_at or 0.0) + _lasts(kind, bench)
    left = Left(
        mark=marks[0],
        at=at,
        received=sum(map(tokens_of, exchanges)),
        ends=ends,
        patience=PATIENCE,
        streamed=kind.streamed,
        counted=kind.counted,
        silent=kind.silent,
    )
    if bench.observer is None:
        return [await bench.watch(lead, left), *exchanges[1:]]
    watch = await bench.observer.watch(left)
    if watch.stopped and not bench.observer.tells_apart:
        watch = await _made_sure(kind, bench, lead, watch)
    watched = bench.seen(lead, watch)
    if _in_the_way(bench) and not watch.stopped:
        tempo = bench.tempo
        ends = min(ends, at + tempo.lasts)
        later = ends - tempo.lasts + tempo.first + SLOWER * tempo.tokens * tempo.gap
        await bench.sleep(min(MOST, max(0.0, max(ends, later) - bench.stage.clock())))
    return [watched, *exchanges[1:]]


def _in_the_way(bench: Bench) -> bool:
    """A request that goes on keeps the next one waiting, or is taken for it."""
    return bench.slots > 0 or bench.observer is None or not bench.observer.tells_apart


def _lasts(kind: Kind, bench: Bench) -> float:
    """Seconds from the request to where the answer would end by itself, as far as that is known beforehand."""
    tempo = bench.tempo
    if kind.silent:
        return tempo.silence + tempo.lasts - tempo.first
    return math.inf if kind.measured else tempo.lasts


async def _made_sure(kind: Kind, bench: Bench, exchange: Exchange, watch: Watch) -> Watch:
    """The same where the answer lasts longer than the server was at work on it; if not, it need not have been stopped.

    Where that is not known the answer is asked for once more and listened to, for as long as it takes to know.
    """
    tempo = bench.tempo
    needed = (exchange.ended_at or 0.0) + SURE * (watch.by or 0.0)
    silence = tempo.silence - tempo.first if kind.silent else 0.0
    known = max(bench.lasts.get(kind.name, 0.0), 0.0 if kind.measured else tempo.heard + silence)
    if known < needed:
        body = kind.body(bench, bench.mark())
        listened = await bench.ask(f"lasts-{kind.name}", body, path=kind.path, leave=Leave(seconds=needed))
        known = needed if listened.ending is Ending.LEFT else listened.ended_at or 0.0
        bench.lasts[kind.name] = known
    if known >= needed:
        return watch
    how = f"{watch.how}; the same answer, listened to, was over after {known:.2g} s: ask for a longer one"
    return Watch(observer=watch.observer, how=how)


def _over(exchange: Exchange) -> Exchange:
    """An answer that could not be left. One that is none at all says so itself."""
    if exchange.status != 200 or exchange.ending is not Ending.EOF:
        return exchange
    how = (
        f"the answer was over after {exchange.ended_at or 0:.2g} s, before it could be left; "
        "give the target `long`: a request with a longer answer"
    )
    return replace(exchange, watch=Watch(observer="", how=how))


def _cost(kind: Kind, tempo: Tempo, slots: int) -> Cost:  # noqa: ARG001 - every cost is asked alike
    wait = kind.wait(tempo)
    made = round((wait - tempo.first) / tempo.gap) if tempo.gap > 0 and wait > tempo.first else EVENTS
    measure = wait + LOOK if kind.measured else 0.0
    return Cost(wait + LOOK + measure, kind.prompt_tokens + max(EVENTS, made), kind.prompt_tokens + tempo.tokens)


STOPS = tuple(
    Trial(
        name=f"leave-{kind.name}-{by.value}",
        says=f"the client {WAYS[by]} {kind.says}",
        part=Part.LEAVING,
        cost=partial(_cost, kind),
        perform=partial(leave_and_watch, kind, by),
        feature=kind.feature,
        apart=False,
    )
    for kind in KINDS
    for by in (By.FIN, By.RST)
)
LEAVING: tuple[Trial, ...] = (HUNDRED, *STOPS, *AFTER)
