"""Good streams to be spelled, told and cut in other ways. Knows no oddity and no client."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import DONE, Called, Reply, Spoken
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send

Chunk = dict[str, Any]

HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-request-id", "req_1"),
)
SHARED: Chunk = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_790_000_000,
    "model": "mock",
    "system_fingerprint": "fp_1",
}
USAGE = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
CALLS = (
    Called("call_a", "get_weather", ("", '{"city":', '"Paris"}')),
    Called("call_b", "get_time", ("", '{"zone":"CET"}')),
)
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("get_weather", "get_time")
]
WORDS = ("Hello", ",", " Gr\u00fc\u00dfe", " \U0001f44b", "!")


@dataclass(frozen=True, slots=True)
class Stream:
    """A request and the good stream that answers it."""

    request: Request
    answer: Answer

    def told(self, answer: Answer) -> "Stream":
        """The same with another answer."""
        return replace(self, answer=answer)


def request_for(*, tools: bool = False, usage: bool = False) -> Request:
    """A request for a stream."""
    body: dict[str, Any] = {"model": "mock", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    own: dict[str, Any] = {"tools": TOOLS} if tools else {}
    own |= {"stream_options": {"include_usage": True}} if usage else {}
    return Request("POST", "http://mock/v1/chat/completions", (), {**body, **own})


def spoken(*choices: Spoken, usage: bool = False) -> Stream:
    """A good stream that says this, as the mock tells it."""
    reply = Reply(
        id=SHARED["id"],
        created=SHARED["created"],
        model=SHARED["model"],
        system_fingerprint=SHARED["system_fingerprint"],
        choices=choices,
        prompt_tokens=5,
        completion_tokens=sum(len(choice.pieces) for choice in choices) or 6,
    )
    tools = any(choice.calls for choice in choices)
    return Stream(request_for(tools=tools, usage=usage), answer_of(list(emitter.messages(reply, usage=usage))))


def text_of(*pieces: str, usage: bool = False) -> Stream:
    """A good stream of text."""
    return spoken(Spoken(pieces), usage=usage)


def answer_of(messages: Sequence[str], headers: tuple[tuple[str, str], ...] = HEADERS) -> Answer:
    """Messages as a stream, one write for each."""
    return Answer(200, headers, tuple(Send(encoder.message(message)) for message in messages), Framing.CHUNKED)


def document(status: int, value: object) -> Answer:
    """A JSON value as an answer that is no stream."""
    headers = (("content-type", "application/json"),)
    return Answer(status, headers, (Send(json.dumps(value).encode()),), Framing.LENGTH)


def chunk(*choices: Chunk, **members: Any) -> str:
    """A chunk as text."""
    return emitter.dumps({**SHARED, "choices": list(choices), **members})


def says(delta: Chunk, finish: str | None = None, **members: Any) -> Chunk:
    """What a chunk says of the only choice."""
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **members}


def of_chunks(*chunks: str, tools: bool = False, usage: bool = False) -> Stream:
    """A stream of just these chunks, and [DONE]."""
    return Stream(request_for(tools=tools, usage=usage), answer_of([*chunks, DONE]))


TEXT = text_of(*WORDS, usage=True)
TOOL = spoken(Spoken((), "tool_calls", CALLS), usage=True)
