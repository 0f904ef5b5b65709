"""A text completion to the messages of a stream, and to its non-streaming twin: the reader turned round.

Knows the order of a good stream and nothing of where the words come from. The same reply gives the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from conformance.protocols.chat.emitter import DONE, dumps


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text and how likely it was; None for the first token of a prompt, before which nothing stands."""

    text: str
    logprob: float | None = None
    alternatives: dict[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One choice: its text in tokens, and why it ended."""

    tokens: tuple[Token, ...]
    finish_reason: str
    echoed: tuple[Token, ...] = ()
    """The prompt, where it was asked for again."""
    prompt: str = ""
    with_logprobs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Everything that a text completion says, streamed or not."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[Written, ...]
    usage: dict[str, Any] = field(default_factory=dict)


def messages(reply: Completion, *, usage: bool) -> Iterator[str]:
    """The data of every message, [DONE] included; `usage` is whether stream_options.include_usage was asked."""
    for chunk in chunks(reply, usage=usage):
        yield dumps(chunk)
    yield DONE


def chunks(reply: Completion, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a good stream: echoed prompts, the choices' tokens in turn, finish reasons, then usage."""
    null_usage = {"usage": None} if usage else {}
    for index, choice in enumerate(reply.choices):
        if choice.echoed:
            yield {**document_of(reply, part_of(index, choice, choice.echoed, 0)), **null_usage}
    starts = [_starts(choice.tokens, len(choice.prompt)) for choice in reply.choices]
    for position in range(max((len(choice.tokens) for choice in reply.choices), default=0)):
        for index, choice in enumerate(reply.choices):
            if position < len(choice.tokens):
                tokens, at = choice.tokens[position : position + 1], starts[index][position]
                yield {**document_of(reply, part_of(index, choice, tokens, at)), **null_usage}
    for index, choice in enumerate(reply.choices):
        finish = {"text": "", "index": index, "logprobs": None, "finish_reason": choice.finish_reason}
        yield {**document_of(reply, finish), **null_usage}
    if usage:
        yield {**document_of(reply), "usage": reply.usage}


def completion(reply: Completion) -> dict[str, Any]:
    """The same reply as one document."""
    whole = [
        {
            **part_of(index, choice, (*choice.echoed, *choice.tokens), 0 if choice.echoed else len(choice.prompt)),
            "finish_reason": choice.finish_reason,
        }
        for index, choice in enumerate(reply.choices)
    ]
    return {**document_of(reply, *whole), "usage": reply.usage}


def document_of(reply: Completion, *choices: dict[str, Any]) -> dict[str, Any]:
    """A document, or a chunk, with these choices."""
    return {
        "id": reply.id,
        "object": "text_completion",
        "created": reply.created,
        "choices": list(choices),
        "model": reply.model,
        "system_fingerprint": reply.system_fingerprint,
    }


def part_of(index: int, choice: Written, tokens: Sequence[Token], offset: int) -> dict[str, Any]:
    """Some tokens of a choice that is still open; `offset` is where they stand in prompt and text together."""
    return {
        "text": "".join(token.text for token in tokens),
        "index": index,
        "logprobs": _logprobs(tokens, offset) if choice.with_logprobs else None,
        "finish_reason": None,
    }


def _logprobs(tokens: Sequence[Token], offset: int) -> dict[str, Any]:
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [token.alternatives for token in tokens],
        "text_offset": _starts(tokens, offset)[:-1],
    }


def _starts(tokens: Sequence[Token], offset: int) -> list[int]:
    """Where each token begins, and where the last one ends."""
    return list(accumulate((len(token.text) for token in tokens), initial=offset))
