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


class Memory:
    """`blocks` blocks of `size` slots, and block 0, into which padding may be written."""

    def __init__(self, shapes: Sequence[Shape], blocks: int, size: int, *, device: Any, precision: Any) -> None:
        self.size = size

        def zeros(heads: int, width: int) -> Any:
            return torch.zeros(blocks + 1, size, heads, width, device=device, dtype=precision)

        self.keys = [zeros(shape.heads, shape.key) for shape in shapes]
        """Of each layer: (blocks + 1, size, heads, width)."""
        self.values = [zeros(shape.heads, shape.value) for shape in shapes]
        self._key_slots = [keys.view(-1, *keys.shape[2:]) for keys in self.keys]
        self._value_slots = [values.view(-1, *values.shape[2:]) for values in self.values]

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
