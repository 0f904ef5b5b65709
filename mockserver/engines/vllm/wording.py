"""What an engine is asked for in vLLM's words, and what vLLM tells as events. Knows vLLM's members, and no vLLM."""

from collections.abc import Mapping
from typing import Any

from mockserver.engines.decoding.events import Finish, StepEvent, Token
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.request import TokenRequest

FINISHES = {"stop": Finish.STOP, "length": Finish.LENGTH, "abort": Finish.ABORTED}
SEEDS = 1 << 63
"""vLLM's seeds are numbers from 0 up to, not including, this; it takes -1 for none."""
STRIDE = 1 << 20
"""Between the seeds of tokens that are asked for one by one: choices have the seeds next to each other."""
LEAST = 1e-9
"""In the place of a top_p of 0, which vLLM does not know: the likeliest token alone."""
NEVER = float("-inf")
LOWEST = -9999.0
"""In the place of a logprob that no number says, as vLLM's own server has it."""


def asked(request: TokenRequest, choice: int, info: EngineInfo) -> dict[str, Any]:
    """One choice of a request, as arguments of vLLM's SamplingParams. Each choice is a request of its own to vLLM.

    With `n` vLLM draws no likeliest tokens, and ends no choice alone. A guide is held to by vLLM itself.
    """
    wanted = request.sampling
    ignores = request.ignore_eos and request.guide is None  # past the end of its grammar vLLM would go on without one
    stops = request.stop_tokens | (frozenset() if ignores else info.stop_tokens)
    return {
        "max_tokens": request.max_tokens,
        "min_tokens": request.min_tokens,
        "temperature": wanted.temperature,
        "top_p": wanted.top_p or LEAST,
        "top_k": wanted.top_k,
        "frequency_penalty": wanted.frequency_penalty,
        "presence_penalty": wanted.presence_penalty,
        "logit_bias": dict(wanted.logit_bias) or None,
        "seed": None if wanted.seed is None else (wanted.seed + choice) % SEEDS,
        "stop_token_ids": sorted(stops),
        "ignore_eos": ignores,
        "logprobs": request.logprobs,
        "prompt_logprobs": request.logprobs if request.prompt_logprobs else None,
        "detokenize": False,
    }


def asked_next(request: TokenRequest, choice: int, info: EngineInfo, made: int, allowed: list[int]) -> dict[str, Any]:
    """The token of that number alone, out of these. What penalties count is none of it any more."""
    words = asked(request, choice, info)
    seed = None if words["seed"] is None else (words["seed"] + made * STRIDE) % SEEDS
    one = {"max_tokens": 1, "min_tokens": 0, "seed": seed, "prompt_logprobs": None, "ignore_eos": False}
    return {**words, **one, "allowed_token_ids": allowed}


def told(output: Any, request: TokenRequest, choice: int, step: int) -> StepEvent:
    """One of vLLM's outputs as an event. For a slow reader it holds the tokens of several steps."""
    (part,) = output.outputs
    known = part.logprobs or [None] * len(part.token_ids)
    tokens = tuple(_token(token, of, request.logprobs) for token, of in zip(part.token_ids, known, strict=True))
    finish = FINISHES.get(part.finish_reason, Finish.ERROR) if part.finish_reason else None
    return StepEvent(
        choice,
        step,
        tokens,
        finish,
        stopped_by=tokens[-1].id if finish is Finish.STOP and tokens else None,
        prompt=_prompt(output, request),
        message=f"vLLM ended it by {part.finish_reason!r}" if finish is Finish.ERROR else "",
    )


def _prompt(output: Any, request: TokenRequest) -> tuple[Token, ...]:
    """The tokens of the prompt, where vLLM tells of them: once, before or with the first token of the reply."""
    if not request.prompt_logprobs or not output.prompt_logprobs:
        return ()
    pairs = zip(request.prompt, output.prompt_logprobs, strict=True)
    return tuple(_token(token, known, request.logprobs) for token, known in pairs)


def _token(token: int, known: Mapping[int, Any] | None, most: int | None) -> Token:
    """A token with the logprobs that vLLM tells: by token, the chosen one always among them."""
    if known is None or most is None:
        return Token(token)
    ranked = sorted(
        ((other, of.logprob) for other, of in known.items() if of.logprob > NEVER), key=lambda pair: -pair[1]
    )
    return Token(token, max(known[token].logprob, LOWEST), tuple(ranked[:most]))
