"""Every reader on its corpus, on what hypothesis makes of it, and on inputs that grow; and proof that this bites."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import campaign
from tests.fuzz.readers import BY_NAME, READERS, Reader

GROWTH = 1.5
"""How many times more work than in proportion is let pass: what is looked up by halves."""
ONCE = 1000
"""Lines that a mistake may take to tell, whatever its size."""
SMALL, LARGE = 100, 400

NAMES = [reader.name for reader in READERS]
FAMILIES = [
    pytest.param(reader, grow, id=f"{reader.name}-{n}") for reader in READERS for n, grow in enumerate(reader.grow)
]


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_corpus_that_it_reads_in_peace(name: str):
    corpus = campaign.corpus(name)
    assert corpus
    for path in corpus:
        BY_NAME[name].read(path.read_bytes())


def test_no_corpus_is_nobody_s():
    assert set(NAMES) == {path.name for path in campaign.CORPUS.iterdir()}


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> bytes:
    """A member of the corpus, or parts of two, of which some bytes are gone, doubled, or others."""
    data = draw(st.sampled_from(campaign.corpus(name)).map(Path.read_bytes))
    if draw(st.booleans()):
        other = draw(st.sampled_from(campaign.corpus(name)).map(Path.read_bytes))
        data = data[: draw(st.integers(0, len(data)))] + other[draw(st.integers(0, len(other))) :]
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        part = data[start:end]
        data = data[:start] + draw(st.one_of(st.binary(max_size=8), st.just(part * 2), st.just(part * 9))) + data[end:]
    return data


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_raised_that_is_not_documented(name: str):
    @settings(max_examples=150)
    @given(st.one_of(st.binary(max_size=200), spoiled(name)))
    def reads(data: bytes) -> None:
        BY_NAME[name].read(data)

    reads()


def work(read: Callable[[bytes], Any], data: bytes) -> int:
    """Lines of Python that reading takes: what takes time, counted rather than measured."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(data)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(("reader", "grow"), FAMILIES)
def test_work_grows_no_faster_than_what_is_read(reader: Reader, grow: Callable[[int], bytes]):
    work(reader.read, grow(2))  # what is done once only
    small, large = work(reader.read, grow(SMALL)), work(reader.read, grow(LARGE))
    assert large <= small * GROWTH * LARGE / SMALL + ONCE


def test_a_reader_that_takes_the_square_is_found_out():
    def read(data: bytes) -> None:
        for _ in data:
            for _ in data:
                pass

    assert work(read, b"x" * LARGE) > work(read, b"x" * SMALL) * GROWTH * LARGE / SMALL + ONCE
