"""One request to one good answer: validation, the reply, its stream or its document. No socket, no clock, no fault.

Everything in the answer follows from the request and the seed: same request, same seed, same bytes.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import schemas
from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import Reply, Spoken
from conformance.protocols.exchange import Request
from conformance.protocols.payload import parse
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send

from .engines import scripted

CREATED = 1_767_225_600
"""The pinned clock: 2026-01-01T00:00:00Z."""
CONTEXT = 128_000
"""Tokens that a reply may have when the request sets no limit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a mock server is told once, when it starts."""

    seed: int = 0
    models: tuple[str, ...] = ("mock",)
    keys: frozenset[str] = frozenset()
    """Keys that are let in; empty: everybody is."""
    created: int = CREATED


def answer(request: Request, settings: Settings) -> Answer:
    """The answer of a server that does everything right."""
    mark = hashlib.sha256(f"{settings.seed}\n{json.dumps(request.body, sort_keys=True)}".encode()).hexdigest()
    if (refusal := _refuse(request, settings)) is not None:
        return _document(*refusal, mark)
    body = request.body
    assert isinstance(body, dict)  # _refuse let nothing else through
    reply = _reply(body, settings, mark)
    if body.get("stream") is not True:
        return _document(200, emitter.completion(reply), mark)
    options = body.get("stream_options") or {}
    messages = emitter.messages(reply, usage=options.get("include_usage") is True)
    headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-request-id", f"req_{mark[:24]}"),
    )
    return Answer(200, headers, tuple(Send(encoder.message(m)) for m in messages))


def _document(status: int, document: dict[str, Any], mark: str) -> Answer:
    headers = [("content-type", "application/json"), ("x-request-id", f"req_{mark[:24]}")]
    if status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return Answer(status, tuple(headers), (Send(emitter.dumps(document).encode()),), Framing.LENGTH)


def _refuse(request: Request, settings: Settings) -> tuple[int, dict[str, Any]] | None:
    """Status and error body for a request that is not in order."""
    kind = "invalid_request_error"
    if settings.keys and _key(request) not in settings.keys:
        return 401, emitter.error("No valid API key was given.", kind, code="invalid_api_key")
    if not isinstance(request.body, dict):
        return 400, emitter.error("The body of the request is not a JSON object.", kind)
    for wrong in schemas.explain("chat/request").iter_errors(request.body):
        param = ".".join(str(part) for part in wrong.absolute_path) or wrong.message.split("'")[1]
        return 400, emitter.error(f"Invalid value for {param!r}: {wrong.message[:200]}.", kind, param=param)
    if request.body.get("stream_options") is not None and request.body.get("stream") is not True:
        return 400, emitter.error("'stream_options' goes with 'stream: true' only.", kind, param="stream_options")
    model = request.body["model"].partition("#")[0]
    if model not in settings.models:
        return 404, emitter.error(f"The model {model!r} does not exist.", kind, param="model", code="model_not_found")
    return None


def _key(request: Request) -> str:
    return (request.header("authorization") or "").removeprefix("Bearer ").strip()


def _reply(body: dict[str, Any], settings: Settings, mark: str) -> Reply:
    prompt = _text(body["messages"][-1].get("content"))
    seed = f"{settings.seed}/{body.get('seed')}"
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or CONTEXT
    choices = tuple(
        _cut(scripted.reply(prompt, seed=seed, choice=index), body.get("stop"), limit)
        for index in range(body.get("n") or 1)
    )
    return Reply(
        id=f"chatcmpl-{mark[:29]}",
        created=settings.created,
        model=body["model"].partition("#")[0],
        system_fingerprint=f"fp_{settings.seed:010x}",
        choices=choices,
        prompt_tokens=sum(3 + len(scripted.pieces_of(_text(m.get("content")))) for m in body["messages"]),
        completion_tokens=max(1, sum(len(choice.pieces) for choice in choices)),
    )


def _cut(text: str, stop: str | list[str] | None, limit: int) -> Spoken:
    """End a text at the first stop sequence, then at the limit of tokens."""
    found = [text.find(s) for s in ([stop] if isinstance(stop, str) else stop or []) if s and s in text]
    pieces = scripted.pieces_of(text[: min(found)] if found else text)
    return Spoken(pieces[:limit], "length") if len(pieces) > limit else Spoken(pieces, "stop")


def _text(content: object) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def read_body(raw: bytes) -> object:
    """The body of a request: its JSON value, or the text where it is none."""
    value, flaw = parse(raw)
    return raw.decode("utf-8", "replace") if flaw is not None else value
