"""SGLang 0.5: reasoning_content in every delta, matched_stop in every choice, flat errors."""

from typing import Any

from .counting import thought
from .dialect import EVENTS, JSON, Dialect, class_of
from .members import ABSENT, Members, Told, fixed, kept, made, null, said

SERVER = ("server", "uvicorn")
TOKEN: Members = ("token", "bytes", "logprob", kept("top_logprobs", inside=("token", "bytes", "logprob")))
LOGPROBS = null("logprobs", inside=(kept("content", inside=TOKEN),))
TEXT_LOGPROBS = null("logprobs", inside=("text_offset", "token_logprobs", "tokens", "top_logprobs"))
END = 2
"""The token that ends a text."""


def _whole_delta(told: Told) -> bool:
    """With tools, text and calls go through a parser, which writes every member of a delta."""
    return told.tools and bool(told.tags & {"text", "call"}) and "role" not in told.tags


def _role(told: Told, delta: dict[str, Any]) -> Any:
    return None if _whole_delta(told) else delta.get("role", ABSENT)


def _text(told: Told, delta: dict[str, Any]) -> Any:
    if _whole_delta(told):
        return delta.get("content")
    return "" if "role" in told.tags else delta.get("content", ABSENT)


def _thoughts_first(told: Told, delta: dict[str, Any]) -> Any:
    return ABSENT if _whole_delta(told) else delta.get("reasoning_content")


def _thoughts_later(told: Told, delta: dict[str, Any]) -> Any:
    return delta.get("reasoning_content") if _whole_delta(told) else ABSENT


def _null_usage(told: Told, chunk: dict[str, Any]) -> Any:
    if chunk.get("usage"):
        return chunk["usage"]
    return None if _whole_delta(told) else ABSENT


def _matched(_told: Told, choice: dict[str, Any]) -> Any:
    """What ended the text, where it ended by itself."""
    return END if choice["finish_reason"] in ("stop", "tool_calls") else None


def _versions(_told: Told, document: dict[str, Any]) -> Any:
    end = document["usage"]["completion_tokens"]
    return {"weight_version": "default", "weight_versions": [{"version": "default", "start": 0, "end": end}]}


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    return {
        "object": "error",
        "message": error["message"],
        "type": class_of(status),
        "param": error["param"],
        "code": status,
    }


TEXT_COUNTS: Members = (
    "prompt_tokens",
    "total_tokens",
    "completion_tokens",
    made("reasoning_tokens", lambda _, usage: thought(usage)),
)
COUNTS: Members = (
    *TEXT_COUNTS[:3],
    fixed("prompt_tokens_details", None),
    *TEXT_COUNTS[3:],
    fixed("completion_tokens_details", None),
)
HEAD: Members = ("id", "object", "created", "model")
CALL: Members = (
    null("id"),
    "index",
    fixed("type", "function"),
    kept("function", inside=(null("name"), "arguments")),
)
TEXT: Members = ("index", "text", TEXT_LOGPROBS, "finish_reason", made("matched_stop", _matched))

SGLANG = Dialect(
    name="sglang",
    id=lambda _, mark: mark[:32],
    call_id=lambda mark: f"call_{mark[:24]}",
    chunk=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept(
                    "delta",
                    inside=(
                        made("reasoning_content", _thoughts_first),
                        made("role", _role),
                        made("content", _text),
                        made("reasoning_content", _thoughts_later),
                        said("refusal"),
                        kept("tool_calls", inside=CALL),
                    ),
                ),
                LOGPROBS,
                "finish_reason",
                made("matched_stop", _matched),
            ),
        ),
        made("usage", _null_usage, inside=COUNTS),
    ),
    document=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept(
                    "message",
                    inside=(
                        "role",
                        made("content", lambda _, message: message["content"] or ""),
                        null("reasoning_content"),
                        said("refusal"),
                        kept("tool_calls", inside=("id", "index", "type", "function")),
                    ),
                ),
                LOGPROBS,
                "finish_reason",
                made("matched_stop", _matched),
            ),
        ),
        kept("usage", inside=COUNTS),
        made("metadata", _versions),
    ),
    text_chunk=(*HEAD, kept("choices", inside=TEXT), null("usage", inside=TEXT_COUNTS)),
    text_document=(
        *HEAD,
        kept("choices", inside=TEXT),
        kept("usage", inside=TEXT_COUNTS),
        made("metadata", _versions),
    ),
    continuous=True,
    error=_error,
    owner="sglang",
    stream_headers=(SERVER, *EVENTS),
    document_headers=(SERVER, *JSON),
)
