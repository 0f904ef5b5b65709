"""A JSON text as it comes, in pieces of any size: whether it is inside a string, and how many brackets are open.

Knows no grammar: a text that is no JSON is counted all the same.
"""

import re
from collections.abc import Iterator

MARK = re.compile(r'["\\{}\[\]]')
"""Letters that change anything."""


class Nesting:
    """Where a JSON text has come to."""

    def __init__(self) -> None:
        self.quoted = False
        self.depth = 0
        """Below zero: more was closed than had been opened."""
        self._escaped = False
        """The last letter so far was a backslash that takes the next one's meaning."""

    def marks(self, text: str) -> Iterator[int]:
        """More of it: the places of quotes that are no part of a string and of brackets, each once it is counted."""
        start, self._escaped = int(self._escaped and bool(text)), self._escaped and not text
        while (found := MARK.search(text, start)) is not None:
            place, letter = found.start(), found[0]
            start = place + 1
            if letter == "\\":
                if self.quoted:
                    self._escaped = start == len(text)
                    start += 1
            elif letter == '"':
                self.quoted = not self.quoted
                yield place
            elif not self.quoted:
                self.depth += 1 if letter in "{[" else -1
                yield place

    def take(self, text: str) -> None:
        """More of it."""
        for _ in self.marks(text):
            pass
