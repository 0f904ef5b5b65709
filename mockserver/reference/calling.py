"""The text of a call as it comes - `{"name": ..., "arguments": ...}` - to its name and the pieces of its arguments.

Knows no token. A call whose name comes first is told piece by piece; any other one when it is whole.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

STRING = r'"(?:[^"\\]|\\.)*"'
HEAD = re.compile(rf'\s*\{{\s*"name"\s*:\s*({STRING})\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\S)')
"""What stands before the arguments, where they can be told as they come."""
LIST = re.compile(r"\s*[\[,]?\s*")
"""What stands around calls that are one JSON list."""


@dataclass(frozen=True, slots=True)
class Part:
    """A new call, which has a name, or more of the arguments of one."""

    index: int
    name: str = ""
    arguments: str = ""


class Calling:
    """One call, or a list of calls."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._text = ""
        self._inside: _Value | None = None

    def take(self, text: str) -> Iterator[Part | str]:
        """What can be told now."""
        self._text += text
        while True:
            if self._inside is None:
                begun = self._begin()
                if begun is None:
                    return
                yield begun
            assert self._inside is not None
            if not self._inside.over:
                told, self._text = self._inside.take(self._text)
                if told:
                    yield Part(self._index, arguments=told)
            if not self._inside.over:
                return
            closing = self._text.lstrip()
            if not closing.startswith("}"):
                return
            self._text, self._inside = closing[1:], None
            self._index += 1

    def end(self) -> Iterator[Part | str]:
        """Nothing more comes. What could not be told as it came is told whole, as text where it is no call."""
        if self._inside is not None or not self._text.strip(" \t\r\n],"):
            return
        try:
            value = json.loads(LIST.sub("", self._text, count=1).rstrip(" \t\r\n]"))
            name, arguments = value["name"], value.get("arguments", value.get("parameters", {}))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            yield self._text
            return
        yield Part(self._index, name=str(name))
        yield Part(self._index, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))
        self._index += 1

    def _begin(self) -> Part | None:
        text = LIST.sub("", self._text, count=1)
        if (found := HEAD.match(text)) is None:
            return None
        self._text, self._inside = text[found.end() :], _Value()
        return Part(self._index, name=str(json.loads(found[1])))


class _Value:
    """A JSON value as it comes: where it ends."""

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = False
        self.over = False

    def take(self, text: str) -> tuple[str, str]:
        """The part of the text that belongs to the value, and the rest."""
        for place, letter in enumerate(text):
            if self._quoted:
                if self._closes(letter):
                    return self._end(text, place + 1)
            elif letter == '"':
                self._quoted = True
            elif letter in "{[":
                self._depth += 1
            elif letter in "}]":
                if not self._depth:  # the object around a number, or a word
                    return self._end(text, place)
                self._depth -= 1
                if not self._depth:
                    return self._end(text, place + 1)
        return text, ""

    def _closes(self, letter: str) -> bool:
        """Whether a letter of a string is its end, and that of the value."""
        if self._escaped:
            self._escaped = False
        elif letter == "\\":
            self._escaped = True
        elif letter == '"':
            self._quoted = False
            return not self._depth
        return False

    def _end(self, text: str, place: int) -> tuple[str, str]:
        self.over = True
        return text[:place], text[place:]
