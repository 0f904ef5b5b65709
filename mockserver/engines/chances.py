"""How likely each token was, and what else might have come: the same text gives the same logprobs. Knows no HTTP."""

import hashlib
from typing import Any

from .scripted import TALK

OTHERS = tuple(f" {word}" for word in dict.fromkeys([*TALK.split(), *"0123456789"]))
"""What might have come instead: more words than the twenty alternatives that a request may ask for."""


def logprobs_of(pieces: tuple[str, ...], alternatives: int, seed: str) -> tuple[dict[str, Any], ...]:
    """One entry for each token, with so many alternatives, itself the first of them."""
    return tuple(
        _entry(piece, alternatives, hashlib.sha256(f"{seed}/{position}/{piece}".encode()).digest())
        for position, piece in enumerate(pieces)
    )


def _entry(piece: str, alternatives: int, mark: bytes) -> dict[str, Any]:
    own = {"token": piece, "logprob": -round(mark[0] / 1024, 6), "bytes": list(piece.encode())}
    start = mark[1] % len(OTHERS)
    others = [word for word in OTHERS[start:] + OTHERS[:start] if word != piece]
    more = [
        {"token": word, "logprob": -round(1 + rank + mark[2] / 512, 6), "bytes": list(word.encode())}
        for rank, word in enumerate(others[: max(0, alternatives - 1)])
    ]
    return {**own, "top_logprobs": [own, *more] if alternatives else []}
