"""What is told in other chunks than OpenAI does: merged, moved, or added. Knows chunks and no vendor.

Chunks have one choice here, as the emitter writes them. Waits stay where they are.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mockserver.messages import Chunk

from .dialect import Item, Turn
from .members import Told


def choice_of(item: Item) -> dict[str, Any] | None:
    """The choice of a chunk, None where there is none."""
    return item["choices"][0] if isinstance(item, dict) and item.get("choices") else None


def usage_with_finish(items: Iterable[Item], _told: Told) -> Iterator[Item]:
    """Usage comes with the last finish_reason, and not in a chunk of its own."""
    return _usage_moved(items, again=False)


def usage_twice(items: Iterable[Item], told: Told) -> Iterator[Item]:
    """Usage comes with the last finish_reason, and in a chunk of its own too where it was asked for."""
    return _usage_moved(items, again=told.asked)


def _usage_moved(items: Iterable[Item], *, again: bool) -> Iterator[Item]:
    held: list[Item] = []
    for item in items:
        if held and isinstance(item, dict) and not item["choices"] and item.get("usage"):
            assert isinstance(held[0], dict), "a finish is held"
            held[0] = {**held[0], "usage": item["usage"]}
            if again:
                held.append(item)
            continue
        if isinstance(item, dict):
            yield from held
            held.clear()
        choice = choice_of(item)
        if held or (choice is not None and choice["finish_reason"]):
            held.append(item)
        else:
            yield item
    yield from held


def unless_asked(turn: Turn) -> Turn:
    """Only where usage was not asked for."""

    def only_then(items: Iterable[Item], told: Told) -> Iterator[Item]:
        return iter(items) if told.asked else turn(items, told)

    return only_then


def last_with_finish(*reasons: str) -> Turn:
    """The last thing that a choice says comes with the finish_reason, if it is one of these; without any, always."""

    def turn(items: Iterable[Item], _told: Told) -> Iterator[Item]:
        held: dict[int, Chunk] = {}
        for item in items:
            choice = choice_of(item)
            if choice is None or not isinstance(item, dict):
                yield item
                continue
            before = held.pop(choice["index"], None)
            if choice["finish_reason"]:
                if before is None or (reasons and choice["finish_reason"] not in reasons):
                    yield from [] if before is None else [before]
                    yield item
                else:
                    yield {**item, "choices": [_both(before["choices"][0], choice)]}
                continue
            if before is not None:
                yield before
            if choice.get("delta", {}).get("role"):
                yield item
            else:
                held[choice["index"]] = item

    return turn


def _both(one: dict[str, Any], finish: dict[str, Any]) -> dict[str, Any]:
    """A choice that says something and ends."""
    said = {"delta": {**one["delta"], **finish["delta"]}} if "delta" in one else {"text": one["text"] + finish["text"]}
    return {**finish, **said, "logprobs": one["logprobs"]}


def role_with_first(items: Iterable[Item], _told: Told) -> Iterator[Item]:
    """The role comes with the first thing that a choice says."""
    held: dict[int, Chunk] = {}
    for item in items:
        choice = choice_of(item)
        if choice is None or not isinstance(item, dict):
            yield item
        elif choice["delta"].get("role"):
            held[choice["index"]] = item
        elif (before := held.pop(choice["index"], None)) is not None:
            delta = {**before["choices"][0]["delta"], **choice["delta"]}
            yield {**item, "choices": [{**choice, "delta": delta}]}
        else:
            yield item


def calls_whole(items: Iterable[Item], _told: Told) -> Iterator[Item]:
    """Each call comes in one chunk."""
    held: dict[int, Chunk] = {}
    for item in items:
        choice = choice_of(item)
        if choice is None or not isinstance(item, dict):
            yield item
            continue
        before = held.pop(choice["index"], None)
        calls = choice["delta"].get("tool_calls")
        if before is not None and calls and _call(before)["index"] == calls[0]["index"]:
            held[choice["index"]] = _continued(before, calls[0]["function"]["arguments"])
            continue
        if before is not None:
            yield before
        if calls:
            held[choice["index"]] = item
        else:
            yield item


def _call(chunk: Chunk) -> dict[str, Any]:
    call: dict[str, Any] = chunk["choices"][0]["delta"]["tool_calls"][0]
    return call


def _continued(chunk: Chunk, arguments: str) -> Chunk:
    """A call and some more of its arguments."""
    call = _call(chunk)
    function = {**call["function"], "arguments": call["function"]["arguments"] + arguments}
    return with_delta(chunk, {"tool_calls": [{**call, "function": function}]})


def with_delta(chunk: Chunk, delta: dict[str, Any]) -> Chunk:
    """The chunk with these members of its delta."""
    choice = chunk["choices"][0]
    return {**chunk, "choices": [{**choice, "delta": {**choice["delta"], **delta}}]}


def calls_with_finish(items: Iterable[Item], told: Told) -> Iterator[Item]:
    """The calls of a choice come whole, all of them with the finish_reason."""
    held: dict[int, list[dict[str, Any]]] = {}
    for item in calls_whole(items, told):
        choice = choice_of(item)
        if choice is not None and isinstance(item, dict):
            if calls := choice["delta"].get("tool_calls"):
                held.setdefault(choice["index"], []).extend(calls)
                if not choice["finish_reason"]:
                    continue
            if choice["finish_reason"] and (gathered := held.pop(choice["index"], None)):
                item = with_delta(item, {"content": None, "tool_calls": gathered})
        yield item


def usage_with_choice(items: Iterable[Item], _told: Told) -> Iterator[Item]:
    """The chunk with usage has a choice too, which says nothing."""
    for item in items:
        if isinstance(item, dict) and not item["choices"] and item.get("usage"):
            said = {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
            item = {**item, "choices": [said]}
        yield item


def begins_with(*make: Callable[[Told], Item]) -> Turn:
    """Something comes first."""

    def turn(items: Iterable[Item], told: Told) -> Iterator[Item]:
        begun = False
        for item in items:
            if not begun and isinstance(item, dict):
                begun = True
                for first in make:
                    yield first(told)
            yield item

    return turn
