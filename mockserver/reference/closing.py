"""How a guided JSON text comes to its end while there is room: which of the tokens that may come close what is open.

A model that knows nothing writes strings, numbers and lists without end. Knows no grammar: what may come is given.
"""

from typing import Any

import numpy as np

from .nesting import Nesting
from .words import Words

KEPT = 128
"""Tokens that are kept for closing what is open, if the reply may be that long."""
CLOSE = 16
"""Tokens that are kept besides one for each bracket."""


def is_time(left: int, tokens: int, text: Nesting) -> bool:
    """Whether to come to an end, with so many tokens left of all: each bracket may take one."""
    return left <= max(text.depth + CLOSE, min(tokens // 2, KEPT + tokens // 16))


class Closers:
    """The tokens of a model, by what they do to a JSON text that is open."""

    def __init__(self, words: Words, vocabulary: int) -> None:
        self.size = vocabulary
        said = [words.bytes_of(token) for token in range(vocabulary)]
        brackets = _chosen(bool(text) and not text.strip(b"}]") for text in said)
        commas = _chosen(text[:1] == b"," and not set(b"{[") & set(text) for text in said)
        plain = _chosen(not set(b"{[") & set(text) for text in said)
        self._outside = (brackets, commas, plain)
        self._inside = (_chosen(text == b'"' for text in said), _chosen(text[:1] == b'"' for text in said))

    def of(self, allowed: Any, text: Nesting) -> Any:
        """Those of the allowed tokens that come nearest to the end: bool, one for each token."""
        for kind in self._inside if text.quoted else self._outside:
            if (both := allowed & kind).any():
                return both
        return allowed


def _chosen(tokens: Any) -> Any:
    return np.fromiter(tokens, dtype=bool)
