"""A request in JSON to what engines are asked for: prompts in tokens, and how each reply is held and ended.

Knows no stream. The request is in order already, as far as the mock's own checks go.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.protocols.finding import shorten
from mockserver.completing import DEFAULT_LIMIT
from mockserver.engines import tools
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.request import Refused, Sampling, TokenRequest

from .guiding import Guides, Guiding
from .narrowing import Unguided
from .template import Template, TemplateError, TooLong
from .words import Words

CHOICES_MOST = 1024
"""Completions of one request: as many as may wait (decoding.stepping.Patience)."""
CALLS_MOST = 8
"""Calls that a reply is held to at the most, where there may be several."""
FULL = "context_length_exceeded"


class Declined(Exception):  # noqa: N818 - a request is declined; nothing here is in error
    """The request cannot be served; `parameter` says which part of it."""

    def __init__(self, parameter: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.code = code


@dataclass(frozen=True, slots=True)
class Model:
    """What requests are read with."""

    info: EngineInfo
    words: Words
    template: Template
    guiding: Guiding

    @property
    def most_characters(self) -> int:
        """A longer text has more tokens than the context; a shorter one is counted."""
        return self.info.context * self.words.longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: for each prompt the tokens that are wanted, and how its choices are read."""

    requests: tuple[TokenRequest, ...]
    prompts: tuple[str, ...] = ()
    """Their texts, of text completions."""
    stops: tuple[str, ...] = ()
    may_call: bool = False
    offered: frozenset[str] = frozenset()
    """Names of the functions that may be called."""
    must_call: bool = False
    bare_calls: bool = False
    most_calls: int | None = None
    top: int | None = None
    """Alternatives beside each token; None: no logprobs were asked for."""
    silent: bool = False
    """No token was asked for; the engine makes one all the same, and nobody hears of it."""

    @property
    def prompt_tokens(self) -> int:
        """Of all prompts together."""
        return sum(len(request.prompt) for request in self.requests)


def of_chat(body: Mapping[str, Any], model: Model, name: str) -> Asked:
    """What a chat completion asks for. `name` is that of the request. Raises Declined, Refused."""
    choice = tools.choice_of(dict(body))
    functions = [] if body.get("tool_choice") == "none" else [tool["function"] for tool in body.get("tools") or ()]
    offered = [{"type": "function", "function": function} for function in functions]
    try:
        prompt = model.template.prompt(
            body["messages"], offered, body.get("chat_template_kwargs") or {}, model.most_characters
        )
    except TooLong as error:
        raise _full("messages", model.info) from error
    except TemplateError as error:
        raise Declined("messages", f"The model does not take these messages: {shorten(str(error))}.") from error
    asked = _whole(body, "max_completion_tokens") or _whole(body, "max_tokens")
    limit = _limit(asked, len(prompt), model.info, "messages")
    parallel = body.get("parallel_tool_calls") is not False
    must = choice.must and bool(choice.functions)
    top = (_whole(body, "top_logprobs") or 0) if body.get("logprobs") is True else None
    guide = _guide_of(body, choice, model, limit, several=parallel and _is_open(body.get("tool_choice")))
    request = _request(body, prompt, limit, name, logprobs=top, guide=guide)
    return Asked(
        requests=(request,),
        stops=_stops(body),
        may_call=bool(choice.functions) and (must or model.words.calls is not None),
        offered=frozenset(function["name"] for function in choice.functions),
        must_call=must,
        bare_calls=must and model.words.calls is None,
        most_calls=None if parallel else 1,
        top=top,
    )


def of_text(body: Mapping[str, Any], model: Model, name: str) -> Asked:
    """What a text completion asks for. Raises Declined, Refused."""
    asked_for = _prompts(body.get("prompt"))
    if len(asked_for) * (_whole(body, "n") or 1) > CHOICES_MOST:
        raise Declined("prompt", f"One request makes {CHOICES_MOST} completions at the most.")
    prompts = [_tokens(prompt, model) for prompt in asked_for]
    asked, top = _whole(body, "max_tokens"), _whole(body, "logprobs")
    limit = DEFAULT_LIMIT if asked is None else asked
    requests = []
    for number, prompt in enumerate(prompts):
        room = _limit(limit or 1, len(prompt), model.info, "prompt")
        guide = _guide_of(body, tools.Choice(()), model, room, several=False)
        told = bool(body.get("echo")) and top is not None
        one = f"{name}-{number}"
        requests.append(_request(body, prompt, room, one, logprobs=top, guide=guide, prompt_logprobs=told))
    texts = tuple(model.words.text_of(prompt) for prompt in prompts)
    return Asked(requests=tuple(requests), prompts=texts, stops=_stops(body), top=top, silent=limit == 0)


def is_held(body: Mapping[str, Any]) -> bool:
    """Whether the reply is held to something, which takes its time to be read."""
    wanted = body.get("response_format") or {}
    held = isinstance(body.get("tool_choice"), dict) or body.get("tool_choice") == "required"
    return held or "guided_regex" in body or wanted.get("type") == "json_schema"


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    """A member that is a whole number, which JSON may write as 1.0 too; None where it is not set."""
    value = body.get(name)
    return None if value is None else int(value)


def _is_open(tool_choice: object) -> bool:
    """Whether it is left to the model which tools it calls; one that is named is called once."""
    return not isinstance(tool_choice, dict) or "allowed_tools" in tool_choice


def _full(param: str, info: EngineInfo) -> Declined:
    return Declined(param, f"The prompt has more tokens than the context of {info.context}, the reply included.", FULL)


def _limit(asked: int | None, prompt: int, info: EngineInfo, param: str) -> int:
    """Tokens that a reply may have: as many as are asked for, as far as there is room."""
    room = info.context - prompt
    if room < 1:
        message = f"The prompt has {prompt} tokens, and the context is of {info.context}, the reply included."
        raise Declined(param, message, FULL)
    return min(room, asked) if asked else room


def _request(
    body: Mapping[str, Any],
    prompt: list[int],
    limit: int,
    name: str,
    *,
    logprobs: int | None,
    guide: Guides | None,
    prompt_logprobs: bool = False,
) -> TokenRequest:
    temperature, top_p = body.get("temperature"), body.get("top_p")
    sampling = Sampling(
        temperature=1.0 if temperature is None else float(temperature),
        top_p=1.0 if top_p is None else float(top_p),
        top_k=max(0, _whole(body, "top_k") or 0),
        frequency_penalty=float(body.get("frequency_penalty") or 0.0),
        presence_penalty=float(body.get("presence_penalty") or 0.0),
        logit_bias=_biases(body.get("logit_bias")),
        seed=_whole(body, "seed"),
    )
    return TokenRequest(
        id=name,
        prompt=tuple(prompt),
        max_tokens=limit,
        min_tokens=min(limit, _whole(body, "min_tokens") or 0),
        choices=_whole(body, "n") or 1,
        sampling=sampling,
        stop_tokens=frozenset(map(int, body.get("stop_token_ids") or ())),
        ignore_eos=body.get("ignore_eos") is True,
        logprobs=logprobs,
        prompt_logprobs=prompt_logprobs,
        guide=guide,
    )


def _biases(found: object) -> dict[int, float]:
    if not isinstance(found, dict):
        return {}
    try:
        return {int(token): float(bias) for token, bias in found.items()}
    except (TypeError, ValueError) as error:
        raise Refused("logit_bias", "The keys of 'logit_bias' are token ids, its values numbers.") from error


def _stops(body: Mapping[str, Any]) -> tuple[str, ...]:
    asked = body.get("stop") or ()
    return (asked,) if isinstance(asked, str) else tuple(asked)


def _guide_of(
    body: Mapping[str, Any], choice: tools.Choice, model: Model, limit: int, *, several: bool
) -> Guides | None:
    """What the reply is held to; None: to nothing."""
    closes = None if body.get("ignore_eos") is True else limit
    guiding = model.guiding
    if choice.must and choice.functions:
        most = CALLS_MOST if several else 1
        return _held(lambda: guiding.of_calls(choice.functions, most, closes), "tools", "these tools")
    wanted = body.get("response_format") or {}
    match wanted.get("type") if isinstance(wanted, dict) else None:
        case "json_object":
            return guiding.of_schema({"type": "object"}, closes)
        case "json_schema":
            schema, name = wanted["json_schema"].get("schema", {"type": "object"}), wanted["json_schema"]["name"]
            return _held(lambda: guiding.of_schema(schema, closes), "response_format", f"the schema '{name}'")
    if isinstance(pattern := body.get("guided_regex"), str):
        return _held(lambda: guiding.of_pattern(pattern, closes), "guided_regex", "this expression")
    return None


def _held(guides: Callable[[], Guides], param: str, what: str) -> Guides:
    try:
        return guides()
    except Unguided as error:
        raise Declined(param, f"No reply can be held to {what} here: {error}.") from error


def _prompts(asked: Any) -> Sequence[Any]:
    """The prompts: a text, several, one in token ids, or several."""
    if not isinstance(asked, list):
        return [asked]
    several = [asked] if isinstance(asked[0], int | float) else asked
    if not all(isinstance(prompt, str) or (isinstance(prompt, list) and _are_tokens(prompt)) for prompt in several):
        raise Declined("prompt", "A prompt is a text, or a list of token ids that has one; or several of these.")
    return several


def _are_tokens(values: list[Any]) -> bool:
    return bool(values) and all(map(_is_token, values))


def _is_token(value: Any) -> bool:
    whole = value.is_integer() if isinstance(value, float) else isinstance(value, int) and not isinstance(value, bool)
    return bool(whole and value >= 0)


def _tokens(prompt: str | list[int] | None, model: Model) -> list[int]:
    """One prompt in tokens; an empty one begins as the model's texts begin."""
    if isinstance(prompt, list):
        return list(map(int, prompt))
    if len(prompt or "") > model.most_characters:
        raise _full("prompt", model.info)
    found = model.words.encode_marked(prompt or "")
    return found or [min(model.info.stop_tokens, default=0)]


def shown(token: int, words: Words) -> str:
    """A token in JSON, where its bytes may be half a character."""
    said = words.bytes_of(token)
    try:
        return said.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in said)
