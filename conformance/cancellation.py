"""What a target does for clients that have left, all of it together: the class it belongs to, and each situation.

A watcher stops whether or not it writes, a write-detector when it next writes, and some never stop. One fast stream
cannot tell the first two apart: silence does. Pure; judges by no level, and renders nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from conformance.protocols.exchange import Exchange
from conformance.protocols.watch import Watch
from conformance.rules.chat.leaving_needs import LONG_ENOUGH, WAITED, Kind, kind_of, silence_left

WRITING = (Kind.MID_STREAM, Kind.TOOL_CALL, Kind.TWO_CHOICES, Kind.COMPLETIONS)
"""Situations in which the server was writing."""
EARLY = 0.6
"""Who stops within this part of a silence has not waited for its end."""


class Manner(Enum):
    """How a server, or a gateway, notices that its client has left: the class it belongs to."""

    WATCHER = "watcher"
    """It watches the client, whether or not it writes."""
    WRITE_DETECTOR = "write-detector"
    """It notices when it next writes to the client; in silence, not."""
    NEVER = "never"
    """It works to the end for nobody, or has its upstream do so."""
    UNKNOWN = "unknown"
    """What was seen does not tell."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One client that left, and what was seen since."""

    probe: str
    kind: str
    """Where it left: "mid stream", or "half-close at once"."""
    by: str
    """"fin", "rst" or "half-close"."""
    watch: Watch
    silence: float | None = None
    """Seconds for which the server would have written nothing, where that is known."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What is said of a target's cancellation."""

    manner: Manner
    why: str
    sure: float
    """Chance that the class is right, by the observers' own tests; 0 where it is unknown."""
    situations: tuple[Situation, ...]


def of(exchanges: Sequence[Exchange]) -> Cancellation | None:
    """What these exchanges show; None where no client left."""
    situations = tuple(found for exchange in exchanges if (found := _situation(exchange)) is not None)
    if not situations:
        return None
    manner, why, deciding = _manner([each for each in situations if each.by != "half-close"])
    return Cancellation(manner, why, min((each.watch.sure for each in deciding), default=0.0), situations)


def _situation(exchange: Exchange) -> Situation | None:
    watch = exchange.watch
    if watch is None:
        return None
    if exchange.left_by == "half-close":
        moment = "mid stream" if exchange.steps else "at once"
        return Situation(exchange.probe, f"half-close {moment}", exchange.left_by, watch)
    kind = kind_of(exchange)
    if kind is None:
        return None
    return Situation(exchange.probe, kind.value, exchange.left_by, watch, silence_left(exchange))


def _manner(situations: Sequence[Situation]) -> tuple[Manner, str, Sequence[Situation]]:
    """The class, why, and the situations that decide it."""
    seen = [each for each in situations if each.watch.stopped is not None]
    if not seen:
        how = next((each.watch.how for each in situations), "no client left")
        return Manner.UNKNOWN, how, ()
    writing = [each for each in seen if each.kind in {kind.value for kind in WRITING}]
    on = [each for each in seen if _went_on(each)]
    if on:
        return Manner.NEVER, f"it goes on when a client leaves {_told(on)}", on
    if not writing:
        return Manner.UNKNOWN, "no stream was left while the server was writing", ()
    silent = [each for each in seen if each.silence is not None and each.silence >= LONG_ENOUGH]
    late = [each for each in silent if _waited(each)]
    if late:
        why = f"it stops when it writes, and not in silence: {_told(late)}"
        return Manner.WRITE_DETECTOR, why, [*writing, *late]
    if silent and all(_noticed(each) for each in silent):
        return Manner.WATCHER, f"it stops while it writes and in silence: {_told(silent)}", [*writing, *silent]
    whole = [each for each in seen if each.kind == Kind.NOT_STREAMED.value]
    if whole and all(each.watch.stopped for each in whole):
        return Manner.WATCHER, "it stops while it writes, and when an answer is not streamed", [*writing, *whole]
    if whole:
        return (
            Manner.WRITE_DETECTOR,
            "it stops when it writes, and not when an answer is not streamed",
            [*writing, *whole],
        )
    why = "it stops while it writes; no silence was long enough to tell whether it also watches"
    return Manner.UNKNOWN, why, ()


def _went_on(each: Situation) -> bool:
    """The server was still at work on a stream when patience had ended, and any silence too."""
    watch, streamed = each.watch, each.kind != Kind.NOT_STREAMED.value
    return streamed and not watch.stopped and (each.silence is None or watch.by is None or watch.by > each.silence)


def _waited(each: Situation) -> bool:
    """The server was at work for nearly all of the silence, or for longer than we looked."""
    watch, silence = each.watch, each.silence or 0.0
    return watch.since >= WAITED * silence


def _noticed(each: Situation) -> bool:
    """It had stopped when much of the silence was still to come."""
    watch, silence = each.watch, each.silence or 0.0
    return bool(watch.stopped) and watch.by is not None and watch.by <= EARLY * silence


def _told(situations: Sequence[Situation]) -> str:
    return ", ".join(dict.fromkeys(f"{each.kind} by {each.by.upper()}" for each in situations))
