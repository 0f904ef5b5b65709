"""Ollama: the role with the first text, calls whole, its own name for a fingerprint."""

from typing import Any

from .dialect import Dialect
from .members import Members, fixed, kept, null, said
from .turns import calls_whole, role_with_first

ERRORS = {404: "not_found_error"}
FINGERPRINT = fixed("system_fingerprint", "fp_ollama")
HEAD: Members = ("id", "object", "created", "model", FINGERPRINT)
COUNTS: Members = ("prompt_tokens", "completion_tokens", "total_tokens")
SAYS: Members = (
    "role",
    said("content"),
    said("refusal"),
    said("reasoning", of="reasoning_content"),
    kept("tool_calls", inside=("id", "index", "type", "function")),
)


def _error(status: int, error: dict[str, Any]) -> dict[str, Any]:
    kind = ERRORS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {"error": {"message": error["message"], "type": kind, "param": None, "code": None}}


OLLAMA = Dialect(
    name="ollama",
    id=lambda prefix, mark: f"{prefix}-{int(mark[:8], 16) % 999}",
    call_id=lambda mark: f"call_{mark[:8]}",
    chunk=(
        *HEAD,
        kept("choices", inside=("index", kept("delta", inside=SAYS), "finish_reason", said("logprobs"))),
        said("usage", inside=COUNTS),
    ),
    document=(
        *HEAD,
        kept(
            "choices",
            inside=(
                "index",
                kept("message", inside=("role", null("content"), *SAYS[2:])),
                "finish_reason",
                said("logprobs"),
            ),
        ),
        kept("usage", inside=COUNTS),
    ),
    turns=(role_with_first, calls_whole),
    error=_error,
    owner="library",
    stream_headers=(("content-type", "text/event-stream"),),
)
