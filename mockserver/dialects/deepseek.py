"""DeepSeek's service: usage always, with the finish_reason, cache hits in it."""

from typing import Any

from .counting import THOUGHTS, cached
from .dialect import Dialect, uuid
from .members import ABSENT, Members, Told, fixed, kept, made, null
from .turns import usage_with_finish


def _text(told: Told, delta: dict[str, Any]) -> Any:
    """The chunk that ends a text has an empty one."""
    return "" if "finish" in told.tags else delta.get("content")


def _usage(told: Told, chunk: dict[str, Any]) -> Any:
    """With the last finish_reason; null before it, where it was asked for."""
    return chunk.get("usage") or (None if told.asked else ABSENT)


COUNTS: Members = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    kept("prompt_tokens_details", inside=("cached_tokens",)),
    THOUGHTS,
    made("prompt_cache_hit_tokens", lambda _, usage: cached(usage)),
    made("prompt_cache_miss_tokens", lambda _, usage: usage["prompt_tokens"] - cached(usage)),
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
        made("usage", _usage, inside=COUNTS),
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
