"""What the schema of scenarios cannot say: members that exclude each other, names of nothing, patterns that are none.

Looks at values that fit the schema, and tells each mistake with its line and what to write instead.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import yaml

from conformance.mistakes import Mistake, line_of
from mockserver import faults

from .filling import ALWAYS, names_in

Path = tuple[str | int, ...]
Found = tuple[Path, str]
"""Where something is wrong, and what."""
TEXTS = ("message", "system", "tool_result", "model")
CONTENTS = ("text", "pieces", "json", "refusal")
SAID = (*CONTENTS, "reasoning", "tool_calls", "finish_reason")
PLACES = ("at_event", "at_byte", "inside_character")
LARGEST = 1e300
"""Below this a number is written in JSON as it is."""
COMPARED = ("equals", "contains", "regex")


def mistakes_in(root: yaml.Node, value: dict[str, Any]) -> Iterator[Mistake]:
    """What is wrong in a file that fits the schema."""
    named: dict[str, int] = {}
    for position, entry in enumerate(value["scenario"]):
        place: Path = ("scenario", position)
        for path, says in _in_entry(entry):
            yield line_of(root, (*place, *path)), f"{_told((*place, *path))}: {says}"
        if (name := entry.get("name")) in named:
            yield (
                line_of(root, (*place, "name")),
                f"the name {name!r} is taken by the entry of line {named[name]}; choose another one",
            )
        elif name is not None:
            named[name] = line_of(root, place)


def _told(path: Path) -> str:
    return ".".join(map(str, path))


def _in_entry(entry: dict[str, Any]) -> Iterator[Found]:
    if "reply" in entry and "replies" in entry:
        yield ("replies",), "there is a `reply` already; write only one of the two"
    if "reply" not in entry and "replies" not in entry:
        yield (), "there is nothing to reply; write:  reply: Hello!"
    for key in ("repeat", "per"):
        if key in entry and "replies" not in entry:
            yield (key,), f"{key!r} goes with `replies`; write:  replies: [...]"
    when = entry.get("when", {})
    groups: set[str] = set()
    for path, text in _texts(when):
        yield from _in_text(path, text)
        groups |= _groups(text)
    for key in ("turn", "messages"):
        number = when.get(key)
        if isinstance(number, dict) and number.get("min", 0) > number.get("max", number.get("min", 0)):
            yield (
                ("when", key),
                f"min is larger than max; write:  {key}: {{min: {number['max']}, max: {number['min']}}}",
            )
    known = (*ALWAYS, *sorted(groups))
    if "reply" in entry:
        yield from _in_reply(("reply",), entry["reply"], known)
    for position, reply in enumerate(entry.get("replies", ())):
        yield from _in_reply(("replies", position), reply, known)


def _texts(when: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for key in TEXTS:
        if key in when:
            yield ("when", key), when[key]
    for name, text in when.get("headers", {}).items():
        yield ("when", "headers", name), text


def _in_text(path: Path, text: str | dict[str, Any]) -> Iterator[Found]:
    if isinstance(text, str):
        return
    if not any(key in text for key in COMPARED):
        yield path, "there is nothing to compare with; write:  contains: weather"
    if "regex" in text:
        try:
            re.compile(text["regex"])
        except (re.error, RecursionError, OverflowError) as error:
            yield (*path, "regex"), f"{text['regex']!r} is no regular expression: {error}; write:  contains: ..."


def _groups(text: str | dict[str, Any]) -> set[str]:
    """The names that a pattern gives values to."""
    try:
        return set(re.compile(text.get("regex", "")).groupindex) if isinstance(text, dict) else set()
    except (re.error, RecursionError, OverflowError):
        return set()


def _in_reply(path: Path, reply: str | dict[str, Any], known: tuple[str, ...]) -> Iterator[Found]:
    if isinstance(reply, str):
        yield from _in_words(path, reply, known)
        return
    if "wire" in reply:
        yield from _in_wire(path, reply)
        return
    kinds = [key for key in ("choices", "error") if key in reply]
    said = [key for key in SAID if key in reply]
    if kinds and said:
        yield (*path, said[0]), f"{said[0]!r} does not go with `{kinds[0]}`; write only one of the two"
    if len(kinds) > 1:
        yield (*path, "error"), "`error` does not go with `choices`; write only one of the two"
    if not kinds:
        yield from _in_said(path, reply, known)
    for position, choice in enumerate(reply.get("choices", ())):
        yield from _in_said((*path, "choices", position), choice, known)
    if "error" in reply:
        yield from _in_error(path, reply, known)
    yield from _in_usage(path, reply.get("usage", {}))
    yield from _in_trouble(path, reply)


def _in_wire(path: Path, reply: dict[str, Any]) -> Iterator[Found]:
    for key in reply:
        if key not in ("wire", "times"):
            yield (*path, key), f"{key!r} does not go with `wire`; delete one of them"
    for position, act in enumerate(reply["wire"]):
        place = (*path, "wire", position)
        try:
            act.get("send", "").encode()
            base64.b64decode(act.get("base64", ""), validate=True)
        except UnicodeEncodeError:
            yield (*place, "send"), "half a surrogate pair is no text; write the bytes:  base64: ..."
        except (binascii.Error, ValueError):
            yield (*place, "base64"), "this is not base64; write:  base64: /w=="


def _in_error(path: Path, reply: dict[str, Any], known: tuple[str, ...]) -> Iterator[Found]:
    for key in ("usage", "break"):
        if key in reply:
            yield (*path, key), f"{key!r} does not go with `error`; delete one of them"
    if isinstance(reply["error"], dict):
        yield from _in_words((*path, "error", "message"), reply["error"].get("message", ""), known)


def _in_usage(path: Path, usage: dict[str, int]) -> Iterator[Found]:
    if usage.get("cached_tokens", 0) > usage.get("prompt_tokens", usage.get("cached_tokens", 0)):
        yield (
            (*path, "usage", "cached_tokens"),
            f"more than the prompt has; write:  cached_tokens: {usage['prompt_tokens']}",
        )


def _in_trouble(path: Path, reply: dict[str, Any]) -> Iterator[Found]:
    if "fault" in reply:
        try:
            faults.find(reply["fault"])
        except LookupError as error:
            yield (*path, "fault"), str(error)
    if (broken := reply.get("break")) is None:
        return
    if "fault" in reply:
        yield (*path, "break"), "`break` does not go with `fault`; delete one of them"
    places = [key for key in PLACES if key in broken]
    if len(places) != 1:
        yield (*path, "break"), "one place is wanted; write:  break: {at_event: 3}"
    if "seconds" in broken and broken.get("how") != "stall":
        yield (*path, "break", "seconds"), "only a stall lasts; write:  how: stall"


def _in_said(path: Path, said: dict[str, Any], known: tuple[str, ...]) -> Iterator[Found]:
    contents = [key for key in CONTENTS if key in said]
    if len(contents) > 1:
        yield (*path, contents[1]), f"there is {contents[0]!r} already; write only one of the two"
    if not contents and "tool_calls" not in said:
        yield path, "there is nothing to say; write:  text: Hello!"
    if "tool_calls" in said:
        for key in ("json", "refusal", "finish_reason"):
            if key in said:
                yield (*path, key), f"{key!r} does not go with `tool_calls`; delete one of them"
    for key in ("text", "pieces", "json", "refusal", "reasoning"):
        if key in said:
            yield from _in_words((*path, key), said[key], known)
    yield from _no_json((*path, "json"), said.get("json"))
    for position, call in enumerate(said.get("tool_calls", ())):
        place = (*path, "tool_calls", position, "arguments")
        arguments = call.get("arguments", {})
        yield from _in_words(place, arguments, known)
        yield from _no_json(place, arguments)
        if not isinstance(arguments, dict):
            yield from _in_arguments(place, [arguments] if isinstance(arguments, str) else arguments)


def _in_arguments(path: Path, parts: list[str]) -> Iterator[Found]:
    if any(True for part in parts for _ in names_in(part)):
        return  # what is filled in decides
    try:
        fits = isinstance(json.loads("".join(parts)), dict)
    except (ValueError, RecursionError):
        fits = False
    if not fits:
        instead = "write:  arguments: {city: Paris}, or break a good call by a `fault`"
        yield path, f"this is not the text of a JSON object; {instead}"


def _no_json(path: Path, value: Any) -> Iterator[Found]:
    """What YAML has and JSON has not: dates, sets, bytes, numbers that are none or without end."""
    match value:
        case None | bool() | str():
            return
        case dict():
            for key, member in value.items():
                yield from _no_json((*path, key), member)
        case list():
            for position, item in enumerate(value):
                yield from _no_json((*path, position), item)
        case int() | float() if abs(value) < LARGEST:
            return
        case _:
            yield path, f"JSON has no {type(value).__name__} {str(value)[:40]}; write it in quotes"


def _in_words(path: Path, value: Any, known: tuple[str, ...]) -> Iterator[Found]:
    """Names in braces that nothing is known to fill in for, wherever in the value."""
    match value:
        case str():
            for name in names_in(value):
                if name not in known:
                    near = get_close_matches(name, known, n=1)
                    instead = f"{{{near[0]}}}" if near else f"{{{{{name}}}}} for the text itself"
                    yield path, f"nothing is known to fill in for {{{name}}}; write:  {instead}"
        case dict():
            for key, member in value.items():
                yield from _in_words((*path, key), member, known)
        case list():
            for position, item in enumerate(value):
                yield from _in_words((*path, position), item, known)
