"""One text completion request to one good answer: validation, the reply, its stream or its document.

Knows no socket and no fault. Prompts are text; what has no tokenizer here (token ids, `suffix`, `best_of`) is refused.
"""

import hashlib
from functools import partial
from typing import Any

from conformance.protocols.completions import emitter
from conformance.protocols.completions.emitter import Completion, Token, Written
from conformance.protocols.exchange import Request
from conformance.wire.script import Answer

from . import answering, pacing
from .answering import Settings, refusal
from .engines import scripted, story
from .engines.draft import Draft, Engine
from .pacing import Extent

DEFAULT_LIMIT = 16
"""Tokens of a completion whose request sets no limit, as the OpenAI OpenAPI document has it."""
DEFAULT_PROMPT = "<|endoftext|>"
ALTERNATIVES = (" the", " a", " and", " of", " to")
"""What might have come in the place of a token."""


def answer(request: Request, settings: Settings, engine: Engine | None = None) -> Answer:
    """The answer of a server that does everything right; the words come from `engine`, if it has any."""
    if (refused := answering.locked(request, settings) or _refuse(request.body, settings)) is not None:
        return refused
    body = request.body
    assert isinstance(body, dict)  # _refuse let nothing else through
    draft = engine(request) if engine is not None else None
    if isinstance(draft, Answer):
        return draft
    mark = answering.mark_of(request, settings)
    reply = _reply(body, settings, mark, draft)
    prompts = _prompts(body)
    rhythm = (
        draft.rhythm if draft else story.rhythm_of(" ".join(prompts), sum(len(prompt.split()) for prompt in prompts))
    )
    echoes = sum(bool(choice.echoed) for choice in reply.choices)
    extent = Extent(echoes, sum(len(choice.tokens) for choice in reply.choices), len(reply.choices))
    if body.get("stream") is not True:
        return pacing.held(answering.document(emitter.completion(reply), mark), rhythm, extent)
    options = body.get("stream_options") or {}
    messages = partial(emitter.messages, reply, usage=options.get("include_usage") is True)
    return answering.stream(messages, mark, rhythm, extent)


def _refuse(body: object, settings: Settings) -> Answer | None:
    """The refusal of a body that is not in order, or that cannot be answered here."""
    if (wrong := misused(body)) is not None:
        return wrong
    assert isinstance(body, dict)  # misused let nothing else through
    if isinstance(body.get("prompt"), list) and not all(isinstance(text, str) for text in body["prompt"]):
        return refusal(400, "Token ids are not read here; send the prompt as text.", param="prompt")
    for prompt in _prompts(body):
        if (refused := answering.too_long([prompt], "prompt", settings, around=0)) is not None:
            return refused
    return answering.no_model(body["model"]) if body["model"] not in settings.models else None


def misused(body: object) -> Answer | None:
    """The refusal of a body that no server can answer, or that asks for what none does here."""
    if not isinstance(body, dict):
        return refusal(400, "The body of the request is not a JSON object.")
    if (wrong := answering.misfit("completions/request", body)) is not None:
        return wrong
    if body.get("stream_options") is not None and body.get("stream") is not True:
        return refusal(400, "'stream_options' goes with 'stream: true' only.", param="stream_options")
    if body.get("suffix"):
        return refusal(400, "Text is not inserted here: 'suffix' has to be left out.", param="suffix")
    if (body.get("best_of") or 1) > (body.get("n") or 1):
        return refusal(400, "No more completions are made than are sent: 'best_of' is at most n.", param="best_of")
    return None


def _reply(body: dict[str, Any], settings: Settings, mark: str, draft: Draft | None) -> Completion:
    prompts = _prompts(body)
    choices = tuple(
        _write(body, prompt, f"{settings.seed}/{body.get('seed')}", choice, draft, _room(body, prompt, settings))
        for prompt in prompts
        for choice in range(body.get("n") or 1)
    )
    counted = sum(len(scripted.pieces_of(prompt)) for prompt in prompts)
    written = sum(len(choice.tokens) for choice in choices)
    if draft is not None:
        counted = draft.prompt_tokens or counted
        written = max(written, min(draft.completion_tokens or 0, _limit(body) * len(choices)))
    return Completion(
        id=f"cmpl-{mark[:29]}",
        created=settings.created,
        model=body["model"],
        system_fingerprint=f"fp_{settings.seed:010x}",
        choices=choices,
        usage={"prompt_tokens": counted, "completion_tokens": written, "total_tokens": counted + written},
    )


def _limit(body: dict[str, Any]) -> int:
    limit = body.get("max_tokens")
    return DEFAULT_LIMIT if limit is None else int(limit)


def _room(body: dict[str, Any], prompt: str, settings: Settings) -> int:
    """Tokens that there may be of one completion."""
    return min(_limit(body), max(0, settings.context - len(scripted.pieces_of(prompt))))


def _write(body: dict[str, Any], prompt: str, seed: str, choice: int, draft: Draft | None, limit: int) -> Written:
    """One completion of one prompt."""
    if draft is not None:
        said = answering.limited(draft.choice(choice), body.get("stop"), limit)
    else:
        text = story.said(prompt, seed=seed, choice=choice) or scripted.reply(prompt, seed=seed, choice=choice)
        said = answering.cut(text, body.get("stop"), limit)
    most = body.get("logprobs")
    tokens = tuple(_token(piece, most) for piece in said.pieces)
    echoed = tuple(_token(piece, most) for piece in scripted.pieces_of(prompt)) if body.get("echo") else ()
    return Written(
        tokens=tokens,
        finish_reason=said.finish_reason,
        echoed=(Token(echoed[0].text), *echoed[1:]) if echoed else (),
        prompt=prompt,
        with_logprobs=most is not None,
    )


def _token(text: str, most: int | None) -> Token:
    """A token with a likelihood that follows from its text, and the most likely ones in its place, itself the first."""
    if most is None:
        return Token(text)
    logprob = -int.from_bytes(hashlib.sha256(text.encode()).digest()[:2]) / 65536
    others = [other for other in ALTERNATIVES if other != text][: max(0, most - 1)]
    ranked = {text: logprob, **{other: logprob - place - 1 for place, other in enumerate(others)}}
    return Token(text, logprob, ranked if most else None)


def _prompts(body: dict[str, Any]) -> list[str]:
    asked = body.get("prompt") or DEFAULT_PROMPT
    return [_writable(text) for text in (asked if isinstance(asked, list) else [asked])]


def _writable(text: str) -> str:
    """The text; what UTF-8 cannot say becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
