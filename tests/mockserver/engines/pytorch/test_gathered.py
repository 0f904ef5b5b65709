"""What rows look back on is what the memory holds of them, whoever comes, goes, grows, or comes back."""

import random
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import torch

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.sequence import Sequence, Work
from mockserver.engines.pytorch.gathered import Gathered
from mockserver.engines.pytorch.memory import Memory, Shape, empty

SIZE, BLOCKS = 4, 400


@pytest.fixture
def memory() -> Memory:
    made = empty([Shape(2, 3, 5), Shape(1, 4, 4)], BLOCKS, SIZE, device="cpu", precision=torch.float32)
    for kept in (*made.keys, *made.values):
        kept.copy_(torch.arange(kept.numel()).view(kept.shape))
    return made


def sequence(number: int, length: int) -> Sequence:
    """One of at most 80 tokens, with blocks of its own."""
    blocks = list(range(1 + 20 * number, 21 + 20 * number))
    return Sequence(
        TokenRequest(id=f"{number}", prompt=(3,), max_tokens=1), 0, 0, 0, tokens=[3] * length, blocks=blocks
    )


def decoding(of: Sequence) -> Work:
    return Work(of, len(of.tokens) - 1, 1, draws=True, decodes=True)


def assert_gathered(memory: Memory, gathered: Gathered, works: list[Work], placed: list[int]) -> None:
    """All that comes before each work's token is in its row."""
    for layer in range(2):
        for own, kept in ((gathered.keys, memory.keys), (gathered.values, memory.values)):
            for work, row in zip(works, placed, strict=True):
                slots = [SIZE * work.sequence.blocks[n // SIZE] + n % SIZE for n in range(work.start)]
                assert torch.equal(kept[layer][:, slots], own[layer][row, :, : work.start])


def add(memory: Memory, gathered: Gathered, works: list[Work], placed: list[int]) -> None:
    """What a step does: the token of each work, here from the memory, where it is already."""
    for own, kept in zip((*gathered.keys, *gathered.values), (*memory.keys, *memory.values), strict=True):
        for work, row in zip(works, placed, strict=True):
            slot = SIZE * work.sequence.blocks[work.start // SIZE] + work.start % SIZE
            own[row, :, work.start] = kept[:, slot]


def test_rows_hold_what_the_memory_holds_whoever_comes_and_goes(memory: Memory) -> None:
    chances = random.Random(5)
    gathered = Gathered(memory, 10_000)
    everybody = [sequence(number, chances.randint(1, 30)) for number in range(12)]
    for _ in range(200):
        here = [of for of in everybody if chances.random() < 0.9]
        works = [decoding(of) for of in here]
        placed = gathered.place(works, 16 if len(works) > 8 else 8)
        assert placed is not None
        assert len(set(placed)) == len(works)
        assert_gathered(memory, gathered, works, placed)
        add(memory, gathered, works, placed)
        for of in here:
            of.tokens.append(3)
            if len(of.tokens) > 80 or chances.random() < 0.02:  # begins again, as one does that gave way
                del of.tokens[chances.randint(1, 30) :]


def test_nothing_is_loaded_for_those_that_stay(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[list[Any]] = []
    gathered = Gathered(memory, 10_000)
    own = gathered._load
    monkeypatch.setattr(gathered, "_load", lambda works, rows: (loaded.append(list(rows)), own(works, rows)))
    stays, leaves, comes = sequence(0, 20), sequence(1, 20), sequence(2, 20)
    assert [0, 1] == gathered.place([decoding(stays), decoding(leaves)], 2)
    stays.tokens.append(3)
    assert [0, 1] == gathered.place([decoding(stays), decoding(comes)], 2)
    stays.tokens.append(3)
    comes.tokens.append(3)
    assert [1, 0] == gathered.place([decoding(comes), decoding(stays)], 2)
    assert [[0, 1], [1]] == loaded


def test_what_is_here_alone_gets_into_the_memory_when_its_row_is_given_up(memory: Memory) -> None:
    gathered = Gathered(memory, 64)
    goes_on, ends, long = sequence(0, 18), sequence(1, 18), sequence(2, 40)
    for _ in range(3):
        works = [decoding(goes_on), decoding(ends)]
        placed = gathered.place(works, 2)
        assert placed is not None
        for own in (*gathered.keys, *gathered.values):
            for work, row in zip(works, placed, strict=True):
                own[row, :, work.start] = -work.start
        for work in works:
            work.sequence.tokens.append(3)
    ends.ended = True
    before = [kept.clone() for kept in (*memory.keys, *memory.values)]
    assert gathered.place([decoding(goes_on), decoding(long)], 2) is None  # there is no room for the long one
    slots = [SIZE * goes_on.blocks[place // SIZE] + place % SIZE for place in (17, 18, 19)]
    for kept, was in zip((*memory.keys, *memory.values), before, strict=True):
        for slot, place in zip(slots, (17, 18, 19), strict=True):
            was[:, slot] = -place
        assert torch.equal(was, kept)  # and nothing else, not even of the one that has ended


def test_more_than_there_is_room_for_is_not_gathered(memory: Memory) -> None:
    gathered = Gathered(memory, 64)
    short, long = sequence(0, 20), sequence(1, 40)
    assert gathered.place([decoding(short)], 2) is not None
    assert gathered.place([decoding(short), decoding(long)], 2) is None
    assert_gathered(memory, gathered, [decoding(short)], gathered.place([decoding(short)], 2) or [])
