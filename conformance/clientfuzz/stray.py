"""What a client that is not strict may make of members in odd places: of calls that are none, of numbers and refusals.

Knows no verdict.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from conformance.protocols.exchange import Step

from .contract import Call


def stray_calls(steps: Sequence[Step]) -> Iterator[Call]:
    """One for each entry of `tool_calls` that is no fragment of a call, with what is there of it."""
    for delta in _deltas(steps):
        for entry in _list(_member(delta, "tool_calls")):
            if not is_fragment(entry):
                function, own = _member(entry, "function"), _member(entry, "id")
                name, arguments = _member(function, "name"), _member(function, "arguments")
                yield Call(
                    name if isinstance(name, str) else "",
                    "" if arguments is None else arguments,
                    own if isinstance(own, str) else "",
                )


def is_fragment(entry: Any) -> bool:
    """A piece of a call that is read in one way only."""
    if not isinstance(entry, dict) or type(entry.get("index")) is not int:
        return False
    function = entry.get("function")
    if function is None:
        return True
    return isinstance(function, dict) and isinstance(function.get("arguments", ""), str | None)


def odd_texts(steps: Sequence[Step]) -> Iterator[str]:
    """The text with numbers written out that stand for pieces of it, and with what stands as a refusal beside it."""
    pieces = [_member(delta, "content") for delta in _deltas(steps)]
    if any(_is_number(piece) for piece in pieces):
        yield "".join(json.dumps(piece) if _is_number(piece) else _text(piece) for piece in pieces)
    refused = [_text(_member(delta, "refusal")) for delta in _deltas(steps)]
    if any(refused):
        yield "".join(_text(piece) + refusal for piece, refusal in zip(pieces, refused, strict=True))


def _is_number(piece: Any) -> bool:
    return isinstance(piece, int | float) and not isinstance(piece, bool)


def _text(piece: Any) -> str:
    return piece if isinstance(piece, str) else ""


def _deltas(steps: Sequence[Step]) -> Iterator[Any]:
    """The deltas of the first choice, of chunks that can be used and of others."""
    for step in steps:
        for choice in _list(_member(step.chunk, "choices")):
            if _member(choice, "index") in (0, None):
                yield _member(choice, "delta")


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
