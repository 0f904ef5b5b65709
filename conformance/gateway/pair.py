"""One request, seen from both sides of a gateway: what the client sent and got, what the upstream got and sent.

Times are seconds since the client sent its request, on both sides. Compares nothing.
"""

from dataclasses import dataclass
from functools import cached_property

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from mockserver.upstream import Served

from .meaning import Meaning, meaning_of
from .situations.situation import Situation


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Both logs of one marked request, joined."""

    situation: Situation
    got: Exchange
    """What the client sent, and what it got."""
    started: float
    """When the client sent its request, on the clock of the upstream."""
    served: tuple[Served, ...]
    """What reached the upstream: none, one, or several where the gateway tried again."""

    @property
    def forwarded(self) -> bool:
        """Whether the request reached the upstream."""
        return bool(self.served)

    @property
    def asked(self) -> Request:
        """The request as the upstream got it, the last one where there were several."""
        return self.served[-1].request

    @cached_property
    def given(self) -> Exchange:
        """What the upstream sent, as a client beside it would have read it."""
        return given_of(self.served[-1], self.started)

    @cached_property
    def upstream(self) -> Meaning:
        """What the upstream said."""
        return meaning_of(self.given)

    @cached_property
    def client(self) -> Meaning:
        """What the client was told."""
        return meaning_of(self.got)


def given_of(served: Served, started: float) -> Exchange:
    """What the upstream sent, read as an exchange; and what it would have sent, had the gateway not left it before."""
    reader = ExchangeReader(served.request)
    for at, data in served.writes:
        reader.feed(data, max(0.0, at - started))
    for data in served.planned[len(served.writes) :]:
        reader.feed(data)
    last = served.writes[-1][0] if served.writes else served.at
    return reader.close(Ending.EOF, max(0.0, (served.ended_at or last) - started))
