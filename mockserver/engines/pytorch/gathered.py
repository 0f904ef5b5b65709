"""What the rows that decode look back on, gathered: keys and values of each row side by side, as attention reads them.

A sequence keeps its row from step to step; what it has is loaded from the memory when it comes to a row, and then each
step adds one token, here alone: the memory gets it when a row is given up. Knows no pool and no model.
"""

from collections.abc import Sequence as Several
from dataclasses import dataclass, replace
from typing import Any

import torch

from mockserver.engines.decoding.sequence import Sequence, Work

from .memory import Memory

GRAIN = 16
"""Tokens by which the length of the rows grows at the least; at length, a sixteenth of it."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is here of a sequence."""

    row: int
    tokens: int
    saved: int
    """So many of them has the memory, too."""


NOWHERE = Held(-1, 0, 0)


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
        self._flat: list[Any] = []
        self._held: dict[Sequence, Held] = {}

    def place(self, works: Several[Work], rows: int) -> list[int] | None:
        """The row of each work; all that comes before its token is there. None: there is no room for so many tokens."""
        staying = {work.sequence for work in works}
        self._drop([sequence for sequence in self._held if sequence not in staying])
        if not self._lay_out(rows, max(work.start for work in works) + 1):
            self._drop(list(self._held))
            return None
        before = {work.sequence: self._held.get(work.sequence, NOWHERE) for work in works}
        taken = {held.row for held in before.values()}
        free = iter([row for row in range(rows) if row not in taken])
        self._held = {}
        stale = []
        for work in works:
            held = before[work.sequence]
            row = next(free) if held.row < 0 else held.row
            fits = held.row >= 0 and held.tokens == work.start
            if not fits:
                stale.append((work, row))
            self._held[work.sequence] = Held(row, work.start + 1, held.saved if fits else work.start)
        if stale:
            self._load(*zip(*stale, strict=True))
        return [self._held[work.sequence].row for work in works]

    def _lay_out(self, rows: int, longest: int) -> bool:
        """Have so many rows that are long enough; what is held comes first in them, one after another."""
        grain = max(GRAIN, 1 << (longest - 1).bit_length() >> 4)
        length = -(-longest // grain) * grain
        if (rows, length) == (self._rows, self.length):
            return True
        flat = self._flat
        if rows * length > self._room:
            room = next((room for room in (2 * rows * length, rows * length) if room <= self._most), None)
            if room is None:
                return False
            self._room = room
            flat = [_zeros(kept, room) for kept in (*self._memory.keys, *self._memory.values)]
        count, long = len(self._held), min(length, self.length)
        held = torch.tensor([held.row for held in self._held.values()], dtype=torch.long, device=flat[0].device)
        shaped = []
        for old, new, kept in zip(
            (*self.keys, *self.values) or flat, flat, (*self._memory.keys, *self._memory.values), strict=True
        ):
            heads, _, width = kept.shape
            moved = old.index_select(0, held) if count else None
            shaped.append(new[: rows * heads * length * width].view(rows, heads, length, width))
            if moved is not None:
                shaped[-1][:count, :, :long] = moved[:, :, :long]
        self._flat, self._rows, self.length = flat, rows, length
        self.keys, self.values = shaped[: len(shaped) // 2], shaped[len(shaped) // 2 :]
        self._held = {sequence: replace(held, row=row) for row, (sequence, held) in enumerate(self._held.items())}
        return True

    def _drop(self, sequences: Several[Sequence]) -> None:
        """Hold these no more; what the memory lacks of them it gets, unless they have ended or given way."""
        size = self._memory.size
        lacking: list[tuple[int, int, int]] = []
        for sequence in sequences:
            held, blocks = self._held.pop(sequence), sequence.blocks
            if not sequence.ended and held.tokens <= len(blocks) * size:
                lacking += [
                    (held.row, place, blocks[place // size] * size + place % size)
                    for place in range(held.saved, held.tokens)
                ]
        if not lacking:
            return
        rows, places, slots = torch.tensor(lacking, device=self._memory.keys[0].device).unbind(1)
        for layer, kept in enumerate(zip(self.keys, self.values, strict=True)):
            self._memory.write(layer, slots, *(own[rows, :, places].transpose(0, 1) for own in kept))

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
