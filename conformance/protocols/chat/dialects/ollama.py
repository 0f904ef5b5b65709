"""Ollama's OpenAI-compatible endpoint: a documented part of the API."""

from .dialect import FAIR, NAMED, WEAK, Clue, Dialect, Tolerance

DOCS = "https://docs.ollama.com/api/openai-compatibility"
OLDER = "https://github.com/ollama/ollama/blob/main/docs/openai.md"
FORMAT = "https://github.com/ollama/ollama/pull/17485"
BEFORE = "before July 2026 every chunk had the role, and the last text came with the finish_reason"

OLLAMA = Dialect(
    "ollama",
    "Ollama: n is not supported and the key not looked at",
    (
        Tolerance(
            rule="chat/order/all-choices-sent",
            got="no chunk for choice*",
            request="/n = *",
            reason="n is not among the supported request fields",
            link=DOCS,
            seen="documentation of 2026",
        ),
        Tolerance(
            rule="chat/refusals/key-missing",
            reason="the API key is required by clients and ignored by the server",
            link=DOCS,
            seen="documentation of 2026",
        ),
        Tolerance(
            rule="chat/tokens/prompt-counted",
            got="prompt_tokens 0 *",
            reason="prompt_tokens is 0 where the evaluation of the prompt was cached",
            link=OLDER,
            seen="documentation of 2024",
        ),
        Tolerance(rule="chat/role/sent-once", reason=BEFORE, link=FORMAT, seen="Ollama before July 2026"),
        Tolerance(rule="chat/content/begins-empty", reason=BEFORE, link=FORMAT, seen="Ollama before July 2026"),
        Tolerance(rule="chat/content/finish-carries-none", reason=BEFORE, link=FORMAT, seen="Ollama before July 2026"),
    ),
    (
        Clue(r'/system_fingerprint = "fp_ollama"', NAMED, "Ollama names itself in the fingerprint"),
        Clue(r'/id = "(chat)?cmpl-\d{1,3}"', FAIR, "an id with a number below 1000"),
        Clue(r'/model = "[^"/:]+:[^"/:]+"', WEAK, "a model with a tag"),
        Clue(r'/data/\*/owned_by = "library"', FAIR, "a model owned by library"),
    ),
)
