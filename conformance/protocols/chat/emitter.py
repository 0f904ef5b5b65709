"""A reply to the messages of a chat stream, and to its non-streaming twin: the reader turned round.

Knows the order of a good stream and nothing of where the words come from. The same reply gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

DONE = "[DONE]"


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

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object, details included."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def dumps(value: object) -> str:
    """Compact JSON, keys in the order given, non-ASCII text as it is."""
    return msgspec.json.encode(value).decode()


def messages(reply: Reply, *, usage: bool) -> Iterator[str]:
    """The data of every message, [DONE] included; `usage` is whether stream_options.include_usage was asked."""
    for chunk in chunks(reply, usage=usage):
        yield dumps(chunk)
    yield DONE


def chunks(reply: Reply, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The chunks of a good stream: roles, then the choices' pieces in turn, then finish reasons, then usage."""
    for index, choice in enumerate(reply.choices):
        content = None if choice.calls and not choice.pieces else ""
        yield _chunk(reply, usage, _choice(index, {"role": "assistant", "content": content, "refusal": None}))
    deltas = [list(_deltas(choice)) for choice in reply.choices]
    for position in range(max(map(len, deltas), default=0)):
        for index, own in enumerate(deltas):
            if position < len(own):
                yield _chunk(reply, usage, _choice(index, own[position]))
    for index, choice in enumerate(reply.choices):
        yield _chunk(reply, usage, _choice(index, {}, choice.finish_reason))
    if usage:
        yield {**_chunk(reply, usage), "usage": reply.usage}


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
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(reply.choices)
        ],
        "usage": reply.usage,
        "service_tier": reply.service_tier,
        "system_fingerprint": reply.system_fingerprint,
    }


def _deltas(choice: Spoken) -> Iterator[dict[str, Any]]:
    """What comes between the role and the finish_reason: text, then one call after the other."""
    for piece in choice.pieces:
        yield {"content": piece}
    for number, call in enumerate(choice.calls):
        first = {"index": number, "id": call.id, "type": "function"}
        yield {"tool_calls": [{**first, "function": {"name": call.name, "arguments": ""}}]}
        for piece in call.pieces:
            yield {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}


def _message(choice: Spoken) -> dict[str, Any]:
    text = "".join(choice.pieces) if choice.pieces or not choice.calls else None
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": "".join(call.pieces)}}
        for call in choice.calls
    ]
    message = {"role": "assistant", "content": text, "refusal": None}
    return {**message, "tool_calls": calls} if calls else message


def error(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of a refusal, and the data of an error inside a stream."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _chunk(reply: Reply, usage: bool, *choices: dict[str, Any]) -> dict[str, Any]:
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


def _choice(index: int, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
