"""What a stream says, as a client hands it over, and when two of those are the same. Knows no case and no client.

Text is compared as a client in any language can have it: half a surrogate pair and bytes that are not UTF-8 are one
U+FFFD, however many a decoder makes of them.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from conformance.protocols.chat.calls import Call as Assembled
from conformance.protocols.chat.calls import put_together
from conformance.protocols.chat.reader import NOT_FINISHED
from conformance.protocols.chat.states import Kind, State
from conformance.protocols.exchange import Exchange, Step

from .contract import Call
from .stray import is_fragment

REPLACED = re.compile("\ufffd+")
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one answer says."""

    text: str | None
    """Of the first choice; None where no two clients need read it alike."""
    all_text: str | None
    """Of all the choices in the order of arrival: a client that asked for one choice may not tell them apart."""
    finishes: tuple[str, ...]
    """The finish reasons of the first choice, the first one first."""
    calls: tuple[tuple[Call, ...], ...]
    """The tool calls of the first choice: each of the ways to read them; none where there is no right one."""
    usages: tuple[dict[str, Any], ...]

    @property
    def has_calls(self) -> bool:
        """Whether tools are called."""
        return any(self.calls)


NOTHING = Content(text="", all_text="", finishes=(), calls=((),), usages=())


def content_of(exchange: Exchange) -> Content:
    """What a stream says up to its [DONE]."""
    steps = [step for step in exchange.steps if step.before is not State.DONE]
    chunks = [step for step in steps if step.kind in (Kind.DELTA, Kind.FINISH) and step.chunk is not None]
    first, every, numbered = _Gathered(), _Gathered(), False
    for step in chunks:
        assert step.chunk is not None
        for choice in step.chunk["choices"]:
            every.take(step, choice)
            if choice["index"] == 0:
                first.take(step, choice)
                numbered = True
    first = first if numbered else every  # a client that asked for one choice need not look at its number
    usages = [step.chunk["usage"] for step in steps if step.chunk and isinstance(step.chunk.get("usage"), dict)]
    return Content(
        text=first.text,
        all_text=every.text,
        finishes=tuple(first.finishes or every.finishes),
        calls=first.ways(),
        usages=tuple(usages),
    )


class _Gathered:
    """What some choices say, as it comes."""

    def __init__(self) -> None:
        self.text: str | None = ""
        self.finishes: list[str] = []
        self._called: list[tuple[int, Step, list[dict[str, Any]]]] = []
        self._misshapen = False

    def take(self, step: Step, choice: dict[str, Any]) -> None:
        """The next choice of a chunk that can be used."""
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        piece = delta.get("content")
        if isinstance(piece, str):
            self.text = None if self.text is None else self.text + piece
        elif piece is not None:
            self.text = None
        reason = choice.get("finish_reason")
        if reason not in NOT_FINISHED:
            self.finishes.append(reason if isinstance(reason, str) else json.dumps(reason))
        fragments = delta.get("tool_calls")
        if isinstance(fragments, list) and all(map(is_fragment, fragments)):
            self._called.append((0, step, fragments))
        elif fragments:
            self._misshapen = True

    def ways(self) -> tuple[tuple[Call, ...], ...]:
        """The ways to read the calls."""
        if self._misshapen:
            return ()
        calls = put_together(self._called)
        if any(call.taken_over is not None and not _is_repeated(call) for call in calls):
            return ()
        plain = tuple(Call(call.name, call.arguments, call.ids[0][1] if call.ids else "") for call in calls)
        joined = tuple(
            Call("".join(name for _, name in call.names), one.arguments, one.id)
            for call, one in zip(calls, plain, strict=True)
        )
        latest = tuple(
            Call(call.names[-1][1] if call.names else "", one.arguments, one.id)
            for call, one in zip(calls, plain, strict=True)
        )
        split_names = any(len({name for _, name in call.names}) > 1 for call in calls)
        return (plain, joined, latest) if split_names else (plain,)


def _is_repeated(call: Assembled) -> bool:
    """Each piece that has a name has the same id, too: it is one call, told again, and no second one."""
    named = [f for _, f in call.fragments if isinstance(f.get("function"), dict) and f["function"].get("name")]
    return all(fragment.get("id") for fragment in named) and len({fragment["id"] for fragment in named}) == 1


def plain_text(text: str) -> str:
    """Text as it is compared."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return REPLACED.sub("\ufffd", whole)


def same_text(one: str, other: str) -> bool:
    """Whether two clients that work hand over these for the same bytes."""
    return one == other or plain_text(one) == plain_text(other)


def is_part(part: str, whole: str) -> bool:
    """Whether a text is what is left of another when some of it is lost."""
    rest = iter(plain_text(whole))
    return len(part) < len(whole) and all(character in rest for character in plain_text(part))


def same_calls(ours: tuple[Call, ...], theirs: tuple[Call, ...]) -> bool:
    """Whether a client has these calls, in any order; what it does not tell of them is not compared."""
    return len(ours) == len(theirs) and all_among(theirs, ours)


def all_among(theirs: Iterable[Call], ours: Iterable[Call]) -> bool:
    """Whether each call that a client has is one of ours, and no two of them the same one."""
    left = list(ours)
    for call in theirs:
        mine = next((one for one in left if _same_call(one, call)), None)
        if mine is None:
            return False
        left.remove(mine)
    return True


def without_ids(calls: Iterable[Call]) -> tuple[Call, ...]:
    """Calls whose ids are not to be compared."""
    return tuple(replace(call, id="") for call in calls)


def _same_call(ours: Call, theirs: Call) -> bool:
    if ours.name != theirs.name or (theirs.id and ours.id and theirs.id != ours.id):
        return False
    as_text = isinstance(theirs.arguments, str) and isinstance(ours.arguments, str)
    if as_text and same_text(ours.arguments, theirs.arguments):
        return True
    mine, found = _value(ours.arguments), _value(theirs.arguments)
    return bool(mine == found)


def _value(arguments: Any) -> Any:
    """Arguments as JSON: a client may hand over what it has read, and {} for none."""
    if not isinstance(arguments, str):
        return {} if arguments is None else arguments
    if not arguments.strip():
        return {}
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return ("no JSON", plain_text(arguments))


def same_usage(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether a client has these counts, those that it tells."""
    told = {name: theirs[name] for name in COUNTS if theirs.get(name) is not None}
    return all(ours.get(name) == count for name, count in told.items())
