"""Where everything of a forward pass lies: one row of tokens, those that decode first, then pieces of prompts.

Knows the blocks of each sequence, and nothing of the model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

from mockserver.engines.decoding.sequence import Work

from .gathered import Gathered
from .memory import Memory


@dataclass(slots=True)
class Group:
    """Rows that decode, looking back as far as each other."""

    table: Any
    """Their blocks, one row after another, as many for each."""
    mask: Any
    """Added to their scores: 0 or minus infinity, (rows, 1, 1, tokens)."""
    members: Any = None
    """Whose result counts, (rows, 1, 1, 1); None where there is one group."""


@dataclass(slots=True)
class Beside:
    """Rows that decode, and what they look back on gathered already: see gathered.Gathered."""

    rows: Any
    """Their numbers, one after another."""
    places: Any
    """Where each row's token is in its row."""
    mask: Any
    """As in a group."""
    keys: list[Any]
    """Of each layer: (rows, heads, tokens, width)."""
    values: list[Any]

    def add(self, layer: int, keys: Any, values: Any) -> None:
        """Put what a layer made of each row's token, (heads, rows, width), into the rows."""
        self.keys[layer][self.rows, :, self.places] = keys.transpose(0, 1)
        self.values[layer][self.rows, :, self.places] = values.transpose(0, 1)


@dataclass(slots=True)
class Piece:
    """A piece of a prompt."""

    offset: int
    """Of its first token in the row."""
    count: int
    start: int
    """Of its first token in its sequence."""
    table: Any = None
    """The blocks of its sequence; None where it is the first piece, which needs nothing from the memory."""
    mask: Any = None
    alike: int = 1
    """First pieces of as many tokens that follow each other, this one counted: attention does them at once."""


@dataclass(slots=True)
class Layout:
    """What attention has to know about a forward pass."""

    memory: Memory
    slots: Any
    """Where the keys and values of each token of the row go; those of `beside` are kept there alone."""
    rows: int
    """Tokens that decode."""
    beside: Beside | None = None
    """Of those that decode; None where they are read from the memory."""
    groups: list[Group] = field(default_factory=list)
    """Of those that decode, where they are read from the memory."""
    pieces: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """The input of a forward pass."""

    ids: Any
    """(1, tokens)"""
    positions: Any
    layout: Layout
    keep: Any
    """The tokens whose logits are wanted; None: those of all."""


Keep = Sequence[int] | None
"""Numbers of the tokens whose logits are wanted; None: those of all."""
Blanks = Sequence[Work | None]
"""Rows, some of which may be nobody's."""
Buckets = Callable[[int], int]
"""Tokens that a row of this many is said to have, so that there are few shapes."""


class Layouts:
    """Makes the layout of each forward pass."""

    def __init__(self, memory: Memory, device: Any, precision: Any) -> None:
        self._memory = memory
        self._device = device
        self._precision = precision
        self._range = torch.arange(1 << 12, device=device)

    def pieces(self, works: Sequence[Work], keep: Keep) -> Row:
        """Pieces of prompts alone."""
        return self._row([], works, keep)[0]

    def beside(self, rows: Blanks, gathered: Gathered, pieces: Sequence[Work], keep: Keep) -> Row:
        """Rows that decode, with what is gathered for them; then pieces of prompts."""
        starts = [0 if work is None else work.start for work in rows]
        made, (places, seen) = self._row(rows, pieces, keep, starts, [start + 1 for start in starts])
        mask = self._mask(seen, gathered.length)
        made.layout.beside = Beside(self._range[: len(rows)], places, mask, gathered.keys, gathered.values)
        return made

    def grouped(self, rows: Blanks, bucket: Buckets, pieces: Sequence[Work] = (), keep: Keep = None) -> Row:
        """Rows that decode, each of which sees as much as its bucket, masked to what it has; then pieces of prompts."""
        lengths = [1 if work is None else work.start + 1 for work in rows]
        seen_as = [0 if work is None else bucket(work.start + 1) for work in rows]
        buckets = sorted({most for most in seen_as if most})
        tables = [self._table(rows, seen_as, most) for most in buckets]
        made, told = self._row(rows, pieces, keep, lengths, seen_as, *tables)
        for most, table in zip(buckets, told[2:], strict=True):
            members = told[1] == most
            seen = torch.where(members, told[0], 1)  # whose result does not count sees one slot: none would be NaN
            made.layout.groups.append(Group(table, self._mask(seen, most), members.view(-1, 1, 1, 1)))
        return made

    def _table(self, rows: Blanks, seen_as: list[int], most: int) -> list[int]:
        """As many blocks of each row; block 0 for those that are in another bucket."""
        count = most // self._memory.size
        table: list[int] = []
        for work, own in zip(rows, seen_as, strict=True):
            blocks = [] if work is None or own != most else work.sequence.blocks[:count]
            table += blocks + [0] * (count - len(blocks))
        return table

    def _row(self, rows: Blanks, pieces: Sequence[Work], keep: Keep, *more: list[int]) -> tuple[Row, list[Any]]:
        """All but what those that decode look back on, and tensors of more numbers."""
        later = [work.sequence.blocks if work.start else [] for work in pieces]
        told = self._tensors(*_tokens([*rows, *pieces], self._memory.size), keep or (), *later, *more)
        layout = Layout(self._memory, told[2], len(rows))
        offset = len(rows)
        for work, table in zip(pieces, told[4:], strict=False):
            last = layout.pieces[-1] if layout.pieces else None
            if last is not None and work.start == last.start == 0 and work.count == last.count:
                last.alike += 1
            else:
                layout.pieces.append(self._piece(work, offset, table))
            offset += work.count
        return Row(told[0][None], told[1][None], layout, None if keep is None else told[3]), told[4 + len(pieces) :]

    def _piece(self, work: Work, offset: int, table: Any) -> Piece:
        if not work.start:
            return Piece(offset, work.count, 0)
        end = work.start + work.count
        seen = torch.arange(work.start + 1, end + 1, device=self._device)
        return Piece(offset, work.count, work.start, table, self._mask(seen, end)[:, 0, 0])

    def _mask(self, seen: Any, longest: int) -> Any:
        """What is added to the scores of rows that see so many tokens each: (rows, 1, 1, longest)."""
        if longest > len(self._range):
            self._range = torch.arange(2 * longest, device=self._device)
        hidden = self._range[:longest] >= seen[:, None]
        return torch.zeros(hidden.shape, dtype=self._precision, device=self._device).masked_fill_(
            hidden, float("-inf")
        )[:, None, None]

    def _tensors(self, *lists: Any) -> list[Any]:
        """Tensors of these numbers, all brought to the device at once."""
        flat: list[int] = []
        ends = [0]
        for numbers in lists:
            flat.extend(numbers)
            ends.append(len(flat))
        told = torch.tensor(flat, dtype=torch.long)
        if self._device.type != "cpu":
            told = told.pin_memory().to(self._device, non_blocking=True)
        return [told[start:end] for start, end in pairwise(ends)]


def _tokens(works: Sequence[Work | None], size: int) -> tuple[list[int], list[int], list[int]]:
    """The tokens of all works in a row, where they are in their sequences, and their slots; a blank is one token."""
    ids: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    for work in works:
        if work is None:
            ids.append(0)
            positions.append(0)
            slots.append(0)
            continue
        blocks, start, end = work.sequence.blocks, work.start, work.start + work.count
        ids += work.sequence.tokens[start:end]
        positions += range(start, end)
        slots += [blocks[place // size] * size + place % size for place in range(start, end)]
    return ids, positions, slots
