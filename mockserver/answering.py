"""One chat request to one good answer: validation, the reply, its stream or its document. Knows no socket and no fault.

Everything in the answer follows from the request and the seed: same request, same seed, same bytes.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from jsonschema.exceptions import ValidationError

import schemas
from conformance.protocols.chat import emitter
from conformance.protocols.chat.emitter import Called, Reply, Spoken
from conformance.protocols.exchange import Request
from conformance.protocols.finding import shorten
from conformance.protocols.payload import parse
from conformance.rules.behaviour import Overflow
from conformance.wire.script import Answer, Framing, Send

from . import pacing, parameters
from .engines import chances, scripted, story, structured, tools
from .engines.draft import Choice, Draft, Engine
from .engines.instances import UnfitError
from .engines.story import Rhythm
from .pacing import Extent
from .rates import Rate

CREATED = 1_767_225_600
"""The pinned clock: 2026-01-01T00:00:00Z."""
CONTEXT = 128_000
"""Tokens that a prompt and its reply may have together."""
LETTERS = 4
"""Letters of a token, in a prompt that is about as long as the context: its tokens are counted by its words."""
AROUND = 3
"""Tokens that a message takes besides its text."""
MARK = "x-streamspec-mark"
"""Header that tells one request from others that say the same: their ids differ, as those of real servers do."""
UNSAID = "application/x-www-form-urlencoded"
"""What curl and urllib call a body when they are not told what it is."""
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
    slots: int = 0
    """Requests that are worked on at the same time; 0: all."""
    overflow: Overflow = Overflow.QUEUE
    """What becomes of the others."""
    gzip: bool = False
    """Streams are compressed for clients that take that."""
    rate: Rate | None = None
    """How many requests may come in a time; None: any number."""
    context: int = CONTEXT
    """Tokens that a prompt and its reply may have together."""
    dialect: str = "openai"
    """The vendor whose way of writing is spoken."""
    chaos: int | None = None
    """Seed of the choices that are made wherever the protocol leaves freedom; None: none are."""


def answer(request: Request, settings: Settings, engine: Engine | None = None) -> Answer:
    """The answer of a server that does everything right; the words come from `engine`, if it has any."""
    try:
        return _answer(request, settings, engine)
    except RecursionError:
        return refusal(400, "The body of the request is nested too deeply.")


def document(value: object, mark: str, status: int = 200) -> Answer:
    """An answer that is one JSON document; `mark` makes its request id."""
    headers = (("content-type", "application/json"), ("x-request-id", f"req_{mark[:24]}"))
    return Answer(status, headers, (Send(emitter.dumps(value).encode()),), Framing.LENGTH)


def stream(messages: Callable[[], Iterable[str]], mark: str, rhythm: Rhythm, extent: Extent) -> Answer:
    """An answer that is a stream of these messages in this rhythm; `mark` makes its request id."""
    headers = (
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
        ("x-request-id", f"req_{mark[:24]}"),
    )
    return pacing.told(Answer(200, headers, ()), messages, rhythm, extent)


def mark_of(request: Request, settings: Settings) -> str:
    """What all that has to look random is made of: same request, same seed, same mark."""
    said = f"{settings.seed}\n{json.dumps(request.body, sort_keys=True)}{request.header(MARK) or ''}"
    return hashlib.sha256(said.encode()).hexdigest()


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


def unread(request: Request) -> Answer | None:
    """The refusal of a body that is called something else than JSON; one without a type is taken for JSON."""
    kind = (request.header("content-type") or UNSAID).partition(";")[0].strip().lower()
    if kind in ("application/json", UNSAID) or kind.endswith("+json"):
        return None
    message = f"The content-type '{shorten(kind)}' is not read here; send application/json."
    return refusal(415, message, code="unsupported_media_type")


def no_model(name: str) -> Answer:
    """The refusal of a model that is not served."""
    return refusal(404, f"The model '{shorten(name)}' does not exist.", param="model", code="model_not_found")


def read_body(raw: bytes) -> object:
    """The body of a request: its JSON value, or the text where it is none."""
    value, flaw = parse(raw)
    return raw.decode("utf-8", "replace") if flaw is not None else value


def _answer(request: Request, settings: Settings, engine: Engine | None) -> Answer:
    if (refused := locked(request, settings) or unread(request) or _refuse(request.body, settings)) is not None:
        return refused
    body = request.body
    assert isinstance(body, dict)  # _refuse let nothing else through
    draft = engine(request) if engine is not None else None
    if isinstance(draft, Answer):
        return draft
    mark = mark_of(request, settings)
    try:
        reply = _reply(body, settings, mark, draft)
    except UnfitError as error:
        return refusal(400, f"No arguments can be made for 'tools': {shorten(str(error))}.", param="tools")
    texts = _texts(body)
    rhythm = draft.rhythm if draft else story.rhythm_of(texts[-1], sum(len(text.split()) for text in texts))
    extent = Extent(len(reply.choices), sum(map(emitter.deltas_of, reply.choices)), len(reply.choices))
    if body.get("stream") is not True:
        return pacing.held(document(emitter.completion(reply), mark), rhythm, extent)
    options = body.get("stream_options") or {}
    usage, continuous = options.get("include_usage") is True, options.get("continuous_usage_stats") is True
    messages = partial(emitter.messages, reply, usage=usage, continuous=usage and continuous)
    return stream(messages, mark, rhythm, extent)


def _refuse(body: object, settings: Settings) -> Answer | None:
    """The refusal of a body that is not in order, or that cannot be answered here."""
    if (wrong := misused(body)) is not None:
        return wrong
    assert isinstance(body, dict)  # misused let nothing else through
    try:
        structured.json_of(body)
    except structured.FormatError as error:
        return refusal(400, shorten(str(error)), param="response_format")
    if (refused := too_long(_texts(body), "messages", settings)) is not None:
        return refused
    return no_model(body["model"]) if body["model"] not in settings.models else None


def misused(body: object) -> Answer | None:
    """The refusal of a body that no server can answer: what it says does not fit together."""
    if not isinstance(body, dict):
        return refusal(400, "The body of the request is not a JSON object.")
    if (name := parameters.unknown(body)) is not None:
        message = f"The parameter '{shorten(name)}' is not known."
        return refusal(400, message, param=shorten(name), code="unknown_parameter")
    if (wrong := misfit("chat/request", body)) is not None:
        return wrong
    if body.get("stream_options") is not None and body.get("stream") is not True:
        return refusal(400, "'stream_options' goes with 'stream: true' only.", param="stream_options")
    try:
        tools.choice_of(body)
    except tools.ChoiceError as error:
        return refusal(400, str(error), param="tool_choice")
    if body.get("top_logprobs") is not None and body.get("logprobs") is not True:
        return refusal(400, "'top_logprobs' goes with 'logprobs: true' only.", param="top_logprobs")
    if body.get("parallel_tool_calls") is not None and not body.get("tools"):
        return refusal(400, "'parallel_tool_calls' goes with 'tools' only.", param="parallel_tool_calls")
    return None


def too_long(texts: list[str], param: str, settings: Settings, around: int = AROUND) -> Answer | None:
    """The refusal of a prompt that leaves no room for a reply; None where there is some."""
    letters = sum(map(len, texts))
    fits = letters <= LETTERS * settings.context and prompt_tokens(texts, around) < settings.context
    if fits or letters + around * len(texts) < settings.context:
        return None
    message = f"The prompt is longer than the context of {settings.context} tokens."
    return refusal(400, message, param=param, code="context_length_exceeded")


def prompt_tokens(texts: list[str], around: int = AROUND) -> int:
    """Tokens of the texts, with so many around each."""
    return sum(around + len(scripted.pieces_of(text)) for text in texts)


def misfit(schema: str, body: object) -> Answer | None:
    """The refusal of a body that does not fit the schema of requests; None where it fits."""
    return None if schemas.fits(schema)(body) else next(map(invalid, schemas.explain(schema).iter_errors(body)), None)


def invalid(wrong: ValidationError) -> Answer:
    """The refusal of a body that does not fit the schema of requests."""
    code = CODES.get(str(wrong.validator))
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in wrong.absolute_path)
    if wrong.validator == "required":
        param = f"{place}.{wrong.message.split(chr(39))[1]}".lstrip(".")
        return refusal(400, f"The parameter {param!r} is missing.", param=param, code=code)
    param = place.lstrip(".")
    return refusal(400, f"Invalid value for {param!r}: {shorten(wrong.message)}.", param=param, code=code)


def _reply(body: dict[str, Any], settings: Settings, mark: str, draft: Draft | None = None) -> Reply:
    prompt = _text(body["messages"][-1].get("content"))
    seed = f"{settings.seed}/{body.get('seed')}"
    prompted = prompt_tokens(_texts(body))
    left = max(1, settings.context - prompted)
    limit = min(left, int(body.get("max_completion_tokens") or body.get("max_tokens") or left))
    parallel = body.get("parallel_tool_calls") is not False
    numbers = range(int(body.get("n") or 1))
    if draft is not None:
        choices = tuple(
            _told(body, draft.choice(index), limit, f"{mark}/{index}", f"{seed}/{index}") for index in numbers
        )
    else:
        calls = tools.calls_of(prompt, tools.choice_of(body), parallel=parallel)
        choices = tuple(
            _likely(body, _call(prompt, calls, limit, f"{mark}/{index}"), f"{seed}/{index}")
            if calls
            else _say(body, prompt, seed, index, limit)
            for index in numbers
        )
    reply = Reply(
        id=f"chatcmpl-{mark[:29]}",
        created=settings.created,
        model=body["model"],
        system_fingerprint=f"fp_{settings.seed:010x}",
        choices=choices,
        prompt_tokens=prompted,
        completion_tokens=sum(
            len(choice.reasoning)
            + len(choice.pieces)
            + len(choice.refusal)
            + sum(tools.AROUND + len(call.pieces) for call in choice.calls)
            for choice in choices
        ),
        service_tier=parameters.tier_of(body),
    )
    return reply if draft is None else _recounted(reply, draft, limit * len(choices))


def _say(body: dict[str, Any], prompt: str, seed: str, index: int, limit: int) -> Spoken:
    """A choice without calls: JSON where that is asked for, else what the prompt brings, thoughts first."""
    asked = structured.json_of(body, index)
    if asked is not None:
        choice = cut(asked, body.get("stop"), limit)
    else:
        text = story.said(prompt, seed=seed, choice=index) or scripted.reply(prompt, seed=seed, choice=index)
        choice = cut(text, body.get("stop"), limit, scripted.pieces_of(scripted.thoughts(prompt)))
    return _likely(body, choice, f"{seed}/{index}")


def _told(body: dict[str, Any], choice: Choice, limit: int, mark: str, seed: str) -> Spoken:
    """A choice of a draft, calls and all."""
    spoken = limited(choice, body.get("stop"), limit)
    if choice.refusal:
        return replace(spoken, pieces=(), refusal=spoken.pieces)
    if choice.calls and spoken.finish_reason == "stop" and spoken.pieces == choice.pieces:
        calls = choice.calls if body.get("parallel_tool_calls") is not False else choice.calls[:1]
        called = _called(spoken.pieces, calls, limit - len(spoken.reasoning), mark)
        spoken = replace(called, reasoning=spoken.reasoning)
    return _likely(body, spoken, seed)


def limited(choice: Choice, stop: str | list[str] | None, limit: int) -> Spoken:
    """The words of a choice, ended by a stop sequence or the limit where these come first."""
    said = choice.pieces or choice.refusal
    spoken = cut("".join(said), stop, limit, choice.thoughts, partial(_within, said))
    if choice.finish_reason and spoken.finish_reason == "stop" and spoken.pieces == said:
        return replace(spoken, finish_reason=choice.finish_reason)
    return spoken


def _within(pieces: tuple[str, ...], text: str) -> tuple[str, ...]:
    """As many of the pieces as make up the text with which they begin; the last one may be cut."""
    kept: list[str] = []
    left = len(text)
    for piece in pieces:
        if left <= 0:
            break
        kept.append(piece[:left])
        left -= len(piece)
    return tuple(kept)


def _recounted(reply: Reply, draft: Draft, most: int) -> Reply:
    """The reply with the counts of a draft, as far as they can be true."""
    prompt = draft.prompt_tokens or reply.prompt_tokens
    counted = reply.completion_tokens
    told = counted if draft.completion_tokens is None else max(counted, min(draft.completion_tokens, most))
    return replace(reply, prompt_tokens=prompt, cached_tokens=min(draft.cached_tokens, prompt), completion_tokens=told)


def _likely(body: dict[str, Any], choice: Spoken, seed: str) -> Spoken:
    """The choice with the likelihood of each piece, where that is asked for; calls have none."""
    if body.get("logprobs") is not True or (choice.calls and not choice.pieces):
        return choice
    return replace(choice, logprobs=chances.logprobs_of(choice.pieces, int(body.get("top_logprobs") or 0), seed))


def cut(
    text: str,
    stop: str | list[str] | None,
    limit: int,
    thought: tuple[str, ...] = (),
    pieces_of: Callable[[str], tuple[str, ...]] = story.pieces,
) -> Spoken:
    """A choice that ends at the first stop sequence, then at the limit of tokens, to which thoughts count.

    Who comes to the limit with the last word has had no token left to say that it was the last.
    """
    found = [text.find(s) for s in ([stop] if isinstance(stop, str) else stop or []) if s and s in text]
    pieces = pieces_of(text[: min(found)] if found else text)
    reason = "length" if len(thought) + len(pieces) >= limit + bool(found) else "stop"
    return Spoken(pieces[: max(0, limit - len(thought))], reason, reasoning=thought[:limit])


def _call(prompt: str, calls: tuple[tools.Call, ...], limit: int, mark: str) -> Spoken:
    """What is said before the calls, then the calls."""
    return _called(scripted.pieces_of(tools.SAID_BEFORE.get(prompt.strip(), "")), calls, limit, mark)


def _called(said: tuple[str, ...], calls: tuple[tools.Call, ...], limit: int, mark: str) -> Spoken:
    """Text, then calls; a call has a token for each piece of its arguments, and AROUND."""
    left = limit - len(said)
    made: list[Called] = []
    for call in calls:
        if left >= tools.AROUND:
            own_id = hashlib.sha256(f"{mark}/{len(made)}".encode()).hexdigest()[:24]
            made.append(Called(f"call_{own_id}", call.name, call.pieces[: left - tools.AROUND]))
        left -= tools.AROUND + len(call.pieces)
    return Spoken(said[:limit], "length" if left < 0 else "tool_calls", tuple(made))


def _texts(body: dict[str, Any]) -> list[str]:
    return [_text(message.get("content")) for message in body["messages"]]


def _text(content: object) -> str:
    """The text of a message, whose content may be a list of parts. What UTF-8 cannot say becomes a question mark."""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content.encode("utf-8", "replace").decode() if isinstance(content, str) else ""
