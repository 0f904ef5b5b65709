"""The key-value memory: blocks of slots, one for each token, in every layer. Knows no sequence; who owns a block is the
pool's business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Shape:
    """What a layer keeps of a token."""

    heads: int
    key: int
    """Numbers in a key, for each head."""
    value: int

    def numbers(self) -> int:
        """All of them."""
        return self.heads * (self.key + self.value)


def empty(shapes: Sequence[Shape], blocks: int, size: int, *, device: Any, precision: Any) -> "Memory":
    """A memory of so many blocks, and block 0."""

    def zeros(heads: int, width: int) -> Any:
        return torch.zeros(blocks + 1, size, heads, width, device=device, dtype=precision)

    keys = [zeros(shape.heads, shape.key) for shape in shapes]
    values = [zeros(shape.heads, shape.value) for shape in shapes]
    return Memory(keys, values, size)


class Memory:
    """Tensors of each layer: (blocks + 1, size, heads, width). Into block 0 padding may be written."""

    def __init__(self, keys: Sequence[Any], values: Sequence[Any], size: int) -> None:
        self.size = size
        self.keys = keys
        self.values = values
        self._key_slots = [kept.flatten(0, 1) for kept in keys]
        self._value_slots = [kept.flatten(0, 1) for kept in values]

    def write(self, layer: int, slots: Any, keys: Any, values: Any) -> None:
        """Put what a layer made of some tokens, (tokens, heads, width) each, into their slots."""
        self._key_slots[layer].index_copy_(0, slots, keys)
        self._value_slots[layer].index_copy_(0, slots, values)

    def read(self, layer: int, table: Any, rows: int) -> tuple[Any, Any]:
        """What the blocks of a table hold, as many for each row: twice (rows, heads, tokens, width)."""
        keys, values = self.keys[layer], self.values[layer]
        return (
            keys.index_select(0, table).view(rows, -1, *keys.shape[2:]).transpose(1, 2),
            values.index_select(0, table).view(rows, -1, *values.shape[2:]).transpose(1, 2),
        )

    def copy(self, copies: Iterable[tuple[int, int]]) -> None:
        """Copy whole blocks: all are read before any is written."""
        pairs = list(copies)
        if not pairs:
            return
        old, new = (torch.tensor(blocks, device=self.keys[0].device) for blocks in zip(*pairs, strict=True))
        for kept in (*self.keys, *self.values):
            kept.index_copy_(0, new, kept.index_select(0, old))
