"""Ways to break the tool calls of a good stream: changes of their fragments. Knows no rule.

A fragment that a change empties is left out, and so is a chunk without any left.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from conformance.rules.mutate import Chunk, Mutant, on_chunks

Fragment = dict[str, Any]
Calls = list[list[Fragment]]
"""The fragments of each call, in order."""


def fragments_of(chunk: Chunk) -> list[Fragment]:
    """The fragments of tool calls in a chunk."""
    return [fragment for choice in chunk["choices"] for fragment in choice["delta"].get("tool_calls") or []]


def calls_of(chunks: list[Chunk]) -> Calls:
    """The fragments of each call, the calls in the order in which they begin."""
    calls: dict[tuple[int, Any], list[Fragment]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for fragment in choice["delta"].get("tool_calls") or []:
                calls.setdefault((choice["index"], fragment.get("index")), []).append(fragment)
    return list(calls.values())


def on_calls(change: Callable[[Calls], None]) -> Mutant:
    """Lift a change, made in place, of the fragments of all calls."""

    @wraps(change)
    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        if calls := calls_of(chunks):
            change(calls)
        return _without_empty(chunks)

    return on_chunks(change_all)


def on_each_call(change: Callable[[list[Fragment]], None]) -> Mutant:
    """Lift a change, made in place, of the fragments of each call."""

    @wraps(change)
    def change_each(calls: Calls) -> None:
        for fragments in calls:
            change(fragments)

    return on_calls(change_each)


def on_arguments(change: Callable[[list[str]], list[str]]) -> Mutant:
    """Lift a change of the pieces of arguments of each call; the first fragment, which begins it, has none."""

    @wraps(change)
    def change_pieces(fragments: list[Fragment]) -> None:
        carriers = [f for f in fragments if f.get("function", {}).get("arguments")]
        pieces = change([f["function"]["arguments"] for f in carriers])
        for number, fragment in enumerate(carriers):
            if number < len(pieces):
                fragment["function"]["arguments"] = pieces[number]
            elif fragment.get("id"):
                fragment["function"]["arguments"] = ""
            else:
                fragment.clear()
        if carriers and len(pieces) > len(carriers):
            carriers[-1]["function"]["arguments"] += "".join(pieces[len(carriers) :])

    return on_each_call(change_pieces)


def halves(text: str) -> list[str]:
    """A text in two pieces."""
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def let_call(fragments: list[Fragment], name: str, arguments: str) -> None:
    """Let a call be one of another function."""
    for fragment in fragments[3:]:
        fragment.clear()
    if len(fragments) > 2:
        fragments[0]["function"]["name"] = name
        for fragment, piece in zip(fragments[1:3], halves(arguments), strict=True):
            fragment["function"]["arguments"] = piece


def without_calls(chunks: list[Chunk]) -> list[Chunk]:
    """The stream as if nothing had been called."""
    for chunk in chunks:
        for fragment in fragments_of(chunk):
            fragment.clear()
    return _without_empty(chunks)


def with_call(chunks: list[Chunk], index: int, name: str, arguments: str) -> list[Chunk]:
    """Let choice 0 call a function, before it finishes."""
    at = next((i for i, c in enumerate(chunks) if c["choices"] and c["choices"][0].get("finish_reason")), None)
    if at is None:
        return chunks
    first = {"index": index, "id": f"call_made_up_{index}", "type": "function"}
    fragments = [{**first, "function": {"name": name, "arguments": ""}}]
    fragments += [{"index": index, "function": {"arguments": piece}} for piece in halves(arguments)]
    choice = {**chunks[at]["choices"][0], "finish_reason": None}
    made = [{**chunks[at], "choices": [{**choice, "delta": {"tool_calls": [f]}}]} for f in fragments]
    return [*chunks[:at], *made, *chunks[at:]]


def _without_empty(chunks: list[Chunk]) -> list[Chunk]:
    kept = []
    for chunk in chunks:
        emptied = False
        for choice in chunk["choices"]:
            fragments = choice["delta"].get("tool_calls")
            if fragments and not all(fragments):
                choice["delta"]["tool_calls"] = [fragment for fragment in fragments if fragment]
                if not choice["delta"]["tool_calls"]:
                    del choice["delta"]["tool_calls"]
                    emptied = not choice["delta"] and not choice.get("finish_reason")
        if not emptied or len(chunk["choices"]) > 1:
            kept.append(chunk)
    return kept
