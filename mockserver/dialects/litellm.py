"""LiteLLM's proxy before OpenAI: its headers, its order of members, and errors that name it."""

from typing import Any

from .dialect import EVENTS, JSON, Dialect, class_of
from .members import Members, fixed, kept, made, said

HEADERS = (
    ("x-litellm-call-id", "{uuid}"),
    ("x-litellm-version", "1.106.2"),
    ("x-litellm-key-spend", "0.0"),
)
STREAM = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
HEAD: Members = ("id", "created", "model", "object")
COUNTS: Members = (
    "completion_tokens",
    "prompt_tokens",
    "total_tokens",
    kept(
        "completion_tokens_details",
        inside=("accepted_prediction_tokens", "audio_tokens", "reasoning_tokens", "rejected_prediction_tokens"),
    ),
    kept("prompt_tokens_details", inside=("audio_tokens", "cached_tokens")),
)
SAYS: Members = (
    "reasoning_content",
    kept(
        "tool_calls", inside=("id", kept("function", inside=("arguments", "name")), fixed("type", "function"), "index")
    ),
    "content",
    said("refusal"),
    "role",
)


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    message = f"litellm.{class_of(status)}: OpenAIException - {error['message']}"
    return {"error": {"message": message, "type": error["type"], "param": error["param"], "code": str(status)}}


LITELLM = Dialect(
    name="litellm",
    chunk=(
        *HEAD,
        "system_fingerprint",
        kept("choices", inside=("finish_reason", "index", kept("delta", inside=SAYS), said("logprobs"))),
        said("usage", inside=COUNTS),
        "service_tier",
    ),
    document=(
        *HEAD,
        "system_fingerprint",
        kept(
            "choices",
            inside=(
                "finish_reason",
                "index",
                kept(
                    "message",
                    inside=(
                        "content",
                        "role",
                        "reasoning_content",
                        "tool_calls",
                        made("provider_specific_fields", lambda _, message: {"refusal": message["refusal"]}),
                    ),
                ),
                said("logprobs"),
                made("provider_specific_fields", lambda _told, _choice: {}),
            ),
        ),
        kept("usage", inside=COUNTS),
        "service_tier",
    ),
    error=_error,
    stream_headers=(*HEADERS, *STREAM, *EVENTS),
    document_headers=(*HEADERS, *JSON),
)
