"""The text of a call as it comes - `{"name": ..., "arguments": ...}` - to its name and the pieces of its arguments.

Knows no token. A call whose name comes first is told piece by piece; any other one when it is whole.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .nesting import Nesting

STRING = r'"(?:[^"\\]|\\.)*"'
HEAD = re.compile(rf'\s*\{{\s*"name"\s*:\s*({STRING})\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\S)')
"""What stands before the arguments, where they can be told as they come."""
LONGEST = 1000
"""Letters in which a head is looked for: names have 64 at the most. What begins otherwise is told when it is whole."""
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

    def __init__(self, index: int, offered: Collection[str] | None = None) -> None:
        """Only functions that are offered are called; None: any."""
        self._index = index
        self._offered = offered
        self._head = ""
        """What came before the arguments of a call."""
        self._whole = False
        """What has come begins with no head: it is told when it is whole."""
        self._rest: list[str] = []
        """What came after that."""
        self._inside: _Value | None = None
        self._broken = False
        """After the arguments came something else than the end of the call: no more is told."""

    def take(self, text: str) -> Iterator[Part | str]:
        """What can be told now."""
        while text and not self._broken:
            if self._inside is None:
                begun, text = self._begin(text)
                if begun is not None:
                    yield begun
            elif not self._inside.over:
                told, text = self._inside.take(text)
                if told:
                    yield Part(self._index, arguments=told)
            else:
                text = self._after(text.lstrip())

    def end(self) -> Iterator[Part | str]:
        """Nothing more comes. What could not be told as it came is told whole, as text where it is no call."""
        text = self._head + "".join(self._rest)
        if self._inside is not None or not text.strip(" \t\r\n],"):
            return
        try:
            value = json.loads(LIST.sub("", text, count=1).rstrip(" \t\r\n]"))
            name, arguments = value["name"], value.get("arguments", value.get("parameters", {}))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            yield text
            return
        if not self._is_offered(str(name)):
            yield text
            return
        yield Part(self._index, name=str(name))
        yield Part(self._index, arguments=arguments if isinstance(arguments, str) else json.dumps(arguments))
        self._index += 1

    def _is_offered(self, name: str) -> bool:
        return self._offered is None or name in self._offered

    def _begin(self, text: str) -> tuple[Part | None, str]:
        """The call that begins now, if one does, and what comes after its head."""
        if self._whole:
            self._rest.append(text)
            return None, ""
        self._head += text
        whole = LIST.sub("", self._head, count=1)
        found = HEAD.match(whole)
        if found is None or (name := _name(found[1])) is None or not self._is_offered(name):
            self._whole = found is not None or len(self._head) > LONGEST
            return None, ""
        self._head, self._inside = "", _Value()
        return Part(self._index, name=name), whole[found.end() :]

    def _after(self, text: str) -> str:
        """What comes after the arguments is the end of the call; what is left after that."""
        if not text:
            return ""
        if text[0] != "}":
            self._broken = True
            return ""
        self._inside = None
        self._index += 1
        return text[1:]


def _name(written: str) -> str | None:
    """What a JSON string says; None where it is none after all."""
    try:
        return str(json.loads(written))
    except ValueError:
        return None


class _Value:
    """A JSON value as it comes: where it ends."""

    def __init__(self) -> None:
        self._nesting = Nesting()
        self.over = False

    def take(self, text: str) -> tuple[str, str]:
        """The part of the text that belongs to the value, and the rest."""
        nesting = self._nesting
        for place in nesting.marks(text):
            if nesting.depth <= 0 and not nesting.quoted:
                self.over = True
                end = place + (nesting.depth == 0)  # below: the object around a number, or a word
                return text[:end], text[end:]
        return text, ""
