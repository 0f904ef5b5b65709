"""A good answer, written as a vendor writes it. Knows no vendor: their records are data.

The answer is OpenAI's, one Send per message; every value in it stays as deterministic as it was. A request may be
rewritten before it is answered, so that the answer says all that the vendor says.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from conformance.protocols.chat import emitter
from conformance.protocols.exchange import Request
from conformance.wire.script import Act, Answer, Send, body
from mockserver.messages import Chunk, act_of, chunk_of

from .dialect import Dialect, Item, uuid
from .members import Members, Told, laid_over

OWN = ("content-type", "cache-control", "x-accel-buffering", "x-request-id")
"""Headers of OpenAI's that a vendor replaces by its own."""
TEXT = "text_completion"


def asked(request: Request, dialect: Dialect) -> Request:
    """The request to which OpenAI would say all that the vendor says to this one."""
    body = request.body
    if not isinstance(body, dict) or body.get("stream") is not True:
        return request
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        return request
    counts = ("text" if "prompt" in body else "chat") in dialect.counts
    wanted = dict(options or {})
    if not dialect.continuous or counts:
        wanted.pop("continuous_usage_stats", None)
    if counts and wanted.get("include_usage") in (None, False):
        wanted["include_usage"] = True
    return request if wanted == (options or {}) else replace(request, body={**body, "stream_options": wanted})


def spoken(answer: Answer, request: Request, dialect: Dialect) -> Answer:
    """The answer as the vendor writes it; `request` is what was asked."""
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    asks = request.body if isinstance(request.body, dict) else {}
    if kind.startswith("text/event-stream"):
        usage = (asks.get("stream_options") or {}).get("include_usage") is True
        told = partial(_told, answer, dialect, asked=usage, tools=bool(asks.get("tools")))
        acts = () if answer.told is not None else tuple(told())
        headers = _headers(answer, dialect.stream_headers)
        return replace(answer, headers=headers, acts=acts, told=told if answer.told is not None else None)
    value = json.loads(body(answer.acts)) if kind.startswith("application/json") else None
    if not isinstance(value, dict):
        return answer
    written = emitter.dumps(_document(value, answer.status, dialect)).encode()
    return replace(answer, headers=_headers(answer, dialect.document_headers), acts=(Send(written),))


def _headers(answer: Answer, own: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    new = uuid(_mark(next((value for name, value in answer.headers if name == "x-request-id"), "")))
    kept = ((name, value) for name, value in answer.headers if name not in OWN)
    return (*((name, value.replace("{uuid}", new)) for name, value in own), *kept)


def _told(answer: Answer, dialect: Dialect, *, asked: bool, tools: bool) -> Iterator[Act]:
    """The acts of a stream."""
    items = map(chunk_of, answer.played())
    first = next(items, None)
    waits: list[Item] = []
    while first is not None and not isinstance(first, dict):
        waits.append(first)
        first = next(items, None)
    if first is None:
        yield from map(act_of, waits)
        return
    told = Told(mark=_mark(str(first.get("id"))), asked=asked, tools=tools)
    is_text = first.get("object") == TEXT
    turned: Iterable[Item] = _with_ids([*waits, first], items, dialect, told)
    for turn in dialect.text_turns if is_text else dialect.turns:
        turned = turn(turned, told)
    members = dialect.text_chunk if is_text else dialect.chunk
    for item in _written(turned, members, told) if members else turned:
        yield act_of(item)


def _with_ids(begun: list[Item], items: Iterable[Item], dialect: Dialect, told: Told) -> Iterator[Item]:
    for part in (begun, items):
        for item in part:
            yield _with_id(item, dialect, told) if isinstance(item, dict) else item


def _with_id(chunk: Chunk, dialect: Dialect, told: Told) -> Chunk:
    """A chunk or a document with the ids that the vendor gives."""
    prefix = "cmpl" if chunk.get("object") == TEXT else "chatcmpl"
    chunk = {**chunk, "id": dialect.id(prefix, told.mark)}
    if dialect.call_id is None:
        return chunk
    for choice in chunk["choices"]:
        for call in (choice.get("delta") or choice.get("message") or {}).get("tool_calls") or ():
            if call.get("id"):
                call["id"] = dialect.call_id(_mark(call["id"]))
    return chunk


def _written(items: Iterable[Item], members: Members, told: Told) -> Iterator[Item]:
    """The chunks with the vendor's members. Each is written when the next is known, so that the last knows itself."""
    held: list[Item] = []
    first = frozenset({"first"})
    for item in items:
        if held and isinstance(item, dict):
            yield from _now(held, members, told, first)
            first = frozenset()
            held.clear()
        if held or isinstance(item, dict):
            held.append(item)
        else:
            yield item
    if held:
        yield from _now(held, members, told, first | {"last"})


def _now(held: list[Item], members: Members, told: Told, place: frozenset[str]) -> Iterator[Item]:
    chunk, *others = held
    assert isinstance(chunk, dict), "a chunk is held"
    told = replace(told, tags=place | tags_of(chunk))
    yield laid_over(chunk, members, told)
    yield from others


def tags_of(chunk: Chunk) -> frozenset[str]:
    """What a chunk is."""
    choices = chunk.get("choices")
    if not choices:
        return frozenset({"usage"} if chunk.get("usage") else {"alone"})
    choice = choices[0]
    delta = choice.get("delta") or {}
    said = {
        "role": delta.get("role"),
        "text": delta.get("content") or choice.get("text") or delta.get("refusal"),
        "reasoning": delta.get("reasoning_content"),
        "call": delta.get("tool_calls"),
        "finish": choice.get("finish_reason"),
    }
    return frozenset(name for name, value in said.items() if value)


def _document(value: dict[str, Any], status: int, dialect: Dialect) -> dict[str, Any]:
    """A document as the vendor writes it."""
    if isinstance(error := value.get("error"), dict):
        return dialect.error(status, error)
    if "choices" in value:
        told = Told(mark=_mark(str(value.get("id"))), tags=frozenset({"document"}))
        members = dialect.text_document if value.get("object") == TEXT else dialect.document
        value = _with_id(value, dialect, told)
        return laid_over(value, members, told) if members else value
    if dialect.owner and value.get("object") == "list":
        return {**value, "data": [{**model, "owned_by": dialect.owner} for model in value["data"]]}
    return {**value, "owned_by": dialect.owner} if dialect.owner and value.get("object") == "model" else value


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
