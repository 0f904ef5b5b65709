"""How chunks and events are written, before and behind the gateway: members, comments, lines. Not what they say."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from conformance.protocols.finding import shorten, show

from .change import Change
from .pair import Pair
from .saying import change

MOST = 150
"""Chunks that are laid side by side."""
NEEDED = frozenset({"id", "object", "created", "model", "choices", "choices/*/index", "choices/*/delta"})
"""Members without which clients fail."""
SAID = ("content", "reasoning_content", "reasoning", "arguments", "finish_reason", "usage", "role", "refusal")
"""Members whose values are compared elsewhere."""
LISTED = 8
DEEPEST = 6
HOLDS = "{…}"
"""Stands for an object or a list."""

Chunk = dict[str, Any]


def shape_changes(pair: Pair) -> Iterator[Change]:
    """What became of the form."""
    u, c = pair.upstream, pair.client
    if not c.streamed:
        return
    yield from _members(pair)
    if added := [text for text in c.comments if text not in u.comments]:
        yield change(pair, "comments-added", "no such comment", f": {added[0]} ({len(added)} in all)")
    if not c.clean or (c.errors and not u.errors):
        return  # what is not there may have been to come
    if lost := [text for text in u.comments if text not in c.comments]:
        yield change(pair, "comments-lost", f": {lost[0]}", "no such comment")
    if lost_fields := sorted(u.fields - c.fields):
        yield change(pair, "fields-lost", ", ".join(lost_fields), "no such field")
    if (u.bom and not c.bom) or (not u.plain and c.plain and not lost_fields):
        yield change(pair, "lines-changed", pair.situation.says, "plain `data: ...` lines that end in LF")


def _members(pair: Pair) -> Iterator[Change]:
    u = [chunk for chunk, _ in pair.upstream.chunks[:MOST]]
    c = [chunk for chunk, _ in pair.client.chunks[:MOST]]
    ids = {show(chunk.get("id")) for chunk in c if chunk.get("choices")}
    if len(ids) > 1 and len({show(chunk.get("id")) for chunk in u if chunk.get("choices")}) == 1:
        yield change(pair, "id-varies", "one id", f"{len(ids)} ids: {', '.join(sorted(ids)[:3])}")
    matcher = SequenceMatcher(None, [_sayings(chunk) for chunk in u], [_sayings(chunk) for chunk in c], autojunk=False)
    differences = _Differences()
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for one, other in zip(u[i:j], c[k:m], strict=True):
                differences.take(one, other)
    yield from differences.changes(pair)
    matched = sum(size for _, _, size in matcher.get_matching_blocks())
    whole = len(u) < MOST and pair.client.clean and not pair.client.errors
    empties = sum(1 for chunk in u if not chunk.get("choices") and not chunk.get("usage"))
    if whole and empties > sum(1 for chunk in c if not chunk.get("choices") and not chunk.get("usage")):
        yield change(pair, "chunk-dropped", "a chunk with choices: []", "no such chunk")
    text = pair.upstream.of(0).text
    if whole and text and matched < len(u) // 2 and text == pair.client.of(0).text:
        yield change(pair, "chunks-merged", f"{len(u)} chunks", f"{len(c)} chunks, {matched} of them alike")


def _sayings(chunk: Chunk) -> str:
    """What a chunk says, so that the same chunk is known again however it is written."""
    choices = chunk.get("choices")
    said = []
    for entry in choices if isinstance(choices, list) else []:
        if isinstance(entry, dict):
            delta = entry.get("delta")
            delta = delta if isinstance(delta, dict) else {}
            calls = delta.get("tool_calls")
            functions = [call.get("function") for call in calls if isinstance(call, dict)] if calls else []
            said.append((entry.get("index"), delta.get("content") or "", functions, entry.get("finish_reason")))
    return repr(said or isinstance(chunk.get("usage"), dict))


class _Differences:
    """Differences of the members of chunks that say the same, put together by place."""

    def __init__(self) -> None:
        self._lost: dict[str, list[object]] = {}
        self._added: dict[str, list[object]] = {}
        self._changed: dict[str, list[tuple[object, object]]] = {}
        self._chunks = 0

    def take(self, u: Chunk, c: Chunk) -> None:
        """Two chunks that say the same."""
        self._chunks += 1
        one, other = dict(_places(u)), dict(_places(c))
        for place, value in one.items():
            if place not in other:
                if _is_outermost(place, other):
                    self._lost.setdefault(place, []).append(value)
            elif value != other[place] and place.partition("/")[0] != "usage" and place.rpartition("/")[2] not in SAID:
                self._changed.setdefault(place, []).append((value, other[place]))
        for place, value in other.items():
            if place not in one and _is_outermost(place, one):
                self._added.setdefault(place, []).append(value)

    def changes(self, pair: Pair) -> Iterator[Change]:
        """What there is to tell."""
        needed = {place: values for place, values in self._lost.items() if place in NEEDED}
        others = {place: values for place, values in self._lost.items() if not self._is_told_elsewhere(place, values)}
        if needed:
            yield change(pair, "members-lost", self._list(needed), "none of these")
        if others:
            yield change(pair, "keys-lost", self._list(others), "none of these")
        added = {place: v for place, v in self._added.items() if not self._is_told_elsewhere(place, v)}
        if added:
            yield change(pair, "keys-added", "none of these", self._list(added))
        if self._changed:
            first = {place: pairs[0] for place, pairs in list(self._changed.items())[:LISTED]}
            u = ", ".join(f"{place} {show(value, 40)}" for place, (value, _) in first.items())
            c = ", ".join(f"{place} {show(value, 40)}" for place, (_, value) in first.items())
            yield change(pair, "values-changed", u, c)

    @staticmethod
    def _is_told_elsewhere(place: str, values: list[object]) -> bool:
        """Roles and usage are compared by what they mean; only their being null is a matter of form."""
        return place in NEEDED or (place.rpartition("/")[2] in SAID and any(values))

    def _list(self, places: dict[str, list[object]]) -> str:
        shown = [
            f"{place} ({shorten(show(values[0]), 30)}) on {len(values)} of {self._chunks}"
            for place, values in list(places.items())[:LISTED]
        ]
        return ", ".join(shown) + (f" and {len(places) - LISTED} more" if len(places) > LISTED else "")


def _is_outermost(place: str, there: dict[str, object]) -> bool:
    """What this is a member of is there, and holds something: so it is this member that is missing."""
    outer = place.rpartition("/")[0].removesuffix("/*")
    return not outer or there.get(outer) is HOLDS


def _places(value: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, object]]:
    """Every member of a chunk with its place; of the entries of a list, the first."""
    if place:
        yield place, HOLDS if isinstance(value, dict | list) else value
    if depth >= DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, f"{place}/{key}" if place else key, depth + 1)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for key, inner in value[0].items():
            yield from _places(inner, f"{place}/*/{key}", depth + 1)
