"""What the rows that decode look back on, gathered: keys and values of each row side by side, as attention reads them.

Copies of what the memory holds of their sequences. A sequence keeps its row from step to step; what it has is loaded
when it comes to a row, and then each step adds one token. Knows no pool and no model.
"""

from collections.abc import Sequence as Several
from typing import Any

import torch

from mockserver.engines.decoding.sequence import Sequence, Work

from .memory import Memory

GRAIN = 16
"""Tokens by which the length of the rows grows at the least; at length, a sixteenth of it."""
NOWHERE = (-1, 0)


class Gathered:
    """Tensors of each layer: (rows, heads, length, width).

    A row is hardly longer than the longest needs: what lies side by side without gaps is read in two thirds of the
    time (measured with 32 rows of 80 tokens, which no cache near the processor holds).
    """

    def __init__(self, memory: Memory, most: int) -> None:
        """`most`: tokens of all rows together that there may be room for."""
        self.keys: list[Any] = []
        self.values: list[Any] = []
        self.length = 0
        """Tokens of each row."""
        self._memory = memory
        self._most = most
        self._room = self._rows = 0
        self._held: dict[Sequence, tuple[int, int]] = {}
        """The row of each sequence, and how many of its tokens are there."""

    def place(self, works: Several[Work], rows: int) -> list[int] | None:
        """The row of each work; all that comes before its token is there. None: there is no room for so many tokens."""
        if not self._lay_out(rows, max(work.start for work in works) + 1):
            self._held = {}
            return None
        before = [self._held.get(work.sequence, NOWHERE) for work in works]
        taken = {row for row, _ in before}
        free = iter([row for row in range(rows) if row not in taken])
        placed = [next(free) if row < 0 else row for row, _ in before]
        told = list(zip(works, placed, before, strict=True))
        stale = [(work, row) for work, row, was in told if was != (row, work.start)]
        if stale:
            self._load(*zip(*stale, strict=True))
        self._held = {work.sequence: (row, work.start + 1) for work, row, _ in told}
        return placed

    def _lay_out(self, rows: int, longest: int) -> bool:
        """Have so many rows that are long enough; if they were others before, nothing is left in them."""
        grain = max(GRAIN, 1 << (longest - 1).bit_length() >> 4)
        length = -(-longest // grain) * grain
        if (rows, length) == (self._rows, self.length):
            return True
        if rows * length > self._room:
            room = next((room for room in (2 * rows * length, rows * length) if room <= self._most), None)
            if room is None:
                return False
            self._room = room
            self._flat = [_zeros(kept, room) for kept in (*self._memory.keys, *self._memory.values)]
        self._rows, self.length, self._held = rows, length, {}
        shaped = []
        for kept, flat in zip((*self._memory.keys, *self._memory.values), self._flat, strict=True):
            heads, _, width = kept.shape
            shaped.append(flat[: rows * heads * length * width].view(rows, heads, length, width))
        self.keys, self.values = shaped[: len(shaped) // 2], shaped[len(shaped) // 2 :]
        return True

    def _load(self, works: Several[Work], rows: Several[int]) -> None:
        """Fetch from the memory what the sequences of these rows have."""
        size = self._memory.size
        most = max(-(-work.start // size) for work in works)
        if not most:
            return
        device = self._memory.keys[0].device
        table = [(work.sequence.blocks[:most] + [0] * most)[:most] for work in works]
        blocks, places = torch.tensor(table, device=device).flatten(), torch.tensor(rows, device=device)
        long = min(most * size, self.length)
        for layer, kept in enumerate(zip(self.keys, self.values, strict=True)):
            for own, fetched in zip(kept, self._memory.read(layer, blocks, len(works)), strict=True):
                own[:, :, :long].index_copy_(0, places, fetched[:, :, :long])


def _zeros(kept: Any, tokens: int) -> Any:
    """Not whatever there was: what is masked is multiplied by nothing, which of NaN makes NaN."""
    return torch.zeros(tokens * kept.shape[0] * kept.shape[2], device=kept.device, dtype=kept.dtype)
