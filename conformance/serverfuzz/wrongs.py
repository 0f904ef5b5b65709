"""Requests with one thing wrong, and the name of what is wrong. Knows no server and no oracle.

Most are read off `schemas/chat/request.json`: each member with a value of each type that it cannot have, each number
below and above its range, each word that is none of its words. The rest - syntax, messages, tools - is a list.
What has to become of such a request the rules say; that it is no 5xx, and no silence, holds of all.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from .members import PROPERTIES, Json
from .requests import FRINGE, OF_FEATURES, Body, Offer

VALUES: dict[str, tuple[str, Json]] = {
    "object": ("an object", {}),
    "string": ("a text", "many"),
    "fraction": ("a fraction", 1.5),
    "number": ("a number", 7),
}
"""A value of each type, and what it is called."""
TYPES = 1
"""Types that a member is given of those that it cannot have."""
HUGE = 10**18
SAYING: tuple[Json, ...] = ({"role": "user", "content": "Hello"},)
FUNCTION: Json = {"type": "function", "function": {"name": "f"}}


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that can be wrong."""

    name: str
    """What is wrong, "n below 1"."""
    breaks: Callable[[Body], object]
    """A good request to the bad one: JSON, or text that is sent as it is."""
    member: str = ""
    """Where it is wrong; "" for the whole."""
    unbounded: bool = False
    """The limit of tokens is what is wrong: nobody can say how long the answer may be if there is one."""

    def concerns(self, offer: Offer) -> bool:
        """Whether a target that declares this much is sent it."""
        return offer.takes(OF_FEATURES[self.member]) if self.member in OF_FEATURES else True


def _put(name: str, value: Json) -> Callable[[Body], object]:
    return lambda body: {**body, name: value}


def _without(name: str) -> Callable[[Body], object]:
    return lambda body: {key: value for key, value in body.items() if key != name}


def _saying(*messages: Json) -> Callable[[Body], object]:
    return lambda body: {**body, "messages": list(messages)}


def _offering(**members: Json) -> Callable[[Body], object]:
    return lambda body: {**body, "tools": [FUNCTION], **members}


def _text(change: Callable[[str], str]) -> Callable[[Body], object]:
    return lambda body: change(json.dumps(body))


# -- read off the schema -----------------------------------------------------------------------------------------


def _of_types() -> Iterator[Wrong]:
    for member, schema in PROPERTIES.items():
        if "enum" in schema:
            yield Wrong(f"{member} no such word", _put(member, "nonsense"), member)
            continue
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        for says, value in [VALUES[kind] for kind in VALUES if _is_wrong(kind, types)][:TYPES]:
            yield Wrong(f"{member} {says}", _put(member, value), member, unbounded=member.startswith("max_"))
        if "null" not in types:
            yield Wrong(f"{member} null", _put(member, None), member)


def _is_wrong(kind: str, types: list[str]) -> bool:
    """Whether a member of these types cannot have a value of that kind; a fraction is a number where one may be."""
    if kind == "fraction":
        return "integer" in types and "number" not in types
    return kind not in types and not (kind == "number" and "integer" in types)


def _of_ranges() -> Iterator[Wrong]:
    for member, schema in PROPERTIES.items():
        unbounded = member.startswith("max_")
        if (least := schema.get("minimum")) is not None:
            yield Wrong(f"{member} below {least}", _put(member, least - 1), member, unbounded=unbounded)
        if (most := schema.get("maximum")) is not None:
            yield Wrong(f"{member} above {most}", _put(member, most + 1), member)
            yield Wrong(f"{member} huge", _put(member, HUGE), member)


# -- written out -------------------------------------------------------------------------------------------------

SYNTAX = (
    Wrong("no JSON: cut short", _text(lambda text: text[:-1])),
    Wrong("no JSON: a comma too many", _text(lambda text: text[:-1] + ",}")),
    Wrong("no JSON: NaN", _text(lambda text: text[:-1] + ', "temperature": NaN}')),
    Wrong("no JSON: nothing", lambda _: ""),
    Wrong("no JSON: text behind it", _text(lambda text: text + "]")),
    Wrong("no object: a list", lambda body: [body]),
    Wrong("no object: a text", lambda _: '"Hello"'),
    Wrong("no object: null", lambda _: "null"),
    Wrong("no object: a number", lambda _: "1"),
    Wrong("no object: nested two thousand times", lambda _: "[" * 2000 + "]" * 2000),
)
MESSAGES = (
    Wrong("messages missing", _without("messages"), "messages"),
    Wrong("messages empty", _put("messages", []), "messages"),
    Wrong("a message is null", _saying(None), "messages"),
    Wrong("a message is a text", _saying("Hello"), "messages"),
    Wrong("a message is empty", _saying({}), "messages"),
    Wrong("a message without role", _saying({"content": "Hello"}), "messages"),
    Wrong("a role that does not exist", _saying({"role": "wizard", "content": "Hello"}), "messages"),
    Wrong("a role that is a number", _saying({"role": 7, "content": "Hello"}), "messages"),
    Wrong("content a number", _saying({"role": "user", "content": 7}), "messages"),
    Wrong("content an object", _saying({"role": "user", "content": {"text": "Hello"}}), "messages"),
    Wrong("a part of content is a text", _saying({"role": "user", "content": ["Hello"]}), "messages"),
    Wrong("a part of content without type", _saying({"role": "user", "content": [{"text": "Hello"}]}), "messages"),
    Wrong("a part of content of no such type", _saying({"role": "user", "content": [{"type": "scent"}]}), "messages"),
    Wrong(
        "tool_calls a text", _saying(*SAYING, {"role": "assistant", "content": None, "tool_calls": "f()"}), "messages"
    ),
)
OPTIONS = (
    Wrong("stop has five", _put("stop", ["21", "22", "23", "24", "25"]), "stop"),
    Wrong("stop holds a number", _put("stop", [5]), "stop"),
    Wrong("stop holds null", _put("stop", [None]), "stop"),
    Wrong(
        "include_usage a text",
        lambda body: {**body, "stream": True, "stream_options": {"include_usage": "no"}},
        "stream_options",
    ),
    Wrong(
        "stream_options without stream", lambda body: {**body, "stream": False, "stream_options": {}}, "stream_options"
    ),
    Wrong("top_logprobs without logprobs", _put("top_logprobs", 2), "top_logprobs"),
    Wrong("logit_bias of words", _put("logit_bias", {"Hello": "much"})),
    Wrong("response_format without type", _put("response_format", {}), "response_format"),
    Wrong("response_format of no such type", _put("response_format", {"type": "poem"}), "response_format"),
    Wrong("response_format without its schema", _put("response_format", {"type": "json_schema"}), "response_format"),
    Wrong(
        "response_format with a schema of no such type",
        _put("response_format", {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "nonsense"}}}),
        "response_format",
    ),
)
TOOLS = (
    Wrong("tools empty", _put("tools", []), "tools"),
    Wrong("a tool is null", _put("tools", [None]), "tools"),
    Wrong("a tool without function", _put("tools", [{"type": "function"}]), "tools"),
    Wrong("a function without name", _put("tools", [{"type": "function", "function": {}}]), "tools"),
    Wrong("a name with spaces", _put("tools", [{"type": "function", "function": {"name": "a b"}}]), "tools"),
    Wrong("a name of nothing", _put("tools", [{"type": "function", "function": {"name": ""}}]), "tools"),
    Wrong(
        "parameters a text",
        _put("tools", [{"type": "function", "function": {"name": "f", "parameters": "any"}}]),
        "tools",
    ),
    Wrong(
        "parameters of no such type",
        _put("tools", [{"type": "function", "function": {"name": "f", "parameters": {"type": "nonsense"}}}]),
        "tools",
    ),
    Wrong("tool_choice no such word", _offering(tool_choice="perhaps"), "tool_choice"),
    Wrong("tool_choice an empty object", _offering(tool_choice={}), "tool_choice"),
    Wrong("tool_choice names nothing", _offering(tool_choice={"type": "function", "function": {}}), "tool_choice"),
    Wrong(
        "tool_choice names another",
        _offering(tool_choice={"type": "function", "function": {"name": "g"}}),
        "tool_choice",
    ),
    Wrong("tool_choice without tools", _put("tool_choice", "required"), "tool_choice"),
)
FIRST = (*_of_ranges(), *MESSAGES, *OPTIONS, *TOOLS)
WRONGS: tuple[Wrong, ...] = (*_of_types(), *SYNTAX, *FIRST)


def in_order(offer: Offer, chance: Random) -> list[Wrong]:
    """All that a target is sent, shuffled, but what breaks servers most comes first."""
    mixed = chance.sample(WRONGS, len(WRONGS))
    mixed.sort(key=lambda wrong: (wrong.member in FRINGE, wrong not in FIRST))
    return [wrong for wrong in mixed if wrong.concerns(offer)]


def find(name: str) -> Wrong:
    """The one of that name. Raises LookupError."""
    for wrong in WRONGS:
        if wrong.name == name:
            return wrong
    raise LookupError(f"nothing of the name {name!r} can be wrong")
