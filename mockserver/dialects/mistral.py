"""Mistral's service: padding named p, calls whole and with the finish_reason, usage always there too."""

from typing import Any

from .dialect import Dialect
from .members import Members, Told, kept, made, said
from .turns import calls_with_finish, usage_with_finish

PADDING = "abcdefghijklmnopqrstuvwxyz0123456789"


def _text(told: Told, delta: dict[str, Any]) -> Any:
    """The chunk that ends a text has an empty one."""
    return delta.get("content", "" if "finish" in told.tags else None)


def _padding(told: Told, chunk: dict[str, Any]) -> str:
    said_now = str(chunk["choices"][0]["delta"].get("content", ""))
    return PADDING[: 1 + (len(said_now) * 7 + int(told.mark[:4], 16)) % len(PADDING)]


HEAD: Members = ("id", "object", "created", "model")
COUNTS: Members = ("prompt_tokens", "total_tokens", "completion_tokens")
SAYS: Members = (
    "role",
    made("content", _text),
    said("refusal"),
    "reasoning_content",
    kept("tool_calls", inside=("id", "type", "function", "index")),
)
MISTRAL = Dialect(
    name="mistral",
    id=lambda _, mark: mark[:32],
    call_id=lambda mark: mark[:9],
    chunk=(
        *HEAD,
        kept("choices", inside=("index", kept("delta", inside=SAYS), "finish_reason", said("logprobs"))),
        said("usage", inside=COUNTS),
        made("p", _padding, on="text finish"),
    ),
    document=(
        *HEAD,
        kept("usage", inside=COUNTS),
        kept("choices", inside=("index", "finish_reason", "message", said("logprobs"))),
    ),
    turns=(calls_with_finish, usage_with_finish),
    counts=frozenset({"chat"}),
)
