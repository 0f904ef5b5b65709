"""llama.cpp's llama-server: choices first, timings in the last chunk, errors of code, message and type."""

from typing import Any
from zlib import crc32

from .counting import cached
from .dialect import Dialect, letters
from .members import ABSENT, Members, Told, fixed, kept, made, null, said
from .turns import unless_asked, usage_with_finish

ERRORS = {401: "authentication_error", 404: "not_found_error", 501: "not_supported_error", 503: "unavailable_error"}
BEFORE = (("Server", "llama.cpp"), ("Access-Control-Allow-Origin", ""))
ALIVE = ("Keep-Alive", "timeout=5, max=100")
READ_MS, MADE_MS = 0.25, 1.0
"""Milliseconds that a token took to read and to make; there is no clock behind them."""
VOCABULARY = 32_000
"""Tokens that have a number."""
FINGERPRINT = fixed("system_fingerprint", "b1-0c1e570")
OWN: Members = (made("id", lambda _, token: crc32(token["token"].encode()) % VOCABULARY), "token", "bytes", "logprob")
TOKEN: Members = (*OWN, kept("top_logprobs", inside=OWN))
LOGPROBS = said("logprobs", inside=(kept("content", inside=TOKEN),))
TEXT_LOGPROBS = null("logprobs", inside=("tokens", "token_logprobs", "top_logprobs", "text_offset"))
COUNTS: Members = (
    "completion_tokens",
    "prompt_tokens",
    "total_tokens",
    made("prompt_tokens_details", lambda _, usage: {"cached_tokens": cached(usage)}),
)


def _role_text(told: Told, delta: dict[str, Any]) -> Any:
    return None if "role" in told.tags else delta.get("content", ABSENT)


def _timings(_told: Told, given: dict[str, Any]) -> Any:
    """How long it took to read and to make the tokens."""
    known, made_now = cached(given["usage"]), given["usage"]["completion_tokens"]
    read = given["usage"]["prompt_tokens"] - known
    return {"cache_n": known, **_timed("prompt", read, READ_MS), **_timed("predicted", made_now, MADE_MS)}


def _timed(name: str, tokens: int, each: float) -> dict[str, Any]:
    return {
        f"{name}_n": tokens,
        f"{name}_ms": tokens * each,
        f"{name}_per_token_ms": each if tokens else None,
        f"{name}_per_second": 1000 / each if tokens else None,
    }


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    kind = ERRORS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"code": status, "message": error["message"], "type": kind}}


LLAMACPP = Dialect(
    name="llamacpp",
    id=lambda _, mark: f"chatcmpl-{letters(mark, 32)}",
    call_id=lambda mark: letters(mark, 32),
    chunk=(
        kept(
            "choices",
            inside=(
                "finish_reason",
                "index",
                kept(
                    "delta",
                    inside=("role", made("content", _role_text), said("refusal"), "reasoning_content", "tool_calls"),
                ),
                LOGPROBS,
            ),
        ),
        "created",
        "id",
        "model",
        FINGERPRINT,
        "object",
        said("usage", on="usage", inside=COUNTS),
        made("timings", _timings, on="last"),
    ),
    document=(
        kept(
            "choices",
            inside=(
                "finish_reason",
                "index",
                kept(
                    "message",
                    inside=(
                        "role",
                        made("content", lambda _, message: message["content"] or ""),
                        said("refusal"),
                        "reasoning_content",
                        kept("tool_calls", inside=("type", "function", "id")),
                    ),
                ),
                LOGPROBS,
            ),
        ),
        "created",
        "model",
        FINGERPRINT,
        "object",
        kept("usage", inside=COUNTS),
        "id",
        made("timings", _timings),
    ),
    text_chunk=(
        kept("choices", inside=("text", "index", TEXT_LOGPROBS, "finish_reason")),
        "created",
        "model",
        FINGERPRINT,
        "object",
        said("usage", inside=COUNTS),
        "id",
        made("timings", _timings, on="last"),
    ),
    text_document=(
        kept("choices", inside=("text", "index", TEXT_LOGPROBS, "finish_reason")),
        "created",
        "model",
        FINGERPRINT,
        "object",
        kept("usage", inside=COUNTS),
        "id",
        made("timings", _timings),
    ),
    turns=(unless_asked(usage_with_finish),),
    text_turns=(usage_with_finish,),
    counts=frozenset({"chat", "text"}),
    error=_error,
    owner="llamacpp",
    stream_headers=(*BEFORE, ("X-Accel-Buffering", "no"), ("Content-Type", "text/event-stream"), ALIVE),
    document_headers=(*BEFORE, ("Content-Type", "application/json; charset=utf-8"), ALIVE),
)
