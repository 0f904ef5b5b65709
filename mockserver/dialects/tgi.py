"""Text Generation Inference: role and text in every chunk, the last of them with the finish_reason, flat errors."""

from typing import Any

from .dialect import Dialect
from .members import ABSENT, Members, Told, fixed, kept, made, null, said
from .turns import last_with_finish, role_with_first

ERRORS = {404: "not_found", 422: "validation", 429: "overloaded"}
FINGERPRINT = fixed("system_fingerprint", "3.0.1-sha-bb9095a")
COUNTS: Members = ("prompt_tokens", "completion_tokens", "total_tokens")


def _text(_told: Told, delta: dict[str, Any]) -> Any:
    return ABSENT if delta.get("tool_calls") else delta.get("content") or ""


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    return {"error": error["message"], "error_type": ERRORS.get(status, "validation" if status < 500 else "generation")}


TGI = Dialect(
    name="tgi",
    chunk=(
        "object",
        "id",
        "created",
        "model",
        FINGERPRINT,
        kept(
            "choices",
            inside=(
                "index",
                kept(
                    "delta",
                    inside=(
                        fixed("role", "assistant"),
                        made("content", _text),
                        said("refusal"),
                        "reasoning_content",
                        "tool_calls",
                    ),
                ),
                null("logprobs"),
                "finish_reason",
            ),
        ),
        null("usage", inside=COUNTS),
    ),
    document=(
        "object",
        "id",
        "created",
        "model",
        FINGERPRINT,
        "choices",
        kept("usage", inside=COUNTS),
    ),
    turns=(role_with_first, last_with_finish()),
    error=_error,
    stream_headers=(("content-type", "text/event-stream"), ("x-accel-buffering", "no")),
)
