"""What is said of each choice to the chunks of a stream, or to one document: a chat completion or a text completion.

Knows no engine and no socket. How a chunk looks is the emitters' business.
"""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from conformance.protocols.chat import emitter as chat
from conformance.protocols.chat.emitter import Called, Reply, Spoken
from conformance.protocols.completions import emitter as text
from conformance.protocols.completions.emitter import Completion, Written
from mockserver.engines.decoding.events import Token

from .asking import Asked, shown
from .calling import Part
from .telling import Choice, Said
from .words import Words

LEAST = -9999.0
"""A logprob, where the token could not come at all: JSON has no infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What all parts of an answer have in common."""

    id: str
    created: int
    model: str
    fingerprint: str
    usage: bool = False
    """The stream ends with the usage."""
    continuous: bool = False
    """Every chunk has it."""


class Writer(Protocol):
    """Writes one answer; the same calls come for a stream and for a document."""

    def begin(self) -> Iterator[dict[str, Any]]:
        """Chunks that come before anything is said."""

    def read(self, index: int, prompt: Sequence[Token]) -> Iterator[dict[str, Any]]:
        """A choice begins; `prompt` are the tokens of its prompt, where they are told."""

    def say(self, index: int, said: Said) -> dict[str, Any]:
        """The chunk for something that was said."""

    def finish(self, index: int) -> dict[str, Any]:
        """The chunk for the end of a choice."""

    def end(self) -> Iterator[dict[str, Any]]:
        """Chunks that come after everything."""

    def document(self) -> dict[str, Any]:
        """All of it as one document."""


@dataclass(slots=True)
class Told:
    """What was said of a choice of chat, for the document."""

    pieces: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, list[str]]] = field(default_factory=list)
    """Of each its id, its name, and its arguments in pieces."""
    logprobs: list[dict[str, Any]] = field(default_factory=list)

    def spoken(self, finish_reason: str, *, logprobs: bool) -> Spoken:
        """All of it."""
        return Spoken(
            pieces=tuple(self.pieces),
            finish_reason=finish_reason,
            calls=tuple(Called(name, called, tuple(pieces)) for name, called, pieces in self.calls),
            reasoning=tuple(self.reasoning),
            logprobs=tuple(self.logprobs) if logprobs and (self.pieces or not self.calls) else None,
        )


@dataclass(slots=True)
class ChatWriter:
    """See Writer."""

    about: About
    asked: Asked
    choices: Sequence[Choice]
    words: Words
    keeps: bool = True
    """Whether a document will be wanted; a stream keeps nothing of what it has said."""
    _told: list[Told] = field(init=False)
    _reply: Reply = field(init=False)

    def __post_init__(self) -> None:
        about = self.about
        self._told = [Told() for _ in self.choices]
        self._reply = Reply(
            id=about.id,
            created=about.created,
            model=about.model,
            system_fingerprint=about.fingerprint,
            choices=(),
            prompt_tokens=self.asked.prompt_tokens,
            completion_tokens=0,
        )

    def begin(self) -> Iterator[dict[str, Any]]:
        """Roles."""
        content = None if self.asked.must_call else ""
        for index in range(len(self.choices)):
            yield self._chunk(chat.choice_of(index, {"role": "assistant", "content": content, "refusal": None}))

    def read(self, index: int, prompt: Sequence[Token]) -> Iterator[dict[str, Any]]:  # noqa: ARG002 - for text
        """Nothing: a prompt is not told again."""
        yield from ()

    def say(self, index: int, said: Said) -> dict[str, Any]:
        """Text, a thought, or a part of a call."""
        told = self._told[index]
        if said.call is not None:
            return self._chunk(chat.choice_of(index, {"tool_calls": [self._call(index, said.call)]}))
        if said.thought:
            if self.keeps:
                told.reasoning.append(said.thought)
            return self._chunk(chat.choice_of(index, {"reasoning_content": said.thought}))
        entries = list(map(self._entry, said.tokens))
        if self.keeps:
            told.pieces.append(said.text)
            told.logprobs += entries
        logprobs = None if self.asked.top is None else chat.logprobs_of(*entries)
        return self._chunk(chat.choice_of(index, {"content": said.text}, logprobs=logprobs))

    def _call(self, index: int, part: Part) -> dict[str, Any]:
        """A call, or more of its arguments."""
        calls = self._told[index].calls
        if part.name:
            name = f"call_{self.about.id[-16:]}{index}{part.index}"
            if self.keeps:
                calls.append((name, part.name, []))
            function = {"name": part.name, "arguments": ""}
            return {"index": part.index, "function": function, "id": name, "type": "function"}
        if self.keeps:
            calls[-1][2].append(part.arguments)
        return {"index": part.index, "function": {"arguments": part.arguments}}

    def finish(self, index: int) -> dict[str, Any]:
        """An empty delta with the reason."""
        return self._chunk(chat.choice_of(index, {}, self.choices[index].finish))

    def end(self) -> Iterator[dict[str, Any]]:
        """The usage, where it was asked for."""
        if self.about.usage:
            yield {**chat.chunk_of(self._reply, True), "usage": self._usage()}

    def document(self) -> dict[str, Any]:
        """The chat completion."""
        wanted = self.asked.top is not None
        told = [
            told.spoken(choice.finish, logprobs=wanted) for told, choice in zip(self._told, self.choices, strict=True)
        ]
        return {**chat.completion(replace(self._reply, choices=tuple(told))), "usage": self._usage()}

    def _chunk(self, part: dict[str, Any]) -> dict[str, Any]:
        chunk = chat.chunk_of(self._reply, self.about.usage, part)
        return {**chunk, "usage": self._usage()} if self.about.continuous else chunk

    def _usage(self) -> dict[str, Any]:
        return self._reply.usage_after(
            sum(choice.tokens for choice in self.choices), sum(choice.thought_tokens for choice in self.choices)
        )

    def _entry(self, token: Token) -> dict[str, Any]:
        top = [self._likely(other, logprob) for other, logprob in token.top]
        return {**self._likely(token.id, token.logprob), "top_logprobs": top}

    def _likely(self, token: int, logprob: float | None) -> dict[str, Any]:
        said = self.words.bytes_of(token)
        return {"token": shown(token, self.words), "logprob": _finite(logprob), "bytes": list(said)}


@dataclass(slots=True)
class TextWriter:
    """See Writer."""

    about: About
    asked: Asked
    choices: Sequence[Choice]
    words: Words
    echoes: bool = False
    keeps: bool = True
    """See ChatWriter."""
    _told: list[list[text.Token]] = field(init=False)
    _ends: list[int] = field(init=False)
    """Characters of prompt and text so far, of each choice."""
    _echoed: list[tuple[text.Token, ...]] = field(init=False)
    _written: list[Written] = field(init=False)
    _reply: Completion = field(init=False)

    def __post_init__(self) -> None:
        about = self.about
        each = len(self.choices) // max(1, len(self.asked.prompts))
        prompts = [prompt for prompt in self.asked.prompts for _ in range(each)]
        self._written = [
            Written(tokens=(), finish_reason="", prompt=prompt, with_logprobs=self.asked.top is not None)
            for prompt in prompts
        ]
        self._told = [[] for _ in self.choices]
        self._ends = list(map(len, prompts))
        self._echoed = [() for _ in self.choices]
        self._reply = Completion(
            id=about.id, created=about.created, model=about.model, system_fingerprint=about.fingerprint, choices=()
        )

    def begin(self) -> Iterator[dict[str, Any]]:
        """Nothing."""
        yield from ()

    def read(self, index: int, prompt: Sequence[Token]) -> Iterator[dict[str, Any]]:
        """The prompt, where it is to be told again."""
        if self.echoes:
            written = self._written[index]
            tokens = self._tokens(written.prompt, prompt) if prompt else (text.Token(written.prompt),)
            self._echoed[index] = tokens
            yield self._chunk(text.part_of(index, written, tokens, 0))

    def say(self, index: int, said: Said) -> dict[str, Any]:
        """Text."""
        tokens = self._tokens(said.text, said.tokens) if said.tokens else (text.Token(said.text),)
        part = text.part_of(index, self._written[index], tokens, self._ends[index])
        self._ends[index] += len(said.text)
        if self.keeps:
            self._told[index] += tokens
        if not said.tokens and self.asked.top is not None:
            part["logprobs"] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        return self._chunk(part)

    def finish(self, index: int) -> dict[str, Any]:
        """No text, and the reason."""
        reason = self.choices[index].finish
        return self._chunk({"text": "", "index": index, "logprobs": None, "finish_reason": reason})

    def end(self) -> Iterator[dict[str, Any]]:
        """The usage, where it was asked for."""
        if self.about.usage:
            yield {**text.document_of(self._reply), "usage": self._usage()}

    def document(self) -> dict[str, Any]:
        """The text completion."""
        written = tuple(
            replace(each, tokens=tuple(told), echoed=echoed, finish_reason=choice.finish)
            for each, told, echoed, choice in zip(self._written, self._told, self._echoed, self.choices, strict=True)
        )
        return text.completion(replace(self._reply, choices=written, usage=self._usage()))

    def _tokens(self, said: str, tokens: Sequence[Token]) -> tuple[text.Token, ...]:
        """The tokens with their part of the text: a character that is spread over several belongs to the last."""
        parts, seen = [], 0
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        for token in tokens:
            reached = seen + len(decoder.decode(self.words.said(token.id)))
            parts.append(said[seen:reached])
            seen = reached
        if parts:
            parts[-1] += said[seen:]
        return tuple(
            text.Token(part, token.logprob if token.logprob is None else _finite(token.logprob), self._top(token))
            for part, token in zip(parts, tokens, strict=True)
        )

    def _top(self, token: Token) -> dict[str, float] | None:
        top = {shown(other, self.words): _finite(logprob) for other, logprob in reversed(token.top)}
        return top or None

    def _chunk(self, part: dict[str, Any]) -> dict[str, Any]:
        usage: dict[str, Any] = {"usage": None} if self.about.usage else {}
        if self.about.continuous:
            usage = {"usage": self._usage()}
        return {**text.document_of(self._reply, part), **usage}

    def _usage(self) -> dict[str, Any]:
        prompt, made = self.asked.prompt_tokens, sum(choice.tokens for choice in self.choices)
        return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}


def _finite(logprob: float | None) -> float:
    return LEAST if logprob is None else max(LEAST, logprob)
