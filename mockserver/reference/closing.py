"""How a guided JSON text comes to its end while there is room: which of the tokens that may come close what is open.

A model that knows nothing writes strings, numbers and lists without end. Knows no grammar: what may come is given.
"""

import re
from collections.abc import Iterable
from typing import Any
from zlib import crc32

import numpy as np

from .nesting import Nesting
from .words import Words

KEPT = 128
"""Tokens that are kept for closing what is open, if the reply may be that long."""
CLOSE = 16
"""Tokens that are kept besides one for each bracket."""
DIGITS = 15
"""A number has so many if it may end there: with more, two texts are one number, on both sides of a bound."""
POWER = 2
"""Digits of an exponent, with which every number is finite."""
NUMBER = re.compile(rb"[-+.0-9eE]*")
ENDS_AS_NUMBER = re.compile(rb"-?[0-9][-+.0-9eE]*$|-$")


def is_time(left: int, tokens: int, text: Nesting) -> bool:
    """Whether to come to an end, with so many tokens left of all: each bracket may take one."""
    return left <= max(text.depth + CLOSE, min(tokens // 2, KEPT + tokens // 16))


class Closers:
    """The tokens of a model, by what they do to a JSON text that is open."""

    def __init__(self, words: Words, vocabulary: int, stops: Iterable[int] = ()) -> None:
        self.size = vocabulary
        said = [words.bytes_of(token) for token in range(vocabulary)]
        ends = set(stops)
        self._stops = _chosen(token in ends for token in range(vocabulary))
        self._digits = np.fromiter((len(_number(text)) for text in said), dtype=np.int64)
        self._each = {digit: _chosen(text == bytes([digit]) for text in said) for digit in b"123456789"}
        self._longest = int(self._digits.max(initial=0))
        self._has_long = self._longest > DIGITS
        brackets = _chosen(bool(text) and not text.strip(b"}]") for text in said)
        commas = _chosen(text[:1] == b"," and not set(b"{[") & set(text) for text in said)
        plain = _chosen(not set(b"{[") & set(text) for text in said)
        self._outside = (self._stops, brackets, commas, plain)
        self._inside = (_chosen(text == b'"' for text in said), _chosen(text[:1] == b'"' for text in said))

    def of(self, allowed: Any, text: Nesting) -> Any:
        """Those of the allowed tokens that come nearest to the end: bool, one for each token."""
        for kind in self._inside if text.quoted else self._outside:
            if (both := allowed & kind).any():
                return both
        return allowed

    def ending(self, allowed: Any) -> Any:
        """Those of the allowed tokens that end a reply which is no JSON, if any do."""
        both = allowed & self._stops
        return both if both.any() else allowed

    def bounds(self, number: bytes) -> bool:
        """Whether a number that has come so far, b"" for none, may be too long with the next token."""
        return bool(number) or self._has_long

    def matters(self, number: bytes) -> bool:
        """Whether there is a token, too, with which it would be."""
        return self.bounds(number) and _left(number) < self._longest

    def short(self, allowed: Any, number: bytes) -> Any:
        """Those of the allowed tokens with which a number does not get too long; else what lets it end soon."""
        if (both := allowed & (self._digits <= max(0, _left(number)))).any():
            return both
        after = 0x31 + crc32(number) % 9  # any digit: one of them may be the last
        both = allowed & self._each[after]
        return both if both.any() else allowed


def number_after(number: bytes, said: bytes) -> bytes:
    """The number that a JSON text ends with, outside of strings, when more of it has come; b"" where with none."""
    found = ENDS_AS_NUMBER.search(number + said) if len(_number(said)) == len(said) else ENDS_AS_NUMBER.search(said)
    return found[0] if found else b""


def _number(text: bytes) -> bytes:
    found = NUMBER.match(text)
    return found[0] if found else b""


def _digits(text: bytes) -> int:
    return sum(letter in b"0123456789" for letter in text)


def _left(number: bytes) -> int:
    """Digits that may still come."""
    mantissa, _, power = number.lower().partition(b"e")
    return POWER - _digits(power) if b"e" in number.lower() else DIGITS - _digits(mantissa)


def _chosen(tokens: Any) -> Any:
    return np.fromiter(tokens, dtype=bool)
