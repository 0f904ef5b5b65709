"""vLLM 0.32: role, text and finish_reason in chunks of different members, the fingerprint in the last."""

from typing import Any

from .counting import thought
from .dialect import EVENTS, JSON, Dialect, class_of
from .members import ABSENT, Members, Told, fixed, kept, made, null, said
from .turns import last_with_finish

VERSION = "vllm-0.32.0-a68fa32c"
SERVER = ("server", "uvicorn")
FINGERPRINT = fixed("system_fingerprint", VERSION, on="last document")
TOKEN: Members = ("token", "logprob", "bytes", kept("top_logprobs", inside=("token", "logprob", "bytes")))
LOGPROBS = null("logprobs", inside=(kept("content", inside=TOKEN),))
TEXT_LOGPROBS = null("logprobs", inside=("text_offset", "token_logprobs", "tokens", "top_logprobs"))
UNUSED = (fixed("kv_transfer_params", None), fixed("ec_transfer_params", None), fixed("metrics", None))


def _text(told: Told, delta: dict[str, Any]) -> Any:
    """Text beside a role is empty, beside a call null."""
    if "role" in told.tags:
        return ""
    return None if delta.get("tool_calls") else delta.get("content", ABSENT)


def _details(told: Told, usage: dict[str, Any]) -> Any:
    """Nothing but reasoning is told apart; in the chunk of the whole usage they are left out."""
    if thought(usage):
        return {"reasoning_tokens": thought(usage)}
    return ABSENT if "usage" in told.tags else None


COUNTS: Members = ("prompt_tokens", "total_tokens", "completion_tokens", made("completion_tokens_details", _details))
ALL_COUNTS: Members = (*COUNTS[:3], fixed("prompt_tokens_details", None), *COUNTS[3:])


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    said = {"message": error["message"], "type": class_of(status), "param": error["param"], "code": status}
    return {"error": said}


VLLM = Dialect(
    name="vllm",
    id=lambda prefix, mark: f"{prefix}-{mark[:16]}",
    call_id=lambda mark: f"chatcmpl-tool-{mark[:16]}",
    chunk=(
        "id",
        "object",
        "created",
        "model",
        kept(
            "choices",
            inside=(
                "index",
                kept(
                    "delta",
                    inside=(
                        "role",
                        made("content", _text),
                        said("refusal"),
                        said("reasoning", of="reasoning_content"),
                        kept(
                            "tool_calls",
                            inside=("id", "type", "index", kept("function", inside=("name", said("arguments")))),
                        ),
                    ),
                ),
                LOGPROBS,
                "finish_reason",
                null("stop_reason", on="finish"),
                null("token_ids", on="text reasoning call finish"),
            ),
        ),
        said("usage", inside=COUNTS),
        null("prompt_token_ids", on="role"),
        null("prompt_text", on="role"),
        FINGERPRINT,
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
                kept(
                    "message",
                    inside=(
                        "role",
                        "content",
                        "refusal",
                        fixed("annotations", None),
                        fixed("audio", None),
                        fixed("function_call", None),
                        "tool_calls",
                        made("reasoning", lambda _, message: message.get("reasoning_content")),
                    ),
                ),
                LOGPROBS,
                "finish_reason",
                null("stop_reason"),
                null("token_ids"),
                null("routed_experts"),
            ),
        ),
        fixed("service_tier", None),
        FINGERPRINT,
        kept("usage", inside=ALL_COUNTS),
        fixed("prompt_logprobs", None),
        fixed("prompt_token_ids", None),
        fixed("prompt_text", None),
        *UNUSED,
    ),
    text_chunk=(
        "id",
        "object",
        "created",
        "model",
        kept(
            "choices",
            inside=(
                "index",
                "text",
                TEXT_LOGPROBS,
                "finish_reason",
                null("stop_reason"),
                null("prompt_token_ids"),
                null("token_ids"),
            ),
        ),
        said("usage", inside=COUNTS),
        FINGERPRINT,
    ),
    text_document=(
        "id",
        "object",
        "created",
        "model",
        kept(
            "choices",
            inside=(
                "index",
                "text",
                TEXT_LOGPROBS,
                "finish_reason",
                null("stop_reason"),
                null("token_ids"),
                null("prompt_logprobs"),
                null("prompt_token_ids"),
                null("routed_experts"),
            ),
        ),
        fixed("service_tier", None),
        FINGERPRINT,
        kept("usage", inside=ALL_COUNTS),
        *UNUSED,
    ),
    turns=(last_with_finish("length"),),
    text_turns=(last_with_finish(),),
    continuous=True,
    error=_error,
    owner="vllm",
    stream_headers=(SERVER, *EVENTS),
    document_headers=(SERVER, *JSON),
)
