"""The tokens of one choice to what is said of it: thoughts, text, calls, and why it ends. Knows no JSON of a chunk.

Thoughts and calls stand between marks, which are tokens of their own. What may still become something else - white
space before a call, the beginning of a stop string, half a character - is held back.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mockserver.engines.decoding.events import Finish, Token

from .calling import Calling, Part
from .spelling import Speller, Stops
from .words import Words


@dataclass(frozen=True, slots=True)
class Said:
    """Something new of a choice. One member has a value."""

    text: str = ""
    thought: str = ""
    call: Part | None = None
    tokens: tuple[Token, ...] = ()
    """Those that the text is made of, where logprobs were asked for; the last may reach into a stop string."""


class Place(Enum):
    """What a token belongs to."""

    TEXT = "text"
    THOUGHT = "thought"
    CALL = "call"


@dataclass(slots=True, kw_only=True)
class Choice:
    """One choice, as far as it has come."""

    words: Words
    stops: Sequence[str] = ()
    may_call: bool = False
    offered: Collection[str] | None = None
    """Functions that may be called; None: any. A call of another one is text."""
    most_calls: int | None = None
    """After so many it ends; None: when it will."""
    bare_calls: bool = False
    """The reply is calls and nothing else, without marks: models that have none are held to that."""
    with_tokens: bool = False
    tokens: int = 0
    """Tokens so far, the one that ends it included."""
    thought_tokens: int = 0
    calls: int = 0
    """Calls that have begun."""
    finish: str = ""
    """Why it ended: stop, length or tool_calls; "" while it goes on."""
    _place: Place = Place.TEXT
    _speller: Speller = field(init=False)
    _stops: Stops = field(init=False)
    _calling: Calling | None = None
    _blank: list[str] = field(default_factory=list)
    """White space that is text only if text follows."""
    _spoken: bool = False
    _thought_before: bool = False
    _mute: list[Token] = field(default_factory=list)
    """Tokens with which no character has come yet."""
    _pending: deque[tuple[list[Token], int]] = field(default_factory=deque)
    """Tokens of text that is held back, with the characters that came with the last of each few."""
    _released: int = 0
    """Characters of `_pending` that have been said already."""

    def __post_init__(self) -> None:
        self._speller, self._stops = Speller(self.words), Stops(self.stops)
        if self.bare_calls:
            self._place, self._calling = Place.CALL, Calling(self.calls, self.offered)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return bool(self.finish)

    def take(self, tokens: Sequence[Token], finish: Finish | None, stopped_by: int | None = None) -> Iterator[Said]:
        """What is said with these tokens. `finish` and `stopped_by` are the engine's."""
        for number, token in enumerate(tokens):
            if self.finish:
                return
            self.tokens += 1
            if token.id == stopped_by and number == len(tokens) - 1:
                break
            yield from self._token(token)
        if finish is not None and not self.finish:
            yield from self._end(finish)

    def _token(self, token: Token) -> Iterator[Said]:
        thoughts, calls = self.words.thoughts, self.words.calls
        if thoughts is not None and token.id == thoughts.begin and self._place is Place.TEXT:
            yield from self._pause()
            self._place, self._thought_before = Place.THOUGHT, False
            self.thought_tokens += 1
        elif thoughts is not None and token.id == thoughts.end and self._place is not Place.CALL:
            self.thought_tokens += 1
            self._blank, self._place, self._thought_before = [], Place.TEXT, True
        elif calls is not None and self.may_call and token.id == calls.begin and self._place is Place.TEXT:
            yield from self._to_a_call()
        elif calls is not None and token.id == calls.end and self._place is Place.CALL and not self.bare_calls:
            yield from self._after_a_call()
        elif self._place is Place.THOUGHT:
            self.thought_tokens += 1
            yield from self._think(self._speller.take(token.id))
        elif self._place is Place.CALL:
            assert self._calling is not None
            self._mute += [token] if self.with_tokens else []  # they are told if it was no call after all
            yield from self._called(self._calling.take(self._speller.take(token.id)))
        else:
            yield from self._speak(self._speller.take(token.id), token)

    def _think(self, text: str) -> Iterator[Said]:
        kept = self._without_blank(text)
        if not self._thought_before:
            kept = kept.lstrip()
        if kept:
            self._thought_before = True
            yield Said(thought=kept)

    def _without_blank(self, text: str) -> str:
        """What came, and the white space before it; what there is at its end waits."""
        kept = text.rstrip()
        blank = text[len(kept) :]
        if kept:
            kept = "".join((*self._blank, kept))
            self._blank = []
        if blank:
            self._blank.append(blank)
        return kept

    def _speak(self, text: str, token: Token | None) -> Iterator[Said]:
        """Text, as far as it can be said; `token` is the one that it came with."""
        if self.with_tokens:
            self._mute += [token] if token is not None else []
            if text:
                self._pending.append((self._mute, len(text)))
                self._mute = []
        said = self._stops.take(text)
        yield from self._say(said)
        if self._stops.met:
            if self._released and self._pending:  # a part of this token has been said before
                yield Said(tokens=tuple(self._pending[0][0]))
            self._pending.clear()
            self.finish = "stop"

    def _say(self, text: str) -> Iterator[Said]:
        if not self._spoken and self._thought_before:
            fresh = text.lstrip()
            self._tokens_of(len(text) - len(fresh))  # said by nobody, nor are the tokens that were it alone
            text = fresh
        kept = self._without_blank(text) if self.may_call else text
        if kept:
            self._spoken = True
            yield Said(text=kept, tokens=self._tokens_of(len(kept)))

    def _tokens_of(self, characters: int) -> tuple[Token, ...]:
        """The tokens that are complete when so many more characters have been said, or of which no more will be."""
        self._released += characters
        done: list[Token] = []
        while self._pending and self._pending[0][1] <= self._released:
            tokens, length = self._pending.popleft()
            self._released -= length
            done += tokens
        if self._stops.met and self._released and self._pending:  # the stop string begins within this one
            done += self._pending.popleft()[0]
            self._released = 0
        return tuple(done)

    def _to_a_call(self) -> Iterator[Said]:
        """Text ends, and a call begins."""
        yield from self._pause()
        self._place, self._calling = Place.CALL, Calling(self.calls, self.offered)

    def _pause(self) -> Iterator[Said]:
        """Text ends here, for a while at least: what was held back is said, but for white space."""
        yield from self._say(self._speller.rest())
        yield from self._say(self._stops.rest())
        self._blank, self._speller = [], Speller(self.words)
        self._pending.clear()
        self._mute.clear()
        self._released = 0

    def _after_a_call(self) -> Iterator[Said]:
        assert self._calling is not None
        yield from self._called(self._calling.end())
        self._place, self._calling, self._speller = Place.TEXT, None, Speller(self.words)
        if self.most_calls is not None and self.calls >= self.most_calls:
            self.finish = "tool_calls"

    def _called(self, parts: Iterator[Part | str]) -> Iterator[Said]:
        for part in parts:
            if isinstance(part, str):  # it was no call after all
                yield from self._speak(part, None)
                continue
            self._mute.clear()
            self.calls = max(self.calls, part.index + 1)
            yield Said(call=part)

    def _end(self, finish: Finish) -> Iterator[Said]:
        """Say what was held back."""
        if self._place is Place.CALL and self._calling is not None:
            yield from self._called(self._calling.end())
        elif self._place is Place.TEXT:
            yield from self._speak(self._speller.rest(), None)
        if self._place is not Place.THOUGHT:
            yield from self._say(self._stops.rest())
            if self._blank and not self.calls:
                blank, self._blank = "".join(self._blank), []
                yield Said(text=blank, tokens=self._tokens_of(len(blank)))
        if not self.finish:
            self.finish = "length" if finish is Finish.LENGTH else "tool_calls" if self.calls else "stop"
