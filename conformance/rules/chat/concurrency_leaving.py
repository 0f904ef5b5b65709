"""One of several clients leaves, or reads no more: the others notice nothing. Knows not whether the server stops."""

from collections.abc import Iterator

from conformance.protocols.exchange import Exchange
from conformance.protocols.finding import Finding
from conformance.rules.behaviour import Behaviour
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import SUITE, issue

from .concurrency_needs import ONE_LEFT, ONE_UNREAD, crowd_of, is_refused, name_of
from .concurrency_wholeness import lacks

HELD_UP = 2.5
"""Seconds of silence until the other client leaves; it reads nothing for three seconds at least."""
BEFORE = 0.5
"""Seconds before it leaves; a silence that ends sooner has another reason."""


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
    source=(SUITE.at("one of several clients reads nothing for three seconds and the time that the others take"),),
    needs=ONE_UNREAD,
    broken_when=(Behaviour(name="all-wait-for-the-slowest", stalls_on_slow=True),),
)
def slow_reader_holds_nobody_up(exchange: Exchange) -> Iterator[Finding]:
    idle = next(other for other in crowd_of(exchange) if other.left_by)
    for other in crowd_of(exchange):
        if other.left_by or is_refused(other):
            continue
        before, after = _around(other, _at(idle))
        if after - before >= HELD_UP and before <= _at(idle) - BEFORE:
            went_on = (
                f"went on after {after:.1f} s" if after < _at(other) or not lacks(other, exchange) else "never went on"
            )
            got = f"silence from {before:.1f} s; it {went_on}, the client that does not read left at {_at(idle):.1f} s"
            yield exchange.finding(f"{name_of(other)} while another client does not read", got)
            return


def _around(exchange: Exchange, moment: float) -> tuple[float, float]:
    """When something came last before a moment, and first after it; the end of the exchange counts."""
    times = [step.event.at for step in exchange.steps if step.event.at is not None]
    before = max((at for at in times if at <= moment), default=0.0)
    after = min((at for at in times if at > moment), default=max(_at(exchange), before))
    return (before, after) if after > moment else (after, after)


RULES = (
    others_come_whole,
    slow_reader_holds_nobody_up,
)
