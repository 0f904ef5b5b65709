"""Tokens to text as they come: characters that are spread over tokens, and stop strings that are. Knows no request."""

import codecs
from collections.abc import Sequence

from .words import Words


class Speller:
    """Text of tokens, one at a time. A character comes with the token that completes it."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._first = True

    def take(self, token: int) -> str:
        """What can be said now."""
        said = self._words.said(token, first=self._first)
        self._first = self._first and not said
        return self._decoder.decode(said)

    def rest(self) -> str:
        """What is left of a character that nobody completed."""
        return self._decoder.decode(b"", final=True)


class Stops:
    """Holds back what may be the beginning of a stop string, and ends with the first one that is complete."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.met = False
        """A stop string has come: nothing after it, nor the string itself, is said."""

    def take(self, text: str) -> str:
        """What of it may be said."""
        if self.met:
            return ""
        whole = self._held + text
        found = [(place + len(stop), place) for stop in self._stops if (place := whole.find(stop)) >= 0]
        if found:
            self.met, self._held = True, ""
            return whole[: min(found)[1]]
        kept = max((_overlap(whole, stop) for stop in self._stops), default=0)
        self._held = whole[len(whole) - kept :]
        return whole[: len(whole) - kept]

    def rest(self) -> str:
        """What was held back for nothing."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of a text are the beginning of a stop string."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
