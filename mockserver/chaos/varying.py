"""The messages of a good stream, cut and put together another way: the same said, in other chunks and members.

Knows chunks of chat and of text completions, and nothing of how they are written. What each choice says keeps its
order; what counts as it goes (usage on every chunk) keeps the chunks as they are.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from conformance.wire.script import Act, Answer, Wait
from mockserver.messages import Chunk, act_of, chunk_of

from .habits import Habits

Item = Chunk | Act
TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
MOST = 6
"""Chunks that come as one, at the most, so that a stream stays a stream."""
WINDOW = 6
"""Chunks among which the next one of a choice is looked for."""
OPTIONAL = ("refusal", "logprobs", "usage", "service_tier", "system_fingerprint")
"""Members of chat that may as well be left out where they are null."""
UNKNOWN = "x_unknown"
CHAT = "chat.completion.chunk"


def varied(answer: Answer, habits: Habits) -> Answer:
    """The stream in other chunks; any other answer as it is."""
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    if answer.status != 200 or not kind.startswith("text/event-stream"):
        return answer

    def told() -> Iterator[Act]:
        return map(act_of, _varied(map(chunk_of, answer.played()), habits))

    return replace(answer, acts=(), told=told) if answer.told is not None else replace(answer, acts=tuple(told()))


def _varied(items: Iterator[Item], habits: Habits) -> Iterator[Item]:
    """Every change in turn, where it can be made."""
    begun: list[Item] = []
    for item in items:
        begun.append(item)
        if isinstance(item, dict) and item["choices"]:
            break
    first = begun[-1] if begun else None
    told: Iterator[Item] = _chained(begun, items)
    if not isinstance(first, dict):
        return told
    if first.get("object") == CHAT and not first.get("usage"):
        told = _split(told, habits.splits, habits.chance("split"))
        told = _merged(told, habits, habits.chance("merge"))
        told = _interleaved(told, habits.chance("interleave")) if habits.interleaves else told
        told = _together(told, habits.together, habits.chance("together"))
    if first.get("object") == CHAT:
        told = _changed(told, lambda chunk, chance: _without_nulls(chunk, habits.drops_nulls, chance), habits)
    told = _changed(told, lambda chunk, chance: _with_unknown(chunk, habits.adds_unknown, chance), habits)
    return _changed(told, shuffled, habits) if habits.shuffles else told


def _chained(*parts: Iterable[Item]) -> Iterator[Item]:
    for part in parts:
        yield from part


def choice_of(item: Item) -> dict[str, Any] | None:
    """The only choice of a chunk; None where there is none, or several, or usage, which stays where it is."""
    if not isinstance(item, dict) or len(item["choices"]) != 1 or item.get("usage"):
        return None
    choice: dict[str, Any] = item["choices"][0]
    return choice


def _split(items: Iterator[Item], part: float, chance: random.Random) -> Iterator[Item]:
    """Some pieces of text in two chunks."""
    for item in items:
        choice = choice_of(item)
        name = _divisible(choice) if choice is not None else ""
        if choice is None or not isinstance(item, dict) or not name or chance.random() >= part:
            yield item
            continue
        text = choice["delta"][name]
        place = chance.randrange(1, len(text))
        yield _with(item, choice, {**choice["delta"], name: text[:place]})
        yield _with(item, choice, {**_unsaid(choice["delta"]), name: text[place:]})


def _divisible(choice: dict[str, Any]) -> str:
    """The member of a delta whose text may come in two chunks, "" where there is none."""
    if choice.get("logprobs") or choice["finish_reason"]:
        return ""
    texts = (name for name in TEXTS if isinstance(choice["delta"].get(name), str))
    return next((name for name in texts if len(choice["delta"][name]) > 1), "")


def _unsaid(delta: dict[str, Any]) -> dict[str, Any]:
    """What is left of a delta when its second half is told: no second role."""
    return {name: value for name, value in delta.items() if name != "role" or value is None}


def _with(chunk: Chunk, choice: dict[str, Any], delta: dict[str, Any]) -> Chunk:
    return {**chunk, "choices": [{**choice, "delta": delta}]}


def _merged(items: Iterator[Item], habits: Habits, chance: random.Random) -> Iterator[Item]:
    """Some chunks of a choice as one: pieces, the role with the first of them, the last with the finish_reason.

    Only a role waits for what is not made yet: who watches the pace of a server sees each piece when it is there.
    """
    held: dict[int, tuple[Chunk, bool, int]] = {}
    for item in items:
        choice = choice_of(item)
        if choice is None or not isinstance(item, dict):
            waits = isinstance(item, Wait)
            for index, (chunk, _, _) in [*held.items()]:
                if not (waits and _is_role(chunk["choices"][0])):
                    yield held.pop(index)[0]
            yield item
            continue
        count = 0
        if choice["index"] in held:
            before, wants, count = held.pop(choice["index"])
            own = before["choices"][0]
            wants = not habits.finish_alone and bool(_saying(own["delta"])) if choice["finish_reason"] else wants
            if wants and count < MOST and _goes_with(own, choice):
                choice, count = _both(own, choice), count + 1
                item = {**before, **item, "choices": [choice]}
            else:
                yield before
                count = 0
        is_role = _is_role(choice)
        wants = not habits.role_alone if is_role else chance.random() < habits.merges
        if choice["finish_reason"] or not (wants or not (is_role or habits.finish_alone)):
            yield item
        else:
            held[choice["index"]] = (item, wants, count)
    yield from (chunk for chunk, _, _ in held.values())


def _is_role(choice: dict[str, Any]) -> bool:
    """Whether a choice gets its role and nothing else."""
    return bool(choice["delta"].get("role")) and not _saying(choice["delta"])


def _goes_with(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two deltas of a choice can be told as one: the same kind of text, or pieces of the same call."""
    ours, theirs = _saying(one["delta"]), _saying(other["delta"])
    if "tool_calls" in ours and "tool_calls" in theirs:
        return bool(one["delta"]["tool_calls"][-1]["index"] == other["delta"]["tool_calls"][0]["index"])
    return not ours or not theirs or ours == theirs


def _saying(delta: dict[str, Any]) -> frozenset[str]:
    return frozenset(name for name in (*TEXTS, "tool_calls") if delta.get(name))


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two choices of the same index as one."""
    delta = dict(one["delta"])
    for name, value in other["delta"].items():
        mine = delta.get(name)
        if name == "tool_calls" and mine:
            delta[name] = [*mine[:-1], _one_call(mine[-1], value[0]), *value[1:]]
        elif name in TEXTS and isinstance(mine, str) and isinstance(value, str):
            delta[name] = mine + value
        elif mine is None or (value is not None and name != "role"):
            delta[name] = value
    together = {**one, **other, "delta": delta}
    if one.get("logprobs") or other.get("logprobs"):
        together["logprobs"] = _sum(one.get("logprobs"), other.get("logprobs"))
    return together


def _sum(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    if one is None or other is None:
        return one or other
    return {**one, "content": [*(one["content"] or ()), *(other["content"] or ())]}


def _one_call(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A call and some more of its arguments."""
    more = other["function"].get("arguments") or ""
    return {**one, "function": {**one["function"], "arguments": (one["function"].get("arguments") or "") + more}}


def _interleaved(items: Iterator[Item], chance: random.Random) -> Iterator[Item]:
    """Chunks of several choices in another order; each choice keeps its own. Nothing waits for what is not made yet."""
    window: list[Chunk] = []
    for item in items:
        if choice_of(item) is None or not isinstance(item, dict):
            yield from window
            window.clear()
            yield item
            continue
        window.append(item)
        if len(window) > WINDOW:
            yield window.pop(_next(window, chance))
    yield from window


def _next(window: list[Chunk], chance: random.Random) -> int:
    """The place of the first chunk of some choice."""
    first: dict[int, int] = {}
    for place, chunk in enumerate(window):
        first.setdefault(chunk["choices"][0]["index"], place)
    return chance.choice(list(first.values()))


def _together(items: Iterator[Item], part: float, chance: random.Random) -> Iterator[Item]:
    """Some chunks of two choices as one chunk."""
    held: Chunk | None = None
    for item in items:
        choice = choice_of(item)
        if choice is None or not isinstance(item, dict):
            if held is not None:
                yield held
                held = None
            yield item
        elif held is None:
            held = item
        elif held["choices"][0]["index"] != choice["index"] and chance.random() < part:
            yield {**held, **item, "choices": [*held["choices"], choice]}
            held = None
        else:
            yield held
            held = item
    if held is not None:
        yield held


def _changed(items: Iterator[Item], change: Callable[[Chunk, random.Random], Chunk], habits: Habits) -> Iterator[Item]:
    chance = habits.chance("change")
    return (change(item, chance) if isinstance(item, dict) else item for item in items)


def _without_nulls(chunk: Chunk, part: float, chance: random.Random) -> Chunk:
    """Without some members that are null."""

    def kept(members: dict[str, Any]) -> dict[str, Any]:
        droppable = {name for name in OPTIONAL if name in members and members[name] is None}
        gone = {name for name in sorted(droppable) if chance.random() < part}
        return {name: value for name, value in members.items() if name not in gone}

    choices = [{**kept(choice), "delta": kept(choice["delta"])} for choice in chunk["choices"]]
    return {**kept(chunk), "choices": choices}


def _with_unknown(chunk: Chunk, part: float, chance: random.Random) -> Chunk:
    """With members that nobody knows."""
    unknown = {UNKNOWN: {"deep": [1, None], "text": "\u00fc"}}
    if chance.random() >= part:
        return chunk
    choices = [{**choice, **unknown} for choice in chunk["choices"]]
    return {**chunk, "choices": choices, **unknown}


def shuffled(value: Any, chance: random.Random) -> Any:
    """The members of every object in another order."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    members = [(name, shuffled(child, chance)) for name, child in value.items()]
    chance.shuffle(members)
    return dict(members)
