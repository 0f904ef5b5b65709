"""The exchanges of trials with several requests at once: which is which, and what rules need of them. No rule is here.

The first exchange of such a trial is a stream that had the target to itself; the others, its group, came at the same
time. What they lack that it has, they lack because they were not alone.
"""

from collections.abc import Callable, Sequence

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.markers import marker_of, shown_by
from conformance.protocols.overlap import at_the_same_time
from conformance.protocols.viewing import view_of
from conformance.rules.determinism import undetermined
from conformance.rules.need import Need, asks_stream, brings_stream

from .concurrency_wholeness import lacks

SIDE_BY_SIDE = "side-by-side"
WITH_CHOICES = "side-by-side-choices"
BESIDE_DOCUMENTS = "beside-documents"
ONE_LEAVES = ("one-leaves", "one-leaves-by-reset")
ONE_DOES_NOT_READ = "one-does-not-read"
BURST = "burst"
ALONE = "/alone"
"""In the names of exchanges that were not beside others."""
AGAIN = "/again"
"""At the end of the names of those that were asked for a second time."""
AT_LEAST = 2
UNREAD = 3.0
"""Seconds before the client leaves that reads nothing: a stream that had text by then did not wait for its turn."""
TOO_MANY = (429, 503)
"""How a server says that it has too much to do."""


def crowd_of(exchange: Exchange) -> tuple[Exchange, ...]:
    """The exchanges of this trial that were there at the same time."""
    return tuple(other for other in exchange.group if ALONE not in other.probe)


def alone_in(exchange: Exchange) -> tuple[Exchange, ...]:
    """The exchanges of this trial that had the target to themselves."""
    return (exchange, *(other for other in exchange.group if ALONE in other.probe))


def is_refused(exchange: Exchange) -> bool:
    """The server had too much to do, and said so."""
    return exchange.status in TOO_MANY


def not_accepted(exchange: Exchange) -> bool:
    """There was no connection, so that nothing was sent."""
    return exchange.head is None and exchange.ending is Ending.RESET and not exchange.ended_at


def name_of(exchange: Exchange) -> str:
    """Which exchange of its trial this is, for a finding."""
    return f"{'stream' if asks_stream(exchange) else 'document'} {exchange.probe}"


def _makes(*trials: str) -> Callable[[Exchange], bool]:
    """Whether this is the first exchange of one of these trials, a stream, and two others came and were not refused."""

    def fits(exchange: Exchange) -> bool:
        came = [other for other in crowd_of(exchange) if not is_refused(other)]
        return exchange.probe in trials and brings_stream(exchange) and len(came) > 1

    return fits


def _refused(*trials: str) -> Callable[[Sequence[Exchange]], str]:
    """A target that takes one request at a time, and refuses others as it may."""

    def unless(exchanges: Sequence[Exchange]) -> str:
        crowd = [other for e in exchanges if e.probe in trials for other in crowd_of(e)]
        refused = [other for other in crowd if is_refused(other)]
        if not refused or len(crowd) - len(refused) > 1:
            return ""
        return f"the target refuses what comes beside another request (status {refused[0].status})"

    return unless


def _nothing_told(*trials: str) -> Callable[[Sequence[Exchange]], str]:
    """Nobody shows any of the words, and nothing else tells the answers apart."""

    def unless(exchanges: Sequence[Exchange]) -> str:
        leads = [e for e in exchanges if e.probe in trials and e.group]
        members = [other for lead in leads for other in (*alone_in(lead), *crowd_of(lead)) if other.status == 200]
        words = {marker_of(other) for other in members} - {""}
        texts = [shown_by(other) for other in members]
        if not members or any(word in text for text in texts for word in words):
            return _refused(*trials)(exchanges)
        if any(len(alone_in(lead)) > 1 for lead in leads):
            return undetermined(exchanges)
        return "the model does not repeat the word it is asked for, so that nothing tells its answers apart"

    return unless


SEVERAL = (SIDE_BY_SIDE, BESIDE_DOCUMENTS, *ONE_LEAVES, BURST)

MARKED = Need(
    name="requests at the same time whose answers can be told apart",
    fits=_makes(*SEVERAL),
    probes=SEVERAL,
    alone=False,
    unless=_nothing_told(*SEVERAL),
)
STREAMS_AT_ONCE = Need(
    name="streams side by side",
    fits=_makes(SIDE_BY_SIDE),
    probes=(SIDE_BY_SIDE,),
    alone=False,
    unless=_refused(SIDE_BY_SIDE),
)
EACH_ALONE_TOO = Need(
    name="streams side by side, and each of them alone",
    fits=lambda e: _makes(SIDE_BY_SIDE)(e) and len(alone_in(e)) > 1,
    probes=(SIDE_BY_SIDE,),
    alone=False,
    feature="deterministic",
    unless=undetermined,
)
CHOICES_AT_ONCE = Need(
    name="streams side by side, each with n 2, whose answers can be told apart",
    fits=_makes(WITH_CHOICES),
    probes=(WITH_CHOICES,),
    alone=False,
    feature="choices",
    unless=_nothing_told(WITH_CHOICES),
)
DOCUMENTS_AT_ONCE = Need(
    name="streams beside requests that are not streamed",
    fits=_makes(BESIDE_DOCUMENTS),
    probes=(BESIDE_DOCUMENTS,),
    alone=False,
    unless=_refused(BESIDE_DOCUMENTS),
)


def _one_leaves(exchange: Exchange) -> bool:
    """One of those that came at the same time left, and others did not."""
    ways = [bool(other.left_by) for other in crowd_of(exchange)]
    return exchange.probe in ONE_LEAVES and brings_stream(exchange) and any(ways) and not all(ways)


def _one_is_idle(exchange: Exchange) -> bool:
    """The first of those that came at the same time left."""
    ways = [bool(other.left_by) for other in crowd_of(exchange)]
    return exchange.probe == ONE_DOES_NOT_READ and brings_stream(exchange) and len(ways) > 1 and ways[0]


def _breaks_anyway(exchanges: Sequence[Exchange]) -> str:
    """Where streams break off beside others though nobody leaves, nothing can be said of leaving."""
    for exchange in exchanges:
        came = [other for other in crowd_of(exchange) if not is_refused(other)]
        if exchange.probe == SIDE_BY_SIDE and any(lacks(other, exchange) for other in came):
            return "streams break off beside others, whether or not a client leaves"
    return _refused(*ONE_LEAVES)(exchanges)


def _nobody_beside(exchanges: Sequence[Exchange]) -> str:
    """Where answers wait for each other anyway, nobody can tell what they wait for."""
    together = max((at_the_same_time(crowd_of(e)) for e in exchanges if e.probe == SIDE_BY_SIDE), default=0)
    if together >= AT_LEAST or any(_was_under_way(e) for e in exchanges if _one_is_idle(e)):
        return _refused(ONE_DOES_NOT_READ)(exchanges)
    return "the target gives one answer after another" if together else "nothing shows that streams run side by side"


def _was_under_way(exchange: Exchange) -> bool:
    """A stream brought text soon, though the one that nobody reads was not over."""
    idle, *others = crowd_of(exchange)
    texts = [text for other in others for choice in view_of(other).choices.values() for text in choice.texts]
    return any((step.event.at or 0.0) < (idle.ended_at or 0.0) - UNREAD for step, _ in texts)


ONE_LEFT = Need(
    name="streams at the same time, one of which is left",
    fits=_one_leaves,
    probes=(*ONE_LEAVES, SIDE_BY_SIDE),
    alone=False,
    unless=_breaks_anyway,
)
ONE_UNREAD = Need(
    name="streams at the same time, one of which is not read",
    fits=_one_is_idle,
    probes=(ONE_DOES_NOT_READ, SIDE_BY_SIDE),
    alone=False,
    unless=_nobody_beside,
)
BURSTS = Need(
    name="more requests at the same time than the target works on",
    fits=lambda e: e.probe == BURST and brings_stream(e) and bool(e.group),
    probes=(BURST,),
    alone=False,
)
