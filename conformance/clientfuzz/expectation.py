"""What a client has to do with an answer, and who says so: a table over the signs. Knows no case and no client.

The first line that holds counts. A client is no validator of schemas: it MUST only where text or calls would be lost
or falsified, or where the standard of the transport speaks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from .content import Content, is_part, same_calls
from .signs import Signs


class Word(Enum):
    """How much is asked of a client."""

    ACCEPT = "MUST accept"
    REJECT = "MUST reject"
    MAY = "MAY"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected, who says so, and why."""

    word: Word
    authority: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer as it is judged: what was meant, and what can be seen of it."""

    meant: Content
    signs: Signs
    legal: bool

    @property
    def whole(self) -> bool:
        """All that was meant is there, the way that a standard reads it."""
        return is_whole(self.meant, self.signs.said)


Line = tuple[Callable[[Seen], bool], Word, str, str]


def _broken_off(seen: Seen) -> bool:
    return seen.signs.broken_off and not seen.signs.document


TABLE: tuple[Line, ...] = (
    (lambda s: s.legal, Word.ACCEPT, "", ""),
    (
        lambda s: s.signs.status >= 300,
        Word.REJECT,
        "http",
        "RFC 9110, 15: the status says that there is no answer",
    ),
    (
        lambda s: s.signs.error,
        Word.REJECT,
        "clients",
        "an error object is an error, whatever the status: an application has to hear of it",
    ),
    (
        lambda s: not s.signs.status and bool(s.signs.flaw),
        Word.MAY,
        "http",
        "the response is no HTTP/1.1 that can be read",
    ),
    (
        lambda s: _broken_off(s) and s.signs.done,
        Word.MAY,
        "openai",
        "the stream had ended with [DONE] before the connection did",
    ),
    (
        _broken_off,
        Word.REJECT,
        "http",
        "RFC 9112, 8: a client has to take the message for incomplete",
    ),
    (
        lambda s: s.signs.silent and (s.signs.done or (bool(s.signs.said.finishes) and s.whole)),
        Word.MAY,
        "openai",
        "all is said, and the connection stays open: it may go on, or give up, but not wait for ever",
    ),
    (
        lambda s: s.signs.silent,
        Word.REJECT,
        "clients",
        "the server has gone silent: a client gives up after its own time limit",
    ),
    (
        lambda s: s.signs.not_json,
        Word.REJECT,
        "openai",
        "RFC 8259: a message of the stream is no JSON",
    ),
    (
        lambda s: s.signs.lost and not s.whole,
        Word.MAY,
        "openai",
        "a message of the stream is no chunk: it may be refused, but what it says must not be dropped",
    ),
    (
        lambda s: not s.signs.said.finishes and not s.signs.done,
        Word.REJECT,
        "openai",
        "neither a finish_reason nor [DONE] came: the end was cut, or is to be taken for cut",
    ),
    (
        lambda s: not s.signs.said.finishes,
        Word.MAY,
        "openai",
        "[DONE] came and no finish_reason: whether all was said nobody knows, and a client must not make one up",
    ),
)
OTHERWISE = Expectation(Word.MAY, "suite", "what it says can be read: a client may be strict about the rest")


def expected(seen: Seen, authority: str, says: str) -> Expectation:
    """What is expected of a client; `authority` and `says` are the case's own, where the table names none."""
    for holds, word, own, because in TABLE:
        if holds(seen):
            return Expectation(word, own or authority, because or says)
    return OTHERWISE if not authority else Expectation(Word.MAY, authority, OTHERWISE.because)


def is_whole(meant: Content, said: Content) -> bool:
    """Whether nothing of what was meant is missing, text and calls."""
    if meant.text is None or said.text is None or not said.calls:
        return False
    lost = is_part(said.text, meant.text) or any(
        not any(same_calls(mine, theirs) for theirs in said.calls) for mine in meant.calls if mine
    )
    return not lost
