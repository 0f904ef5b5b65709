"""Where everything of a forward pass lies: one row of tokens, those that decode first, then pieces of prompts.

Knows the blocks of each sequence, and nothing of the model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

import torch

from mockserver.engines.decoding.sequence import Work

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


@dataclass(slots=True)
class Layout:
    """What attention has to know about a forward pass."""

    memory: Memory
    slots: Any
    """Where the keys and values of each token of the row go."""
    rows: int
    """Tokens that decode."""
    groups: list[Group] = field(default_factory=list)
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


Buckets = Callable[[int], int]
"""Tokens that a row of this many is said to have, so that there are few shapes."""


class Layouts:
    """Makes the layout of each forward pass."""

    def __init__(self, memory: Memory, device: Any, precision: Any) -> None:
        self._memory = memory
        self._device = device
        self._precision = precision
        self._range = torch.arange(1 << 12, device=device)

    def row(self, works: Sequence[Work], keep: Sequence[int] | None) -> Row:
        """All works in one row."""
        size = self._memory.size
        decodes = [work for work in works if work.decodes]
        pieces = [work for work in works if not work.decodes]
        ids, positions, slots = _tokens(works, size)
        most = max((len(work.sequence.blocks) for work in decodes), default=0)
        tables = [_padded(work.sequence.blocks, most) for work in decodes]
        lengths = [work.start + 1 for work in decodes]
        later = [work.sequence.blocks if work.start else [] for work in pieces]
        told = iter(self._tensors(ids, positions, slots, chain(*tables), lengths, keep or (), *later))
        row = Row(next(told)[None], next(told)[None], Layout(self._memory, next(told), len(decodes)), None)
        table, seen = next(told), next(told)
        kept = next(told)
        row.keep = None if keep is None else kept
        if decodes:
            row.layout.groups.append(Group(table, self._mask(seen, most * size)))
        offset = len(decodes)
        for work in pieces:
            row.layout.pieces.append(self._piece(work, offset, next(told)))
            offset += work.count
        return row

    def decoding(self, works: Sequence[Work], rows: int, bucket: Buckets) -> Row:
        """Rows that decode, filled up to so many; each sees as much as its bucket, masked to what it has."""
        size = self._memory.size
        blank = rows - len(works)
        ids, positions, slots = (told + [0] * blank for told in _tokens(works, size))
        lengths = [work.start + 1 for work in works]
        seen_as = [bucket(length) for length in lengths]
        buckets = sorted(set(seen_as))
        tables: list[list[int]] = []
        for most in buckets:
            own = [
                _padded(w.sequence.blocks, most // size) if b == most else []
                for w, b in zip(works, seen_as, strict=True)
            ]
            tables.append(list(chain.from_iterable(_padded(blocks, most // size) for blocks in [*own, *[[]] * blank])))
        told = self._tensors(ids, positions, slots, lengths + [1] * blank, seen_as + [0] * blank, *tables)
        layout = Layout(self._memory, told[2], rows)
        for most, table in zip(buckets, told[5:], strict=True):
            members = told[4] == most
            seen = torch.where(members, told[3], 1)  # whose result does not count sees one slot: none would be NaN
            layout.groups.append(Group(table, self._mask(seen, most), members.view(-1, 1, 1, 1)))
        return Row(told[0][None], told[1][None], layout, None)

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


def _tokens(works: Sequence[Work], size: int) -> tuple[list[int], list[int], list[int]]:
    """The tokens of all works in a row, where they are in their sequences, and their slots."""
    ids: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    for work in works:
        blocks, start, end = work.sequence.blocks, work.start, work.start + work.count
        ids += work.sequence.tokens[start:end]
        positions += range(start, end)
        slots += [blocks[place // size] * size + place % size for place in range(start, end)]
    return ids, positions, slots


def _padded(blocks: list[int], most: int) -> list[int]:
    """As many blocks; those that are missing are block 0."""
    return blocks[:most] + [0] * (most - len(blocks))
