"""Answers that were made before: the same request has the same answer, and it is kept as it goes on the wire.

Knows no socket. Whoever asks says what makes two requests the same.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from conformance.wire import encoder
from conformance.wire.script import Answer, Script, Send

LIMIT = 8 * 1024 * 1024
"""Bytes of all that is kept."""
ONE_LIMIT = 512 * 1024
"""Bytes of an answer that is kept."""
AROUND = 100
"""Bytes of memory that an act takes besides its data."""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer, and what was asked."""

    body: object
    """The request's, if it is kept in the journal."""
    answer: Answer
    script: Script
    """The whole response, head and framing included."""


class Remembered:
    """The answers that were asked for last."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._known: OrderedDict[Hashable, tuple[int, Known]] = OrderedDict()
        self.size = 0
        """Bytes, about."""

    def find(self, key: Hashable) -> Known | None:
        """The answer to such a request, if it is known."""
        found = self._known.get(key)
        if found is None:
            return None
        self._known.move_to_end(key)
        return found[1]

    def keep(self, key: Hashable, asked: int, body: object, answer: Answer) -> Known | None:
        """Keep an answer to a request of so many bytes; None where it is too long or is made as it is told."""
        if answer.told is not None:
            return None
        script = encoder.on_the_wire(answer)
        size = asked * 4 + sum(AROUND + (len(act.data) if isinstance(act, Send) else 0) for act in script)
        if size > min(ONE_LIMIT, self._limit):
            return None
        known = Known(body, replace(answer, acts=()), script)
        if key in self._known:
            self.size -= self._known.pop(key)[0]
        self._known[key] = size, known
        self.size += size
        while self.size > self._limit:
            self.size -= self._known.popitem(last=False)[1][0]
        return known

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
        self.size = 0
