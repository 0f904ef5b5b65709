"""`transformers serve`: members by the alphabet, nulls left out, usage with the finish_reason, asked for or not."""

from .dialect import EVENTS, JSON, Dialect, uuid
from .members import Members, fixed, kept, said
from .turns import calls_whole, usage_with_finish

SERVER = ("server", "uvicorn")
COUNTS: Members = ("completion_tokens", "prompt_tokens", "total_tokens")
HEAD: Members = ("created", "model", "object")
CALLS = kept("tool_calls", inside=("index", "id", kept("function", inside=("arguments", "name")), "type"))
TRANSFORMERS = Dialect(
    name="transformers",
    id=lambda _, mark: uuid(mark),
    call_id=lambda mark: f"{uuid(mark)}_tool_call_0",
    chunk=(
        "id",
        kept(
            "choices",
            inside=(
                kept("delta", inside=(said("content"), said("refusal"), "reasoning_content", "role", CALLS)),
                "index",
                "finish_reason",
                said("logprobs"),
            ),
        ),
        *HEAD,
        fixed("system_fingerprint", ""),
        said("usage", inside=COUNTS),
    ),
    document=(
        "id",
        kept(
            "choices",
            inside=(
                "finish_reason",
                "index",
                kept("message", inside=("content", said("refusal"), "reasoning_content", "role", CALLS)),
                said("logprobs"),
            ),
        ),
        *HEAD,
        kept("usage", inside=COUNTS),
    ),
    text_chunk=(
        "id",
        kept("choices", inside=("finish_reason", "index", "logprobs", "text")),
        *HEAD,
        said("usage", inside=COUNTS),
    ),
    text_document=(
        "id",
        kept("choices", inside=("finish_reason", "index", "logprobs", "text")),
        *HEAD,
        kept("usage", inside=COUNTS),
    ),
    turns=(calls_whole, usage_with_finish),
    counts=frozenset({"chat"}),
    stream_headers=(SERVER, *EVENTS),
    document_headers=(SERVER, *JSON),
)
