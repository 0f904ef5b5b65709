"""OpenRouter: comments while it works, a role in every delta, the cost in a usage that always comes."""

from typing import Any

from conformance.wire import encoder

from .dialect import Dialect, Item, letters
from .members import Members, Told, fixed, kept, made, said
from .turns import begins_with, usage_with_choice

PRICE = 0.000001
"""Of a token."""
PROVIDER = "OpenAI"


def _comment(_told: Told) -> Item:
    return encoder.comment("OPENROUTER PROCESSING")


def _id(_prefix: str, mark: str) -> str:
    return f"gen-{1_700_000_000 + int(mark[40:46], 16)}-{letters(mark, 20)}"


def _native(_told: Told, choice: dict[str, Any]) -> Any:
    return choice["finish_reason"]


def _cost(_told: Told, usage: dict[str, Any]) -> float:
    return round(int(usage["total_tokens"]) * PRICE, 9)


def _text(_told: Told, delta: dict[str, Any]) -> Any:
    return None if delta.get("tool_calls") else delta.get("content") or ""


def _thoughts(_told: Told, delta: dict[str, Any]) -> Any:
    """The reasoning once more, as one of its details."""
    return [{"type": "reasoning.text", "text": delta["reasoning_content"], "index": 0, "format": None}]


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    return {"error": {"message": error["message"], "code": status}}


COUNTS: Members = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    made("cost", _cost),
    fixed("is_byok", value=False),
    kept("prompt_tokens_details", inside=("cached_tokens", "audio_tokens")),
    fixed("cost_details", {"upstream_inference_cost": None}),
    kept("completion_tokens_details", inside=("reasoning_tokens", fixed("image_tokens", 0))),
)
HEAD: Members = ("id", fixed("provider", PROVIDER), "model", "object", "created")
REASONING: Members = (
    said("reasoning", of="reasoning_content"),
    made("reasoning_details", _thoughts, on="reasoning"),
)
ENDS: Members = ("finish_reason", made("native_finish_reason", _native), "logprobs")
FRAGMENTS = kept("tool_calls", inside=("index", "id", "type", "function", fixed("type", "function")))
"""The type stands before the function where a call begins, and behind it in what follows."""
CALLS = kept("tool_calls", inside=("index", "id", "type", "function"))

OPENROUTER = Dialect(
    name="openrouter",
    id=_id,
    chunk=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept(
                    "delta",
                    inside=(fixed("role", "assistant"), made("content", _text), said("refusal"), *REASONING, FRAGMENTS),
                ),
                *ENDS,
            ),
        ),
        said("usage", inside=COUNTS),
    ),
    document=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "logprobs",
                "finish_reason",
                made("native_finish_reason", _native),
                "index",
                kept("message", inside=("role", "content", "refusal", *REASONING[:1], CALLS)),
            ),
        ),
        kept("usage", inside=COUNTS),
    ),
    turns=(begins_with(_comment), usage_with_choice),
    text_turns=(begins_with(_comment),),
    counts=frozenset({"chat", "text"}),
    error=_error,
    stream_headers=(("content-type", "text/event-stream"), ("cache-control", "no-cache")),
)
