"""Azure OpenAI: results of a content filter before the first chunk and beside every delta; members by the alphabet."""

from typing import Any

from .dialect import Dialect, Item, letters
from .members import Members, Told, kept, made
from .turns import begins_with

SAFE = {"filtered": False, "severity": "safe"}
UNDETECTED = {"detected": False, "filtered": False}
OF_PROMPT = {"hate": SAFE, "jailbreak": UNDETECTED, "self_harm": SAFE, "sexual": SAFE, "violence": SAFE}
OF_TEXT = {
    "hate": SAFE,
    "protected_material_code": UNDETECTED,
    "protected_material_text": UNDETECTED,
    "self_harm": SAFE,
    "sexual": SAFE,
    "violence": SAFE,
}
PROMPT_RESULTS = [{"prompt_index": 0, "content_filter_results": OF_PROMPT}]
PADDED = 16
"""Characters of text and padding together."""
HEADERS = (("apim-request-id", "{uuid}"), ("x-ms-region", "Nowhere"))


def _prompt(_told: Told) -> Item:
    """What comes before everything, without an identity."""
    return {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": PROMPT_RESULTS,
    }


def _results(told: Told, _choice: dict[str, Any]) -> dict[str, Any]:
    return OF_TEXT if told.tags & {"text", "document"} and "role" not in told.tags else {}


def _padding(told: Told, chunk: dict[str, Any]) -> str:
    """Letters that make messages the same length."""
    said = str(chunk["choices"][0].get("delta", {}).get("content", ""))
    return letters(told.mark, max(1, PADDED - len(said)))


CALLS = kept("tool_calls", inside=(kept("function", inside=("arguments", "name")), "id", "index", "type"))
LOGPROBS = "logprobs"
DOCUMENT_CHOICE: Members = (
    made("content_filter_results", _results),
    "finish_reason",
    "index",
    LOGPROBS,
    kept("message", inside=("annotations", "content", "reasoning_content", "refusal", "role", CALLS)),
    "text",
)
AZURE = Dialect(
    name="azure",
    chunk=(
        kept(
            "choices",
            inside=(
                made("content_filter_results", _results),
                kept("delta", inside=("content", "reasoning_content", "refusal", "role", CALLS)),
                "finish_reason",
                "index",
                LOGPROBS,
            ),
        ),
        "created",
        "id",
        "model",
        made("obfuscation", _padding, on="role text finish"),
        "object",
        "prompt_filter_results",
        "system_fingerprint",
        "usage",
    ),
    document=(
        kept("choices", inside=DOCUMENT_CHOICE),
        "created",
        "id",
        "model",
        "object",
        made("prompt_filter_results", lambda _told, _given: PROMPT_RESULTS),
        "system_fingerprint",
        "usage",
    ),
    turns=(begins_with(_prompt),),
    stream_headers=(
        ("cache-control", "no-cache, must-revalidate"),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("x-accel-buffering", "no"),
        *HEADERS,
    ),
    document_headers=(("content-type", "application/json"), *HEADERS),
)
