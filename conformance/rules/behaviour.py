"""How a server carries itself beyond what it says in one answer: the faults that no single answer can show.

A mutant breaks an answer; a behaviour breaks a server. It stands beside the rule it breaks, like a mutant, and the
mock server lives by it. Knows no socket and no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from conformance.protocols.exchange import Request


class Stops(Enum):
    """When a server ends the work for a client that has left."""

    AT_ONCE = "at once"
    AT_NEXT_WRITE = "when it next writes to the client"
    LATE = "some seconds later"
    NEVER = "never"


class Moment(Enum):
    """How far an answer was when its client left."""

    NO_HEAD = "before the response head"
    HEAD = "after the head, before the first event"
    EVENTS = "after an event"


class Overflow(Enum):
    """What becomes of a request beyond the capacity."""

    QUEUE = "it waits"
    REFUSE = "429 with Retry-After"
    BARE = "429 without Retry-After"
    CUT = "its stream is broken off after the first event"
    DROP = "its connection is closed without an answer"
    FAIL = "500 with an error object"
    NEWEST = "it waits, and whoever came last is served first"


class Delivery(Enum):
    """How events get from the one who makes them to the connection."""

    EACH = "each event as soon as it is made"
    BURSTS = "what was made in `seconds`, together"
    WHOLE = "all at once, at the end"
    HEAD_HELD = "the head goes out with the first event"
    FIRST_AT_ONCE = "the first event goes out with the head, before anything is made"


def any_request(_: Request) -> bool:
    """Whatever was asked."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One fault of a server. Everything not said here is as it ought to be."""

    name: str
    """What it is called behind the rule's id, "goes-on-for-ever"."""
    stops: Stops = Stops.AT_ONCE
    when: Callable[[Request], bool] = any_request
    """Which requests it concerns."""
    moments: frozenset[Moment] = frozenset(Moment)
    """Leaving at which moments it concerns."""
    only_by: str = ""
    """Concerns clients that leave by "fin" or "rst" alone; "" for both."""
    delivery: Delivery = Delivery.EACH
    seconds: float = 0.0
    """Of Stops.LATE and Delivery.BURSTS."""
    leaks: bool = False
    """A request whose client left is counted as running for ever, though nothing is made for it."""
    kills_neighbours: bool = False
    """When one client leaves, the streams of the others break off."""
    mixes: bool = False
    """Two streams at the same time swap the text of some of their events; all else of an event stays where it is."""
    mixes_events: bool = False
    """Two streams at the same time swap some of their events, ids and all."""
    shares_ids: bool = False
    """Streams at the same time have the same id."""
    residue: bool = False
    """The next stream goes on where the one whose client left had come to."""
    dies_after: int = 0
    """After so many clients have left nothing is answered any more; 0: never."""
    stalls_on_slow: bool = False
    """A client that does not read makes all others wait."""
    capacity: int = 0
    """Requests that are worked on at the same time; 0: as the server is set up."""
    overflow: Overflow = Overflow.QUEUE
