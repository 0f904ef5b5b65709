"""One chat request to one good answer: validation, the reply, its stream or its document. Knows no socket and no fault.

Everything in the answer follows from the request and the seed: same request, same seed, same bytes.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from jsonschema.exceptions import ValidationError

import schemas
from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import Called, Reply, Spoken
from conformance.protocols.exchange import Request
from conformance.protocols.finding import shorten
from conformance.protocols.payload import parse
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send

from .engines import scripted, tools
from .engines.instances import UnfitError

CREATED = 1_767_225_600
"""The pinned clock: 2026-01-01T00:00:00Z."""
CONTEXT = 128_000
"""Tokens that a reply may have when the request sets no limit."""
INVALID = "invalid_request_error"
CODES = {
    "required": "missing_required_parameter",
    "type": "invalid_type",
    "enum": "invalid_value",
    "const": "invalid_value",
    "pattern": "invalid_value",
    "minItems": "empty_array",
    "maxItems": "array_above_max_length",
    "minimum": "below_min_value",
    "maximum": "above_max_value",
}
"""The `code` of an error object, for each keyword of the request's schema that can be broken."""


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
    try:
        return _answer(request, settings)
    except RecursionError:
        return refusal(400, "The body of the request is nested too deeply.")


def document(value: object, mark: str, status: int = 200) -> Answer:
    """An answer that is one JSON document; `mark` makes its request id."""
    headers = (("content-type", "application/json"), ("x-request-id", f"req_{mark[:24]}"))
    return Answer(status, headers, (Send(emitter.dumps(value).encode()),), Framing.LENGTH)


def refusal(
    status: int,
    message: str,
    kind: str = INVALID,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """An answer that says no, with an error object. The same refusal has the same request id."""
    mark = hashlib.sha256(f"{status}\n{message!r}".encode()).hexdigest()
    plain = document(emitter.error(message, kind, param=param, code=code), mark, status)
    return Answer(status, (*plain.headers, *headers), plain.acts, plain.framing)


def locked(request: Request, settings: Settings) -> Answer | None:
    """The refusal of a request without a key that is let in; None where it may come in."""
    scheme, _, key = (request.header("authorization") or "").partition(" ")
    if not settings.keys or (scheme.lower() == "bearer" and key.strip() in settings.keys):
        return None
    message = "No API key that is valid here was given; send it as 'Authorization: Bearer KEY'."
    return refusal(401, message, code="invalid_api_key", headers=(("www-authenticate", "Bearer"),))


def no_model(name: str) -> Answer:
    """The refusal of a model that is not served."""
    return refusal(404, f"The model '{shorten(name)}' does not exist.", param="model", code="model_not_found")


def read_body(raw: bytes) -> object:
    """The body of a request: its JSON value, or the text where it is none."""
    value, flaw = parse(raw)
    return raw.decode("utf-8", "replace") if flaw is not None else value


def _answer(request: Request, settings: Settings) -> Answer:
    if (refused := locked(request, settings) or _refuse(request.body, settings)) is not None:
        return refused
    body = request.body
    assert isinstance(body, dict)  # _refuse let nothing else through
    mark = hashlib.sha256(f"{settings.seed}\n{json.dumps(body, sort_keys=True)}".encode()).hexdigest()
    try:
        reply = _reply(body, settings, mark)
    except UnfitError as error:
        return refusal(400, f"No arguments can be made for 'tools': {shorten(str(error))}.", param="tools")
    if body.get("stream") is not True:
        return document(emitter.completion(reply), mark)
    options = body.get("stream_options") or {}
    messages = emitter.messages(reply, usage=options.get("include_usage") is True)
    headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-request-id", f"req_{mark[:24]}"),
    )
    return Answer(200, headers, tuple(Send(encoder.message(m)) for m in messages))


def _refuse(body: object, settings: Settings) -> Answer | None:
    """The refusal of a body that is not in order."""
    if not isinstance(body, dict):
        return refusal(400, "The body of the request is not a JSON object.")
    for wrong in schemas.explain("chat/request").iter_errors(body):
        return _invalid(wrong)
    if body.get("stream_options") is not None and body.get("stream") is not True:
        return refusal(400, "'stream_options' goes with 'stream: true' only.", param="stream_options")
    try:
        tools.choice_of(body)
    except tools.ChoiceError as error:
        return refusal(400, str(error), param="tool_choice")
    if body.get("parallel_tool_calls") is not None and not body.get("tools"):
        return refusal(400, "'parallel_tool_calls' goes with 'tools' only.", param="parallel_tool_calls")
    return no_model(body["model"]) if body["model"] not in settings.models else None


def _invalid(wrong: ValidationError) -> Answer:
    code = CODES.get(str(wrong.validator))
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong.absolute_path)
    if wrong.validator == "required":
        param = f"{place}.{wrong.message.split(chr(39))[1]}".lstrip(".")
        return refusal(400, f"The parameter {param!r} is missing.", param=param, code=code)
    param = place.lstrip(".")
    return refusal(400, f"Invalid value for {param!r}: {shorten(wrong.message)}.", param=param, code=code)


def _reply(body: dict[str, Any], settings: Settings, mark: str) -> Reply:
    prompt = _text(body["messages"][-1].get("content"))
    seed = f"{settings.seed}/{body.get('seed')}"
    limit = int(body.get("max_completion_tokens") or body.get("max_tokens") or CONTEXT)
    calls = tools.calls_of(prompt, tools.choice_of(body), parallel=body.get("parallel_tool_calls") is not False)
    choices = tuple(
        _call(prompt, calls, limit, f"{mark}/{index}")
        if calls
        else _cut(scripted.reply(prompt, seed=seed, choice=index), body.get("stop"), limit)
        for index in range(int(body.get("n") or 1))
    )
    return Reply(
        id=f"chatcmpl-{mark[:29]}",
        created=settings.created,
        model=body["model"],
        system_fingerprint=f"fp_{settings.seed:010x}",
        choices=choices,
        prompt_tokens=sum(3 + len(scripted.pieces_of(_text(m.get("content")))) for m in body["messages"]),
        completion_tokens=sum(
            len(choice.pieces) + sum(1 + len(call.pieces) for call in choice.calls) for choice in choices
        ),
    )


def _cut(text: str, stop: str | list[str] | None, limit: int) -> Spoken:
    """End a text at the first stop sequence, then at the limit of tokens."""
    found = [text.find(s) for s in ([stop] if isinstance(stop, str) else stop or []) if s and s in text]
    pieces = scripted.pieces_of(text[: min(found)] if found else text)
    return Spoken(pieces[:limit], "length") if len(pieces) > limit else Spoken(pieces, "stop")


def _call(prompt: str, calls: tuple[tools.Call, ...], limit: int, mark: str) -> Spoken:
    """What is said before the calls, then the calls; a name counts as one token, as does each piece of arguments."""
    said = scripted.pieces_of(tools.SAID_BEFORE.get(prompt.strip(), ""))
    left = limit - len(said)
    made: list[Called] = []
    for call in calls:
        if left > 0:
            own_id = hashlib.sha256(f"{mark}/{len(made)}".encode()).hexdigest()[:24]
            made.append(Called(f"call_{own_id}", call.name, call.pieces[: left - 1]))
        left -= 1 + len(call.pieces)
    return Spoken(said[:limit], "length" if left < 0 else "tool_calls", tuple(made))


def _text(content: object) -> str:
    """The text of a message, whose content may be a list of parts. What UTF-8 cannot say becomes a question mark."""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""
