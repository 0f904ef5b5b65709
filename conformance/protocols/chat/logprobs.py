"""The tokens that a stream tells of, beside the text that they make. Knows no view and no rule."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.protocols.exchange import Step
from conformance.protocols.schema_errors import SchemaError

Token = dict[str, Any]
SPECIAL = re.compile(r"<\|[^<>|]{1,40}\|>|</?s>|<eos>|<bos>|<(?:start|end)_of_turn>|")
"""Tokens that are no text: they end a turn, and are told of by some servers."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one chunk says of one choice: its text, and the tokens of `logprobs.content`."""

    step: Step
    position: int
    """Of the choice within the chunk."""
    text: str
    tokens: list[Token]
    listed: bool
    """There is a list of tokens, be it empty."""


def told(chunks: Iterable[Step]) -> dict[int, list[Told]]:
    """What came for each choice: chunks with text, tokens or both."""
    found: dict[int, list[Told]] = {}
    for step in chunks:
        for position, entry in enumerate((step.chunk or {}).get("choices") or ()):
            logprobs, text = entry.get("logprobs"), entry["delta"].get("content") or ""
            tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
            if text or tokens:
                listed = isinstance(tokens, list)
                found.setdefault(entry["index"], []).append(Told(step, position, text, tokens or [], listed))
    return found


def is_misshapen(errors: Iterable[SchemaError]) -> bool:
    """Logprobs differ from the schema in more than that they lack `refusal`."""
    return any(
        error.place.startswith("/choices/*/logprobs") and not error.place.endswith("/logprobs/refusal")
        for error in errors
    )


def is_special(token: Token) -> bool:
    """The token stands for no text."""
    return SPECIAL.fullmatch(token["token"]) is not None


def bytes_of(tokens: Iterable[Token]) -> bytes:
    """The bytes of these tokens, one behind the other; where there are none, those of the token itself."""
    return b"".join(
        bytes(token["bytes"]) if token["bytes"] is not None else token["token"].encode("utf-8", "surrogatepass")
        for token in tokens
        if not is_special(token)
    )


def texts_of(tokens: Iterable[Token]) -> bytes:
    """The same, made of the tokens' text alone."""
    return b"".join(token["token"].encode("utf-8", "surrogatepass") for token in tokens if not is_special(token))
