"""When to look at a server whose client has left, and what a row of looks tells. Pure; knows no server and no clock.

Looks are few, and there is quiet before each: some servers notice that a client has left only where nobody asks
anything meanwhile (llama.cpp with /metrics every 0.2 s never ends a dropped request that is not streamed).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.probes.observer import Left
from conformance.protocols.watch import Watch

FIRST = 0.4
"""Seconds of quiet before the first look at a stream: servers that notice by writing have noticed."""
FIRST_WHOLE = 1.5
"""The same where the server writes nothing: what polls its connection does so once a second."""
QUIET = 1.2
"""Seconds between a look and the next one, at least."""
GROWTH = 1.4
"""Each pause is so much longer than the one before."""
TRUST = 0.9
"""The part of the estimated time to the natural end of an answer in which it is certain not to have ended."""
TOKENS = 3.0
"""Tokens that must have been due for their absence to mean anything."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says of the server's work."""

    running: float
    """Requests that it works on, or that wait."""
    produced: float | None
    """Tokens made since the server started; None where they are not counted."""
    what: str
    """What was read: "vllm:num_requests_running"."""
    shown: str
    """What it was, for people: "1"."""


@dataclass(frozen=True, slots=True)
class Look:
    """A reading after a client had left."""

    at: float
    """Seconds since it left."""
    running: float
    """Requests above those that ran before."""
    produced: float | None
    """As read; None where tokens are counted at the end of a request only."""
    shown: str
    """What was read, for people."""


def times(left: Left) -> tuple[float, ...]:
    """Seconds after leaving at which to look; the last is the end of patience."""
    at, pause = FIRST if left.streamed and not left.silent else FIRST_WHOLE, QUIET
    looks = []
    while at + QUIET <= left.patience:
        looks.append(at)
        at, pause = at + pause, pause * GROWTH
    return (*looks, left.patience)


def natural(left: Left) -> float:
    """Seconds after leaving until which the answer is certain to go on, if nobody stops it."""
    return max(0.0, left.ends - left.at) * TRUST


def conclude(looks: Sequence[Look], left: Left, rate: float, *, what: str = "", stale: bool = False) -> Watch:
    """What the looks tell; no observer is named yet. They end with the first that saw nothing at work.

    `rate` is the tokens a second that the server made while it was seen at work, 0 where they are not counted as they
    are made; `what` names the number that was read. `stale` says that it is brought up to date only during work.
    """
    if not looks:
        return Watch(observer="", how="nothing could be seen after the client had left")
    how = f"{what} " + ", ".join(f"{look.shown} after {look.at:.2f} s" for look in looks)
    last = looks[-1]
    produced = _grown(looks)
    if last.running <= 0:
        if last.at > natural(left):
            return Watch(observer="", how=f"{how}; by then the answer had ended by itself: ask for a longer one")
        since = looks[-2].at if len(looks) > 1 else 0.0
        return Watch(observer="", how=how, stopped=True, by=last.at, since=since, produced=produced, leaked=0.0)
    if (still := _still(looks, rate)) is not None:
        if not left.received:
            return Watch(observer="", how=f"{how}; it may still have been reading the prompt")
        if looks[still].at > natural(left):
            return Watch(observer="", how=f"{how}; by then the answer had ended by itself: ask for a longer one")
        since = looks[still - 1].at if still else 0.0
        how += f"; but no tokens were made for it after {looks[still].at:.2f} s"
        leaked = None if stale else last.running
        return Watch(
            observer="", how=how, stopped=True, by=looks[still].at, since=since, produced=produced, leaked=leaked
        )
    if stale and not produced:
        return Watch(observer="", how=f"{how}; but this server brings the number up to date only while it works")
    if last.at < left.patience:
        return Watch(observer="", how=f"{how}; what followed could not be seen")
    return Watch(observer="", how=how, stopped=False, by=last.at, since=last.at, produced=produced)


def _grown(looks: Sequence[Look]) -> float | None:
    """Tokens that were made between the first look and the last, None where that is not known."""
    first, last = looks[0].produced, looks[-1].produced
    if len(looks) == 1 or first is None or last is None:
        return None
    return max(0.0, last - first)


def _still(looks: Sequence[Look], rate: float) -> int | None:
    """The look since which no more tokens have been made, though two pauses and more were long enough for some."""
    last = looks[-1].produced
    if last is None or rate <= 0:
        return None
    first = next(i for i, look in enumerate(looks) if look.produced == last)
    waited = looks[-1].at - looks[first].at
    return first if len(looks) - first > 2 and waited * rate >= TOKENS else None
