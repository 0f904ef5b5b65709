"""More requests at once than a server works on: they wait, or are refused, and nothing breaks. Knows no error object.

A server may keep requests waiting, refuse them, or take no more connections. It may not promise and then fail.
"""

from collections.abc import Iterator

from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.finding import Finding, show
from conformance.rules.behaviour import Behaviour, Overflow
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import OPENAPI, SUITE, Source, issue

from .concurrency_needs import AGAIN, BURSTS, TOO_MANY, crowd_of, is_refused, name_of, not_accepted
from .concurrency_wholeness import lacks

RFC6585 = Source(
    "http", "RFC 6585, Additional HTTP Status Codes", "https://www.rfc-editor.org/rfc/rfc6585", "section 4"
)
CAPACITY = 4
"""Of the servers that break these rules: fewer than come in a burst, and no fewer than come in any other trial."""
STARVED = 1.0
"""Seconds; who waits no longer is not starved, whatever the order."""
SLACK = 0.05
"""Seconds; closing a connection and making the next one take some."""


def _counted(found: list[tuple[Exchange, str]], exchange: Exchange, wanted: str) -> Iterator[Finding]:
    """One finding for what goes wrong with many requests alike."""
    if found:
        (first, got), more = found[0], len(found) - 1
        others = f" (and {more} more of {len(crowd_of(exchange))} requests)" if more else ""
        yield exchange.finding(f"{wanted} in {name_of(first)}", got + others)


@rule(
    id="chat/concurrency-burst/streams-whole",
    level=MUST,
    says="A stream that begins in a burst of requests comes whole.",
    source=(
        SUITE.at("who has too much to do says so before the stream begins"),
        issue("sgl-project/sglang#17321"),
    ),
    needs=BURSTS,
    broken_when=(Behaviour(name="surplus-breaks-off", capacity=CAPACITY, overflow=Overflow.CUT),),
    also_breaks=("http/connection/not-reset",),
)
def streams_whole(exchange: Exchange) -> Iterator[Finding]:
    came = [(other, lacks(other, exchange)) for other in crowd_of(exchange) if other.status == 200]
    yield from _counted([(other, lack) for other, lack in came if lack], exchange, "a whole stream")


@rule(
    id="chat/concurrency-burst/refused-as-too-many",
    level=MUST,
    says="What a burst of requests makes a server refuse has status 429 or 503.",
    source=(
        SUITE.at("a request that was good alone is good in a burst"),
        OPENAPI.at("TooManyRequests"),
        RFC6585,
    ),
    needs=BURSTS,
    broken_when=(Behaviour(name="surplus-fails", capacity=CAPACITY, overflow=Overflow.FAIL),),
)
def refused_as_too_many(exchange: Exchange) -> Iterator[Finding]:
    crowd = [other for other in crowd_of(exchange) if other.head is not None and other.status not in (200, *TOO_MANY)]
    failed = [(other, f"status {other.status}: {show(other.body)}") for other in crowd]
    yield from _counted(failed, exchange, "an answer, 429 or 503")


@rule(
    id="chat/concurrency-burst/answered",
    level=MUST,
    says="Every request of a burst is answered, though it be with a refusal.",
    source=(SUITE.at("within three times as long as all answers take one after another, and ten seconds"),),
    needs=BURSTS,
    broken_when=(Behaviour(name="surplus-hung-up-on", capacity=CAPACITY, overflow=Overflow.DROP),),
    also_breaks=("http/connection/head-arrives",),
)
def answered(exchange: Exchange) -> Iterator[Finding]:
    silent = [other for other in crowd_of(exchange) if other.head is None and not not_accepted(other)]
    yield from _counted([(other, lacks(other, exchange)) for other in silent], exchange, "an answer or a refusal")


@rule(
    id="chat/concurrency-burst/retry-after",
    level=SHOULD,
    says="Status 429 comes with Retry-After.",
    source=(
        OPENAPI.at("TooManyRequests.headers.Retry-After"),
        RFC6585,
    ),
    needs=BURSTS,
    broken_when=(Behaviour(name="surplus-refused-for-ever", capacity=CAPACITY, overflow=Overflow.BARE),),
)
def retry_after(exchange: Exchange) -> Iterator[Finding]:
    refused = [other for other in crowd_of(exchange) if other.status == 429 and other.head is not None]
    bare = [(other, "no such header") for other in refused if other.head and not other.head.get("retry-after")]
    yield from _counted(bare, exchange, "Retry-After")


@rule(
    id="chat/concurrency-burst/nobody-starves",
    level=SHOULD,
    says="No request of a burst waits a second or more while others are served twice.",
    source=(
        SUITE.at("each client asks a second time as soon as it has its answer"),
        issue("sgl-project/sglang#17321"),
    ),
    needs=BURSTS,
    broken_when=(Behaviour(name="newest-first", capacity=1, overflow=Overflow.NEWEST),),
)
def nobody_starves(exchange: Exchange) -> Iterator[Finding]:
    crowd = {other.probe: other for other in crowd_of(exchange)}
    pairs = [(first, crowd.get(name + AGAIN)) for name, first in crowd.items() if not name.endswith(AGAIN)]
    twice = [_at(one) + _at(two) for one, two in pairs if two is not None and _served(one) and _served(two)]
    for waiting, _ in pairs:
        began = _began(waiting)
        others = sum(at + SLACK < began for at in twice)
        if began > STARVED and others > 1 and not is_refused(waiting) and not not_accepted(waiting):
            got = f"nothing for {began:.1f} s, while {others} clients were served twice"
            yield exchange.finding(f"{name_of(waiting)} before others have a second answer", got)
            return


def _served(exchange: Exchange) -> bool:
    return exchange.status == 200 and exchange.ending is Ending.EOF and bool(exchange.steps)


def _at(exchange: Exchange) -> float:
    return exchange.ended_at or 0.0


def _began(exchange: Exchange) -> float:
    """When the first message came; without one, when the waiting was over."""
    return next((step.event.at for step in exchange.steps if step.event.at is not None), _at(exchange))


RULES = (
    streams_whole,
    refused_as_too_many,
    answered,
    retry_after,
    nobody_starves,
)
