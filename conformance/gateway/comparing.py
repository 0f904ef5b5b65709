"""Both sides of one request, compared: the way in. Each aspect has a file of its own; nothing here raises on input."""

from collections.abc import Iterator

from .answers import refusal_changes, self_made_changes
from .change import Change
from .delays import delay_changes
from .heads import head_changes
from .pair import Pair
from .requests import request_changes
from .shapes import shape_changes
from .streams import stream_changes


def compare(pair: Pair) -> list[Change]:
    """Everything that the gateway changed in this situation, most telling first."""
    changes = list(dict.fromkeys(_changes(pair)))
    return sorted(changes, key=lambda change: not change.sort.red)


def _changes(pair: Pair) -> Iterator[Change]:
    if not pair.forwarded:
        yield from self_made_changes(pair)
        return
    yield from request_changes(pair)
    if pair.upstream.streamed:
        yield from stream_changes(pair)
        yield from shape_changes(pair)
        yield from delay_changes(pair)
    else:
        yield from refusal_changes(pair)
    yield from head_changes(pair)
