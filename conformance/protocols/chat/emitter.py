"""A reply to the messages of a chat stream, and to its non-streaming twin: the reader turned round.

Knows the order of a good stream and nothing of where the words come from. The same reply gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

DONE = "[DONE]"
SEPARATORS = {ord(character): f"\\u{ord(character):04x}" for character in "\u0085\u2028\u2029"}
"""In JSON text they stand in strings alone, so that they may be escaped wherever they stand."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call of a tool: its arguments are JSON text in pieces."""

    id: str
    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """One choice: its text in pieces, the tools that it calls after that, and why it ended."""

    pieces: tuple[str, ...]
    finish_reason: str = "stop"
    calls: tuple[Called, ...] = ()
    reasoning: tuple[str, ...] = ()
    """What it thinks before it speaks, in pieces; sent as `reasoning_content`, which OpenAI does not have."""
    logprobs: tuple[dict[str, Any], ...] | None = None
    """One entry for each piece of the text; None where they were not asked for."""
    refusal: tuple[str, ...] = ()
    """What it says in the place of text, in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Everything that a chat completion says, streamed or not."""

    id: str
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[Spoken, ...]
    prompt_tokens: int
    completion_tokens: int
    service_tier: str = "default"
    cached_tokens: int = 0

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object, details included."""
        return self.usage_after(self.completion_tokens, sum(len(choice.reasoning) for choice in self.choices))

    def usage_after(self, completion_tokens: int, reasoning_tokens: int) -> dict[str, Any]:
        """The usage object when so many tokens have been generated."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def dumps(value: object) -> str:
    """Compact JSON, keys in the order given, non-ASCII text as it is, but for what some clients take for line ends."""
    text = msgspec.json.encode(value).decode()
    return text if text.isascii() else text.translate(SEPARATORS)


def messages(reply: Reply, *, usage: bool, continuous: bool = False) -> Iterator[str]:
    """The data of every message, [DONE] included; `usage` and `continuous` are whether stream_options asked for it."""
    told = chunks(reply, usage=usage)
    for chunk in _counted(reply, told) if continuous else told:
        yield dumps(chunk)
    yield DONE


def chunks(reply: Reply, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a good stream: roles, then the choices' pieces in turn, then finish reasons, then usage."""
    for index, choice in enumerate(reply.choices):
        content = None if choice.calls and not choice.pieces else ""
        yield chunk_of(reply, usage, choice_of(index, {"role": "assistant", "content": content, "refusal": None}))
    deltas = [list(_deltas(choice)) for choice in reply.choices]
    for position in range(max(map(len, deltas), default=0)):
        for index, own in enumerate(deltas):
            if position < len(own):
                delta, logprobs = own[position]
                yield chunk_of(reply, usage, choice_of(index, delta, logprobs=logprobs))
    for index, choice in enumerate(reply.choices):
        yield chunk_of(reply, usage, choice_of(index, {}, choice.finish_reason))
    if usage:
        yield {**chunk_of(reply, usage), "usage": reply.usage}


def deltas_of(choice: Spoken) -> int:
    """How many chunks of a stream go between the role and the finish_reason of a choice."""
    calls = sum(1 + len(call.pieces) for call in choice.calls)
    return len(choice.reasoning) + len(choice.pieces) + len(choice.refusal) + calls


def completion(reply: Reply) -> dict[str, Any]:
    """The same reply as one document."""
    return {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [
            {
                "index": index,
                "message": _message(choice),
                "logprobs": None if choice.logprobs is None else logprobs_of(*choice.logprobs),
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(reply.choices)
        ],
        "usage": reply.usage,
        "service_tier": reply.service_tier,
        "system_fingerprint": reply.system_fingerprint,
    }


def _deltas(choice: Spoken) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """What comes between the role and the finish_reason, with its logprobs: thoughts, text, then call after call."""
    for piece in choice.reasoning:
        yield {"reasoning_content": piece}, None
    for position, piece in enumerate(choice.pieces):
        yield {"content": piece}, None if choice.logprobs is None else logprobs_of(choice.logprobs[position])
    for piece in choice.refusal:
        yield {"refusal": piece}, None
    for number, call in enumerate(choice.calls):
        first = {"index": number, "id": call.id, "type": "function"}
        yield {"tool_calls": [{**first, "function": {"name": call.name, "arguments": ""}}]}, None
        for piece in call.pieces:
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}, None


def logprobs_of(*tokens: dict[str, Any]) -> dict[str, Any]:
    """The logprobs of a choice, or of a part of it: one entry for each token."""
    return {"content": list(tokens), "refusal": None}


def _counted(reply: Reply, told: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The chunks with the usage so far on each of them."""
    generated = thought = 0
    for chunk in told:
        if chunk.get("usage"):
            yield chunk
            continue
        for choice in chunk["choices"]:
            generated += "role" not in choice["delta"] and bool(choice["delta"])
            thought += "reasoning_content" in choice["delta"]
        yield {**chunk, "usage": reply.usage_after(min(generated, reply.completion_tokens), thought)}


def _message(choice: Spoken) -> dict[str, Any]:
    text = "".join(choice.pieces) if choice.pieces or not (choice.calls or choice.refusal) else None
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.pieces)}}
        for call in choice.calls
    ]
    message = {"role": "assistant", "content": text, "refusal": "".join(choice.refusal) or None}
    if choice.reasoning:
        message["reasoning_content"] = "".join(choice.reasoning)
    return {**message, "tool_calls": calls} if calls else message


def error(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of a refusal, and the data of an error inside a stream."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def chunk_of(reply: Reply, usage: bool, *choices: dict[str, Any]) -> dict[str, Any]:
    """One chunk; `usage` is whether the stream ends with the usage, and all chunks before it say null."""
    chunk = {
        "id": reply.id,
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "service_tier": reply.service_tier,
        "system_fingerprint": reply.system_fingerprint,
        "choices": list(choices),
    }
    return {**chunk, "usage": None} if usage else chunk


def choice_of(
    index: int, delta: dict[str, Any], finish_reason: str | None = None, logprobs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A part of one choice."""
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
