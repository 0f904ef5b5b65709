"""Groq: its own members under x_groq, in the first chunk and in the last, which has usage."""

from typing import Any

from .counting import THOUGHTS
from .dialect import Dialect, uuid
from .members import ABSENT, Members, Told, kept, made, null, said
from .turns import calls_whole, usage_twice

QUEUE_TIME, READ, MADE = 0.01, 0.0001, 0.001
"""Seconds that a request waited, and that a token took to read and to make; there is no clock behind them."""


def _seconds(usage: dict[str, Any]) -> tuple[float, float]:
    return round(usage["prompt_tokens"] * READ, 9), round(usage["completion_tokens"] * MADE, 9)


COUNTS: Members = (
    made("queue_time", lambda _told, _usage: QUEUE_TIME),
    "prompt_tokens",
    made("prompt_time", lambda _, usage: _seconds(usage)[0]),
    "completion_tokens",
    made("completion_time", lambda _, usage: _seconds(usage)[1]),
    "total_tokens",
    made("total_time", lambda _, usage: round(sum(_seconds(usage)), 9)),
    THOUGHTS,
)


def _own(told: Told, chunk: dict[str, Any]) -> Any:
    """In the first chunk and in the one that has the last finish_reason."""
    if "first" not in told.tags and not chunk.get("usage"):
        return ABSENT
    usage = {"usage": chunk["usage"]} if chunk.get("usage") else {}
    return {"id": f"req_{told.mark[-26:]}", **usage}


def _usage(told: Told, chunk: dict[str, Any]) -> Any:
    """With the finish_reason, or after it where it was asked for."""
    return (chunk.get("usage") or ABSENT) if "usage" in told.tags or not told.asked else ABSENT


CHOICE: Members = (null("logprobs"), "finish_reason")
CALLS = kept("tool_calls", inside=("id", "type", "function", "index"))
GROQ = Dialect(
    name="groq",
    id=lambda prefix, mark: f"{prefix}-{uuid(mark)}",
    call_id=lambda mark: f"fc_{uuid(mark)}",
    chunk=(
        "id",
        "object",
        "created",
        "model",
        "system_fingerprint",
        kept(
            "choices",
            inside=(
                "index",
                kept("delta", inside=("role", "content", said("reasoning", of="reasoning_content"), CALLS)),
                *CHOICE,
            ),
        ),
        made("x_groq", _own, on="first finish", inside=("id", kept("usage", inside=COUNTS))),
        made("usage", _usage, inside=COUNTS),
    ),
    document=(
        "id",
        "object",
        "created",
        "model",
        kept(
            "choices",
            inside=(
                "index",
                kept("message", inside=("role", "content", said("reasoning", of="reasoning_content"), CALLS)),
                *CHOICE,
            ),
        ),
        kept("usage", inside=COUNTS),
        "system_fingerprint",
        made("x_groq", lambda told, _: {"id": f"req_{told.mark[-26:]}"}),
    ),
    turns=(calls_whole, usage_twice),
    counts=frozenset({"chat"}),
    stream_headers=(("content-type", "text/event-stream"), ("cache-control", "no-cache")),
)
