"""What the upstream says: chunks as they are written by OpenAI, and plans made of them. Knows no gateway."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.protocols.chat.emitter import dumps
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Send, Wait
from mockserver.upstream import Plan

WORDS = ("Hello", ",", " this", " is", " a", " stream", " of", " tokens", ".")
CREATED = 1_767_225_600
GAP = 0.02
"""Seconds between two events, where nothing depends on it."""
OPENED = 0.06
"""Seconds between two events where it is to be seen whether they are held back."""
SSE = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-request-id", "req_streamspec"),
    ("openai-processing-ms", "12"),
)
JSON = (("content-type", "application/json"), ("x-request-id", "req_streamspec"))
USAGE = {"prompt_tokens": 7, "completion_tokens": len(WORDS), "total_tokens": 7 + len(WORDS)}
DONE = b"data: [DONE]\n\n"

Chunk = dict[str, Any]


def model_of(request: Request) -> str:
    """The model that the gateway asks for."""
    body = request.body
    model = body.get("model") if isinstance(body, dict) else None
    return model if isinstance(model, str) else "unknown"


def usage_asked(request: Request) -> bool:
    """Whether the gateway asks for usage: a server that does right sends it then and only then."""
    options = request.body.get("stream_options") if isinstance(request.body, dict) else None
    return isinstance(options, dict) and options.get("include_usage") is True


def chunk(request: Request, *choices: Chunk, **members: Any) -> Chunk:
    """A chunk; `usage: null` is on it where usage was asked for, as OpenAI writes it."""
    base: Chunk = {
        "id": "chatcmpl-streamspec",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": model_of(request),
        "service_tier": "default",
        "system_fingerprint": "fp_streamspec",
        "choices": list(choices),
    }
    return {**base, **({"usage": None} if usage_asked(request) else {}), **members}


def choice(delta: Chunk, finish: str | None = None, index: int = 0) -> Chunk:
    """A choice of a chunk."""
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def role(index: int = 0) -> Chunk:
    """The first delta of a choice."""
    return choice({"role": "assistant", "content": "", "refusal": None}, index=index)


def good(request: Request, words: Iterable[str] = WORDS) -> Iterator[Chunk]:
    """The chunks of a good stream of one choice."""
    yield chunk(request, role())
    for word in words:
        yield chunk(request, choice({"content": word}))
    yield chunk(request, choice({}, "stop"))
    if usage_asked(request):
        yield usage_chunk(request)


def usage_chunk(request: Request) -> Chunk:
    """The last chunk, where usage was asked for."""
    return chunk(request, usage=USAGE)


def data(value: Chunk | str) -> bytes:
    """An event in the plainest form."""
    return encoder.message(value if isinstance(value, str) else dumps(value))


def written(chunks: Iterable[Chunk], *, done: bool = True) -> list[bytes]:
    """Chunks as events, one write for each."""
    return [*map(data, chunks), *([DONE] if done else [])]


def paced(events: Iterable[bytes], gap: float = GAP, first: float = 0.0) -> tuple[Act, ...]:
    """Events with silence before and between."""
    acts: list[Act] = [Wait(first)] if first else []
    for position, event in enumerate(events):
        if position and gap:
            acts.append(Wait(gap))
        acts.append(Send(event))
    return tuple(acts)


def stream(
    events: Iterable[bytes],
    gap: float = GAP,
    *,
    first: float = 0.0,
    headers: tuple[tuple[str, str], ...] = SSE,
    cut: bool = False,
    then: tuple[Act, ...] = (),
) -> Plan:
    """A plan for a stream of these events."""
    return Plan(Answer(200, headers, (*paced(events, gap, first), *then)), cut)


def document(
    value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), content_type: str = "application/json"
) -> Plan:
    """A plan for a body that is no stream; text is sent as it is."""
    raw = value if isinstance(value, str) else json.dumps(value)
    own = (("content-type", content_type), ("x-request-id", "req_streamspec"), *headers)
    return Plan(Answer(status, own, (Send(raw.encode()),), Framing.LENGTH))


def error(message: str, kind: str, code: str | None, param: str | None = None) -> Chunk:
    """An error object as OpenAI writes it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
