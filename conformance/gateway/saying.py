"""How a change is made: its sort looked up, both sides made short and safe to print."""

from conformance.protocols.finding import shorten

from .change import SORTS, Change
from .pair import Pair

LONGEST = 240


def change(pair: Pair, sort: str, upstream: str, client: str) -> Change:
    """A change in the situation of this pair."""
    return Change(
        sort=SORTS[sort],
        situation=pair.situation.name,
        upstream=shorten(upstream, LONGEST),
        client=shorten(client, LONGEST),
    )
