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
        self._stops = [_Sought(stop) for stop in stops if stop]
        self._held = ""
        self.met = False
        """A stop string has come: nothing after it, nor the string itself, is said."""

    def take(self, text: str) -> str:
        """What of it may be said."""
        if self.met:
            return ""
        whole = self._held + text
        ends = [(end, -len(stop.text)) for stop in self._stops if (end := stop.take(text)) is not None]
        if ends:
            end, length = min(ends)
            self.met = True
            before, self._held = len(self._held), ""
            return whole[: before + end + length]
        kept = max((stop.reached for stop in self._stops), default=0)
        self._held = whole[len(whole) - kept :]
        return whole[: len(whole) - kept]

    def rest(self) -> str:
        """What was held back for nothing."""
        held, self._held = self._held, ""
        return held


class _Sought:
    """One stop string: how much of it a text ends with, letter by letter, after Knuth, Morris and Pratt."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reached = 0
        """Letters of it with which the text so far ends."""
        self._shorter = [0]
        """For each of its beginnings, as far as they were reached, the longest shorter one with which that ends."""

    def take(self, text: str) -> int | None:
        """More of the text: where in it the string is complete for the first time; None where it is not."""
        reached = self.reached
        for place, letter in enumerate(text, 1):
            reached = self._next(reached, letter)
            if reached == len(self.text):
                return place
            if reached > len(self._shorter):
                self._shorter.append(self._next(self._shorter[-1], self.text[reached - 1]))
        self.reached = reached
        return None

    def _next(self, reached: int, letter: str) -> int:
        while reached and letter != self.text[reached]:
            reached = self._shorter[reached - 1]
        return reached + (letter == self.text[reached])
