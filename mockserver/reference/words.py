"""The words of a model: text to token ids and back to bytes. Knows no request and no model.

Reads the tokenizer.json of a model's folder. What a token says is bytes, not text: a character may be spread over
several tokens.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

SPACE = "\u2581"
"""How SentencePiece writes a space."""
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
"""How SentencePiece writes a byte that belongs to no token."""
THOUGHTS = (("<think>", "</think>"), ("<|think|>", "<|/think|>"), ("<thinking>", "</thinking>"))
CALLS = (("<tool_call>", "</tool_call>"), ("<|tool_call|>", "<|/tool_call|>"))
"""Tokens that models put around their thoughts and around a call, `{"name": ..., "arguments": ...}`."""


class WordsError(Exception):
    """The folder has no words that can be read here; says what is missing."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The two tokens around something."""

    begin: int
    end: int


class Words:
    """A tokenizer."""

    def __init__(self, tokenizer: str) -> None:
        """`tokenizer` is the text of a tokenizer.json. Raises WordsError."""
        try:
            described: dict[str, Any] = json.loads(tokenizer)
            self._marked: Any = Tokenizer.from_str(tokenizer)
            self._plain: Any = Tokenizer.from_str(json.dumps({**described, "added_tokens": [], "post_processor": None}))
        except Exception as error:  # the library raises Exception itself
            raise WordsError(f"this is no tokenizer.json: {error}") from error
        self.described = tokenizer
        added = {token["content"]: token for token in described.get("added_tokens", ())}
        self.special = frozenset(token["id"] for token in added.values() if token["special"])
        self.added: Mapping[str, int] = {content: token["id"] for content, token in added.items()}
        bytes_of = _by_bytes() if _is_byte_level(described) else _as_pieces
        known: Mapping[str, int] = self._marked.get_vocab(with_added_tokens=True)
        self.size = max(known.values()) + 1
        table = [b""] * self.size
        for token, number in known.items():
            table[number] = token.encode() if token in added else bytes_of(token)
        self._table = table
        self.longest = max(map(len, table))
        """Bytes of the longest token."""
        self.thoughts = self._marks(THOUGHTS)
        self.calls = self._marks(CALLS)
        self._strips_first = _strips_first(described)

    def encode(self, text: str) -> list[int]:
        """The tokens of a text that somebody wrote: what looks like a special token in it is only text."""
        return list(self._plain.encode(text, add_special_tokens=False).ids)

    def encode_marked(self, text: str) -> list[int]:
        """The tokens of a text of our own, special tokens and all."""
        return list(self._marked.encode(text, add_special_tokens=False).ids)

    def bytes_of(self, token: int) -> bytes:
        """What a token says; a special one is told by its name."""
        return self._table[token] if token < self.size else b""

    def said(self, token: int, *, first: bool = False) -> bytes:
        """The same as part of a reply: nothing, for special tokens; `first` is whether nothing stands before it."""
        if token in self.special:
            return b""
        said = self.bytes_of(token)
        return said.removeprefix(b" ") if first and self._strips_first else said

    def text_of(self, tokens: Iterable[int]) -> str:
        """What tokens say together."""
        return b"".join(map(self.said, tokens)).decode("utf-8", "replace")

    def _marks(self, known: Iterable[tuple[str, str]]) -> Marks | None:
        for begin, end in known:
            if begin in self.added and end in self.added:
                return Marks(self.added[begin], self.added[end])
        return None


def load(folder: Path) -> Words:
    """The words of a model's folder. Raises WordsError."""
    path = folder / "tokenizer.json"
    try:
        return Words(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WordsError(f"cannot read {path}: a model needs its tokenizer.json") from error


def _parts(described: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A part of a tokenizer, or what it is a sequence of."""
    part = described.get(name) or {}
    return part.get("decoders") or part.get("pretokenizers") or [part]


def _is_byte_level(described: Mapping[str, Any]) -> bool:
    steps = (*_parts(described, "decoder"), *_parts(described, "pre_tokenizer"))
    return any(step.get("type") == "ByteLevel" for step in steps)


def _strips_first(described: Mapping[str, Any]) -> bool:
    """Whether the space in front of the first word is none of the text."""
    steps = _parts(described, "decoder")
    stripped = any(step.get("type") == "Strip" and step.get("start") for step in steps)
    return stripped or any(step.get("type") == "Metaspace" and step.get("prepend_scheme") != "never" for step in steps)


def _by_bytes() -> Callable[[str], bytes]:
    """Byte-level tokens are written in 256 letters, one for each byte: those that can be shown stand for themselves."""
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(hidden)}

    def bytes_of(token: str) -> bytes:
        return bytes(letters[letter] for letter in token) if all(map(letters.__contains__, token)) else token.encode()

    return bytes_of


def _as_pieces(token: str) -> bytes:
    """Pieces of text, as SentencePiece and WordPiece have them."""
    if found := BYTE.fullmatch(token):
        return bytes([int(found[1], 16)])
    return token.replace(SPACE, " ").encode()
