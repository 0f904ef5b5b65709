"""DeepSeek's service: usage always, with the finish_reason, cache hits in it."""

from typing import Any

from .dialect import Dialect, uuid
from .members import Members, Told, fixed, kept, made, null
from .turns import usage_with_finish


def _text(told: Told, delta: dict[str, Any]) -> Any:
    """The chunk that ends a text has an empty one."""
    return "" if "finish" in told.tags else delta.get("content")


def _cached(usage: dict[str, Any]) -> int:
    return int((usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0))


COUNTS: Members = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    kept("prompt_tokens_details", inside=("cached_tokens",)),
    kept("completion_tokens_details", inside=("reasoning_tokens",)),
    made("prompt_cache_hit_tokens", lambda _, usage: _cached(usage)),
    made("prompt_cache_miss_tokens", lambda _, usage: usage["prompt_tokens"] - _cached(usage)),
)
HEAD: Members = (
    "id",
    "object",
    "created",
    "model",
    fixed("system_fingerprint", "fp_8802369eaa_prod0623_fp8_kvcache"),
)
DEEPSEEK = Dialect(
    name="deepseek",
    id=lambda _, mark: uuid(mark),
    chunk=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept("delta", inside=("role", made("content", _text), "reasoning_content", "tool_calls")),
                null("logprobs"),
                "finish_reason",
            ),
        ),
        kept("usage", on="finish", inside=COUNTS),
    ),
    document=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept("message", inside=("role", "content", "reasoning_content", "tool_calls")),
                null("logprobs"),
                "finish_reason",
            ),
        ),
        kept("usage", inside=COUNTS),
    ),
    turns=(usage_with_finish,),
    counts=frozenset({"chat"}),
    stream_headers=(("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")),
)
