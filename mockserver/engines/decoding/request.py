"""What an engine is asked for: a prompt in token ids, and how to go on from it. Knows no text and no model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

LOGPROBS_MOST = 20
"""Alternatives that a request may ask for at each token."""
BIAS = 100.0
"""A logit may be shifted by this much, in either direction."""

TOP_K = 2**31 - 1


class Refused(Exception):  # noqa: N818 - a request is refused; nothing here is in error
    """A request asks for what this engine cannot do. `parameter` says which part of it, "" the whole."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class Guide(Protocol):
    """Says which tokens may come next, for constrained decoding. Used by one choice, from the decode thread only.

    What it raises ends its choice with an error, and no other.
    """

    def mask(self, step: int) -> Any:
        """The tokens that may be the one of this number (0: the first of the reply); None where all may.

        A numpy array: bool, one for each token; or int32, where bit `n % 32` of word `n // 32` is token `n`. Tokens
        past its end may not come. Where none may, the choice ends with finish STOP and no further token.
        """

    def narrows(self, step: int) -> bool:
        """Whether fewer tokens may be the one of this number than the grammar says, as where a reply must end or has.

        For engines that keep to the grammar by themselves; the mask has it all.
        """

    def accept(self, token: int) -> None:
        """The token that was chosen. Called once for each, in order, a stop token included."""


class Guides(Protocol):
    """What the choices of a request are held to: a grammar. An engine uses its guides, or keeps to it by itself."""

    @property
    def grammar(self) -> str:
        """In Lark, as llguidance reads it. Says nothing of when a reply has to come to its end."""

    def __call__(self, choice: int) -> Guide:
        """The guide of the choice of that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is drawn. Temperature 0 takes the likeliest; penalties count the tokens of the reply so far."""

    temperature: float = 1.0
    top_p: float = 1.0
    """Only the likeliest tokens that have this much of the probability together."""
    top_k: int = 0
    """Only this many of the likeliest; 0: all."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None
    """The same seed draws the same; None: one that nobody knows."""


GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest:
    """One prompt, and one or more choices that go on from it."""

    id: str
    """Nobody else's while it runs."""
    prompt: tuple[int, ...]
    max_tokens: int
    """Of each choice; the stop token counts."""
    min_tokens: int = 0
    """Before these no stop token comes."""
    choices: int = 1
    sampling: Sampling = GREEDY
    stop_tokens: frozenset[int] = frozenset()
    """Besides the model's own."""
    ignore_eos: bool = False
    """The model's own stop tokens end nothing."""
    logprobs: int | None = None
    """How many of the likeliest tokens are told beside each; 0: the logprob of the token only; None: not even that."""
    prompt_logprobs: bool = False
    """The same is told of the tokens of the prompt. Needs `logprobs`."""
    guide: Guides | None = None


def check(request: TokenRequest, *, vocabulary: int, context: int) -> None:
    """Raises Refused where the request is not in order, whatever engine does it."""
    _within("max_tokens", request.max_tokens, 1, None)
    _within("n", request.choices, 1, None)
    _within("logprobs", request.logprobs or 0, 0, LOGPROBS_MOST)
    drawn = request.sampling
    _within("temperature", drawn.temperature, 0.0, None)
    _within("top_p", drawn.top_p, 0.0, 1.0)
    _within("top_k", drawn.top_k, 0, TOP_K)
    _within("frequency_penalty", drawn.frequency_penalty, -2.0, 2.0)
    _within("presence_penalty", drawn.presence_penalty, -2.0, 2.0)
    for token in request.stop_tokens:
        if not 0 <= token < vocabulary:
            raise Refused("stop_token_ids", f"Token {token} is none of the model's {vocabulary}.")
    if not request.prompt:
        raise Refused("prompt", "The prompt has no token.")
    if not all(0 <= token < vocabulary for token in request.prompt):
        raise Refused("prompt", f"The prompt has a token that is none of the model's {vocabulary}.")
    if request.prompt_logprobs and request.logprobs is None:
        raise Refused("logprobs", "The logprobs of a prompt are told beside those of the reply only.")
    for token, bias in drawn.logit_bias.items():
        if not 0 <= token < vocabulary:
            raise Refused("logit_bias", f"Token {token} is none of the model's {vocabulary}.")
        _within("logit_bias", bias, -BIAS, BIAS)
    if (length := len(request.prompt) + request.max_tokens) > context:
        raise Refused(
            "max_tokens",
            f"The prompt has {len(request.prompt)} tokens and the reply up to {request.max_tokens}: {length}, "
            f"and there is room for {context}.",
        )


def _within(name: str, value: float, least: float, most: float | None) -> None:
    """Raises Refused for a number that is out of bounds, and for one that is none."""
    if not (least <= value and (value <= most if most is not None else value != float("inf"))):
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise Refused(name, f"'{name}' is {bounds}, not {value}.")
