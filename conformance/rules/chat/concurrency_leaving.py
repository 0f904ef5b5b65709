"""One of several clients leaves, or reads no more: the others notice nothing. Knows not whether the server stops."""

from collections.abc import Iterator

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding
from conformance.rules.behaviour import Behaviour
from conformance.rules.pace import late_at
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import SUITE, issue

from .concurrency_needs import ONE_LEFT, ONE_UNREAD, crowd_of, is_refused, name_of
from .concurrency_wholeness import lacks

HELD_UP = 2.5
"""Seconds of silence until the client leaves that does not read; it stays for six."""
SOON = 0.1
"""Seconds by which the one may be seen before the other."""


@rule(
    id="chat/concurrency-leaving/others-come-whole",
    level=MUST,
    says="When a client leaves, the streams of the others come whole.",
    source=(
        SUITE.at("one of several clients leaves after three messages, by FIN or by RST"),
        issue("sgl-project/sglang#17321"),
    ),
    needs=ONE_LEFT,
    broken_when=(
        Behaviour(name="neighbours-break-off", kills_neighbours=True),
        Behaviour(name="neighbours-break-off-at-a-reset", kills_neighbours=True, only_by="rst"),
    ),
    also_breaks=("http/connection/not-reset",),
)
def others_come_whole(exchange: Exchange) -> Iterator[Finding]:
    gone = next(other for other in crowd_of(exchange) if other.left_by)
    for other in crowd_of(exchange):
        if not other.left_by and not is_refused(other) and (lack := lacks(other, exchange)):
            wanted = f"a whole stream in {name_of(other)}, whoever else leaves"
            yield exchange.finding(wanted, f"{lack} ({name_of(gone)} left by {gone.left_by} after {_at(gone):.1f} s)")
            return


def _at(exchange: Exchange) -> float:
    return exchange.ended_at or 0.0


@rule(
    id="chat/concurrency-leaving/slow-reader-holds-nobody-up",
    level=SHOULD,
    says="A client that does not read holds up nobody else.",
    source=(SUITE.at("of two clients with long answers, one reads nothing for six seconds and leaves"),),
    needs=ONE_UNREAD,
    broken_when=(Behaviour(name="all-wait-for-the-slowest", stalls_on_slow=True),),
)
def slow_reader_holds_nobody_up(exchange: Exchange) -> Iterator[Finding]:
    idle, *others = crowd_of(exchange)
    for other in others:
        before, after = _around(other, max(0.0, _at(idle) - SOON))
        if not is_refused(other) and after - before - late_at(other, after) >= HELD_UP:
            got = (
                f"nothing from {before:.1f} s to {after:.1f} s; the client that does not read left at {_at(idle):.1f} s"
            )
            yield exchange.finding(f"{name_of(other)} while another client does not read", got)
            return


def _around(exchange: Exchange, moment: float) -> tuple[float, float]:
    """When something came last before a moment, and first after it, the same if nothing did; the end counts."""
    times = [0.0, *(step.event.at for step in exchange.steps if step.event.at is not None), _at(exchange)]
    before = max(at for at in times if at <= moment)
    return before, min((at for at in times if at > moment), default=before)


RULES = (
    others_come_whole,
    slow_reader_holds_nobody_up,
)
