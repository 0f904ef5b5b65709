"""Good streams for hypothesis: random walks over the order table, made so that they shrink to one chunk and [DONE].

Everything that is still to be said may come in one chunk, and the simplest walk lets it. Knows no client and no rule.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from conformance.protocols.chat.emitter import DONE
from conformance.protocols.chat.states import ALLOWED, Kind, State

from .streams import SHARED, USAGE, Stream, answer_of, request_for, says

SEPARATORS = "\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e"
"""What some languages take for line ends."""
ODD = [*SEPARATORS, "\u00e9", "\U0001f44b", "\u0301", "\ufeff", "\x00", "\r", "\n", "\n\n", '"', "\\", " ", "data: x",
       "\n\ndata: [DONE]\n\n", "[DONE]", ": ", "</s>"]  # fmt: skip
WORDS = st.text("ab", min_size=1, max_size=4)
TEXTS = WORDS | st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
"""Plain words, what clients stumble over, and any other Unicode text."""
NAMES = ("f", "g")
MOST_STEPS = 12

Item = dict[str, Any]
"""A delta that says one thing."""


@dataclass(slots=True)
class Author:
    """What is still to be said."""

    items: list[Item]
    reason: str
    usage: bool
    asides: int = 1

    def can(self, kind: Kind) -> bool:
        """Whether a good stream may send this now."""
        match kind:
            case Kind.FINISH | Kind.TERMINATOR:
                return True
            case Kind.DELTA:
                return bool(self.items)
            case Kind.USAGE:
                return self.usage
            case Kind.METADATA:
                return self.asides > 0
            case _:
                return False


@st.composite
def good_streams(draw: st.DrawFn) -> Stream:
    """Good streams of one choice, its text and its calls in any number of chunks."""
    pieces: list[Item] = [{"content": text} for text in draw(st.lists(TEXTS, min_size=1, max_size=5))]
    calls = draw(st.sampled_from([0, 0, 0, 1, 2, 3]))
    if calls:
        pieces = pieces if draw(st.booleans()) else []
        pieces += _fragments(draw, calls)
    usage = draw(st.booleans())
    author = Author(pieces, "tool_calls" if calls else draw(st.sampled_from(["stop", "length"])), usage)
    chunks = [{**SHARED, **members} for members in _walk(draw, author)]
    write = draw(st.sampled_from([_raw, _spaced, _ascii]))
    messages = [*map(write, chunks), DONE]
    return Stream(request_for(tools=bool(calls), usage=usage), answer_of(messages))


def _walk(draw: st.DrawFn, author: Author) -> Iterator[dict[str, Any]]:
    """From START to DONE along the order table; yields what each chunk has of its own."""
    state, first, steps = State.START, True, 0
    while state is not State.DONE:
        steps += 1
        kind = _next(draw, author, state, hurried=steps > MOST_STEPS)
        state = ALLOWED[state][kind]
        match kind:
            case Kind.DELTA | Kind.FINISH:
                ends = kind is Kind.FINISH
                items = author.items[:] if ends else author.items[:1]
                del author.items[: len(items)]
                delta = together(({"role": "assistant"}, *items) if first else items)
                first = False
                yield {"choices": [says(delta, author.reason if ends else None)]}
            case Kind.USAGE:
                author.usage = False
                yield {"choices": [], "usage": USAGE}
            case Kind.METADATA:
                author.asides -= 1
                yield {"choices": [], "prompt_filter_results": []}


def _next(draw: st.DrawFn, author: Author, state: State, *, hurried: bool) -> Kind:
    """What comes next: the nearest way to the end is the simplest, and deltas are the likeliest."""
    able = [kind for kind in ALLOWED[state] if author.can(kind)]
    if state is State.FINISHED and author.usage:
        able.remove(Kind.TERMINATOR)
    nearest = [kind for kind in (Kind.TERMINATOR, Kind.USAGE, Kind.FINISH) if kind in able]
    rest = [kind for kind in able if kind not in nearest]
    if hurried or not rest:
        return nearest[0]
    return draw(st.sampled_from([*nearest, *rest, *(kind for kind in rest if kind is Kind.DELTA for _ in range(4))]))


def together(items: Sequence[Item]) -> Item:
    """Several deltas as one."""
    delta: Item = {}
    for item in items:
        for name, value in item.items():
            if name == "tool_calls":
                delta[name] = _joined(delta.get(name, []), value[0])
            elif name == "content":
                delta[name] = delta.get(name, "") + value
            else:
                delta[name] = value
    return delta


def _joined(calls: list[Item], fragment: Item) -> list[Item]:
    """Some pieces of calls, and one more."""
    for place, call in enumerate(calls):
        if call["index"] == fragment["index"]:
            arguments = call["function"]["arguments"] + fragment["function"]["arguments"]
            merged = {**call, "function": {**call["function"], "arguments": arguments}}
            return [*calls[:place], merged, *calls[place + 1 :]]
    return [*calls, fragment]


def _fragments(draw: st.DrawFn, count: int) -> list[Item]:
    """The deltas of some calls: one after the other, or in turn."""
    calls = [_call(draw, index) for index in range(count)]
    if draw(st.booleans()):
        return [fragment for call in calls for fragment in call]
    rounds = max(map(len, calls))
    return [call[turn] for turn in range(rounds) for call in calls if turn < len(call)]


def _call(draw: st.DrawFn, index: int) -> list[Item]:
    arguments = draw(st.dictionaries(WORDS, TEXTS | st.integers(0, 9), max_size=2))
    text = json.dumps(arguments, ensure_ascii=False)
    cuts = sorted({0, *draw(st.lists(st.integers(1, len(text) - 1), max_size=3)), len(text)})
    pieces = [text[start:end] for start, end in pairwise(cuts)]
    head = {"id": f"call_{index}", "type": "function"}
    first = {"index": index, **head, "function": {"name": NAMES[index % len(NAMES)], "arguments": pieces[0]}}
    rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces[1:]]
    return [{"tool_calls": [fragment]} for fragment in (first, *rest)]


def _raw(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _spaced(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _ascii(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
