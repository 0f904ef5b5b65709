"""What one stream lets slip into another: texts swapped, ids shared, the rest of a stream that was left.

Works on the acts of a body before they are framed: acts in, acts out. Knows no socket and no clock.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator

from conformance.rules.behaviour import Behaviour
from conformance.wire.script import Act, Send

EVERY = 5
"""Of so many texts, one is swapped."""
AHEAD = 12
"""Acts that are made ahead to find the next text."""
TEXT = re.compile(rb'"(content|text|arguments)":"((?:[^"\\]|\\.)+)"')
ID = re.compile(rb'"id":"((?:chatcmpl|cmpl)-[^"]*)"')


class Telling:
    """The acts of one body, and what has been made of it ahead of time."""

    def __init__(self, acts: Iterable[Act], behaviour: Behaviour | None, others: Iterable["Telling"] = ()) -> None:
        self._acts = iter(acts)
        self._behaviour = behaviour or PLAIN
        self._others = others
        self._ahead: deque[Act] = deque()
        self._own = b""
        self.id = b""
        """The id that is sent."""
        self.instead: Iterator[bytes] = iter(())
        """Texts of another stream that are told in the place of the own ones, while there are any."""

    def __iter__(self) -> Iterator[Act]:
        """The acts, as this behaviour tells them."""
        texts = 0
        while self._ahead or self._make():
            act = self._ahead.popleft()
            if not isinstance(act, Send):
                yield act
                continue
            data = act.data
            if (found := TEXT.search(data)) is not None:
                texts += 1
                if (instead := next(self.instead, None)) is not None:
                    data = _with_text(data, found, instead)
                elif texts % EVERY == 0 and (self._behaviour.mixes or self._behaviour.mixes_events):
                    data = self._swapped(data, found)
            yield Send(self._with_id(data))

    def coming(self) -> Iterator[bytes]:
        """The texts that would come next; they are not told any more."""
        while self._ahead or self._make():
            act = self._ahead.popleft()
            if isinstance(act, Send) and (found := TEXT.search(act.data)) is not None:
                yield found[2]

    def _make(self) -> bool:
        """Whether there was another act to make."""
        act = next(self._acts, None)
        if act is not None:
            self._ahead.append(act)
        return act is not None

    def _swapped(self, data: bytes, found: re.Match[bytes]) -> bytes:
        """The event with the next text of another stream, which gets this one's in return."""
        for other in self._others:
            if other is not self and (theirs := other._give(data, found)) is not None:
                return theirs
        return data

    def _give(self, theirs: bytes, found: re.Match[bytes]) -> bytes | None:
        """Another stream's event as it becomes by the next text of this one, which gets that one's in return.

        None where there is none of the kind, or with the same text. Whole events are swapped where that is the fault.
        """
        while len(self._ahead) < AHEAD and self._make():
            pass
        for place, act in enumerate(self._ahead):
            if isinstance(act, Send) and (own := TEXT.search(act.data)) is not None:
                if own[1] != found[1] or own[2] == found[2]:
                    return None
                if self._behaviour.mixes_events:
                    self._ahead[place] = Send(theirs)
                    return act.data
                self._ahead[place] = Send(_with_text(act.data, own, found[2]))
                return _with_text(theirs, found, own[2])
        return None

    def _with_id(self, data: bytes) -> bytes:
        if not self.id and (found := ID.search(data)) is not None:
            self._own = self.id = found[1]
            if self._behaviour.shares_ids:
                self.id = next((other.id for other in self._others if other is not self and other.id), self._own)
        return data if self.id == self._own else data.replace(self._own, self.id)


PLAIN = Behaviour(name="plain")


def _with_text(data: bytes, found: re.Match[bytes], text: bytes) -> bytes:
    start, end = found.span(2)
    return data[:start] + text + data[end:]
