"""A text in which a regular expression is found: the same pattern and turn give the same text. Knows no schema.

A pattern comes from whoever asks and may be hostile: it is never matched here, and what is made of it is bounded.
Libraries that do this (rstr, Hypothesis' from_regex) go on for minutes at four repetitions within each other.
"""

import re
import string
import warnings
from collections.abc import Callable, Iterator
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST = 2_000
"""Characters of a text at the most, and steps of a pattern that are taken for them."""
EXTRA = (0, -1, 3, 10, 30, 100, 300)
"""By how much what may be repeated is: once at least; as rarely as may be; so many times more."""
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + " -_." + string.punctuation
"""What characters are chosen from, as long as one of them will do."""
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    ops.CATEGORY_DIGIT: str.isdecimal,
    ops.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdecimal(),
    ops.CATEGORY_SPACE: str.isspace,
    ops.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    ops.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    ops.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}


class PatternError(ValueError):
    """Nothing is made for this pattern; the text says why."""


def texts(pattern: str, turn: int = 0) -> Iterator[str]:
    """Texts for a pattern, the plainest first; others on other turns. None where Python does not understand it.

    Raises PatternError where it is understood, but too much.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's remarks are about what Python may change
            parsed = parser.parse(pattern)
    except (re.error, OverflowError, ValueError):
        return
    for extra in EXTRA:
        made = _Maker(turn, extra)
        made.walk(parsed)
        yield made.text


class _Maker:
    """Walks along a pattern and writes."""

    def __init__(self, turn: int, extra: int) -> None:
        self.text = ""
        self._turn = turn
        self._extra = extra
        self._left = MOST
        self._groups: dict[int, str] = {}

    def walk(self, parsed: Any) -> None:
        for operation, argument in parsed:
            self._left -= 1
            if self._left < 0 or len(self.text) > MOST:
                raise PatternError("the pattern asks for too much")
            self._take(operation, argument)

    def _take(self, operation: Any, argument: Any) -> None:
        match operation:
            case ops.LITERAL:
                self.text += chr(argument)
            case ops.NOT_LITERAL | ops.ANY | ops.IN:
                self.text += self._letter(operation, argument)
            case ops.MAX_REPEAT | ops.MIN_REPEAT | ops.POSSESSIVE_REPEAT:
                low, high, inner = argument
                times = low if self._extra < 0 else min(max(low, 1) + self._extra, max(low, int(high)))
                for _ in range(times):
                    self.walk(inner)
            case ops.SUBPATTERN:
                start = len(self.text)
                self.walk(argument[-1])
                if argument[0] is not None:
                    self._groups[argument[0]] = self.text[start:]
            case ops.ATOMIC_GROUP | ops.BRANCH:
                self.walk(argument if operation is ops.ATOMIC_GROUP else argument[1][self._turn % len(argument[1])])
            case ops.GROUPREF:
                self.text += self._groups.get(argument, "")
            case _ if operation is not ops.AT:
                raise PatternError("patterns that look around are not served here")

    def _letter(self, operation: Any, argument: Any) -> str:
        """One of the characters that will do; neighbours differ, so that texts look like something."""
        match operation:
            case ops.ANY:
                wanted: list[Any] = [(ops.NEGATE, None), (ops.LITERAL, 10)]
            case ops.NOT_LITERAL:
                wanted = [(ops.NEGATE, None), (ops.LITERAL, argument)]
            case _:
                wanted = argument
        good = [letter for letter in LETTERS if _is_in(letter, wanted)]
        if good:
            return good[(len(self.text) + self._turn) % len(good)]
        return next((chr(_first(named)) for named in wanted if _first(named)), "\N{EURO SIGN}")


def _is_in(letter: str, wanted: list[Any]) -> bool:
    """Whether a character is in a set."""
    negated = bool(wanted) and wanted[0][0] is ops.NEGATE
    return negated != any(_is(letter, operation, argument) for operation, argument in wanted[negated:])


def _is(letter: str, operation: Any, argument: Any) -> bool:
    match operation:
        case ops.LITERAL:
            return bool(ord(letter) == argument)
        case ops.RANGE:
            return bool(argument[0] <= ord(letter) <= argument[1])
        case _:
            return CATEGORIES[argument](letter)


def _first(named: tuple[Any, Any]) -> int:
    """The first character that a part of a set names, 0 where it names none."""
    operation, argument = named
    return int(argument[0] if operation is ops.RANGE else argument if operation is ops.LITERAL else 0)
