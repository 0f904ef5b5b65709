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
        return torch.zeros(heads, (blocks + 1) * size, width, device=device, dtype=precision)

    keys = [zeros(shape.heads, shape.key) for shape in shapes]
    values = [zeros(shape.heads, shape.value) for shape in shapes]
    return Memory(keys, values, size)


class Memory:
    """Tensors of each layer: (heads, slots, width), the slots of block 0 first. Into those padding may be written.

    A head's slots lie side by side, so that attention, which does one head after another, reads on and on: with the
    heads of each token side by side it takes more than twice as long on a processor.
    """

    def __init__(self, keys: Sequence[Any], values: Sequence[Any], size: int) -> None:
        self.size = size
        self.keys = keys
        self.values = values

    def write(self, layer: int, slots: Any, keys: Any, values: Any) -> None:
        """Put what a layer made of some tokens, (heads, tokens, width) each, into their slots."""
        self.keys[layer].index_copy_(1, slots, keys)
        self.values[layer].index_copy_(1, slots, values)

    def read(self, layer: int, table: Any, rows: int) -> tuple[Any, Any]:
        """What the blocks of a table hold, as many for each row: twice (rows, heads, tokens, width)."""
        return self._read(self.keys[layer], table, rows), self._read(self.values[layer], table, rows)

    def copy(self, copies: Iterable[tuple[int, int]]) -> None:
        """Copy whole blocks: all are read before any is written."""
        pairs = list(copies)
        if not pairs:
            return
        old, new = (torch.tensor(blocks, device=self.keys[0].device) for blocks in zip(*pairs, strict=True))
        for kept in (*self.keys, *self.values):
            blocks = self._blocks(kept)
            blocks.index_copy_(1, new, blocks.index_select(1, old))

    def _read(self, kept: Any, table: Any, rows: int) -> Any:
        heads, _, width = kept.shape
        return self._blocks(kept).index_select(1, table).view(heads, rows, -1, width).transpose(0, 1)

    def _blocks(self, kept: Any) -> Any:
        """As (heads, blocks, numbers of a block)."""
        heads, _, width = kept.shape
        return kept.view(heads, -1, self.size * width)
