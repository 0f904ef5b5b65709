"""When a client's leaving reached the upstream: what was measured, and which class of gateway that shows. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from conformance.cancellation import Manner
from conformance.probes.connection import By

from .situations.leaving import Leaving


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """One leaving."""

    leaving: Leaving
    by: By
    deadline: float
    reached: bool
    """The request had reached the upstream before the client left."""
    seen: float | None
    """Seconds from the client's close to the upstream's seeing it; None: not before the deadline."""
    seen_as: str = ""
    """"fin" or "rst"."""
    sent_after: int = 0
    """Events that the upstream sent after the close, until it saw it or the deadline came."""
    received: int = 0
    """Events that had come to the client."""
    problem: str = ""
    """Why nothing can be said: the answer was over before the client could leave."""

    @property
    def red(self) -> bool:
        """The upstream was not told in time, or it could not be seen whether it was."""
        return self.seen is None or bool(self.problem)

    @property
    def says(self) -> str:
        """What was measured, in a few words."""
        if self.problem:
            return self.problem
        if not self.reached:
            return "not forwarded"
        more = f", {self.sent_after} sent" if self.sent_after else ""
        return f"not within {self.deadline:g} s{more}" if self.seen is None else f"{self.seen * 1000:.1f} ms{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """The class of a gateway for one way of leaving."""

    by: By
    named: Manner
    why: str
    except_for: tuple[str, ...] = ()
    """Situations in which it does otherwise."""


def conclude(by: By, lefts: Sequence[Left]) -> Conclusion:
    """What these leavings, all by the same way, show.

    Silence tells: an upstream that sends nothing gives a gateway nothing to write, so one that passes the leaving on
    all the same watches its client. A fast stream alone cannot tell a watcher from a write-detector.
    """
    usable = {left.leaving.name: left for left in lefts if left.reached and not left.problem}
    silent, streams = usable.get("silent"), [usable[name] for name in ("slow", "fast") if name in usable]
    if silent is None or not streams:
        return Conclusion(by=by, named=Manner.UNKNOWN, why="it takes silence, and a stream beside it, to tell")
    seen = [left for left in streams if left.seen is not None]
    if silent.seen is not None:
        named, why = Manner.WATCHER, f"in silence after {silent.seen * 1000:.1f} ms"
    elif seen:
        late = ", ".join(f"{left.leaving.says}: {left.says}" for left in seen)
        named, why = Manner.WRITE_DETECTOR, f"in silence not within {silent.deadline:g} s; {late}"
    else:
        sent = max(left.sent_after for left in streams)
        named, why = Manner.NEVER, f"not within {silent.deadline:g} s, and {sent} more tokens were made for nobody"
    return Conclusion(by=by, named=named, why=why, except_for=_exceptions(named, usable.values()))


def _exceptions(named: Manner, lefts: Iterable[Left]) -> tuple[str, ...]:
    exceptions: list[str] = []
    for left in lefts:
        waits = not left.leaving.events
        if (named is Manner.WATCHER and left.seen is None) or (
            named is not Manner.WATCHER and waits and left.seen is not None
        ):
            exceptions.append(f"{left.leaving.says}: {left.says}")
    return tuple(exceptions)


def overall(conclusions: Sequence[Conclusion]) -> Manner:
    """The worst of the classes."""
    order = (Manner.NEVER, Manner.WRITE_DETECTOR, Manner.UNKNOWN, Manner.WATCHER)
    return min((each.named for each in conclusions), key=order.index, default=Manner.UNKNOWN)
