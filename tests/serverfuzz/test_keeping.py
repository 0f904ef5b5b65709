"""Failing examples are kept as JSON, and what is read again is checked."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase

from conformance.serverfuzz.cases import PLAIN, Case
from conformance.serverfuzz.interleaving import Step, Steps
from conformance.serverfuzz.keeping import Shelf, opened, read, written

CASES: tuple[Any, ...] = (
    Case({**PLAIN, "stop": "\N{WAVING HAND SIGN}"}, relation="twin", number=3),
    Case(PLAIN, wrong="n below 1"),
    Steps((Step("open", 0, choices=2), Step("open", 1), Step("read", 0, 3), Step("leave", 0), Step("finish", 1))),
)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_is_read_again(case: Any) -> None:
    assert case == read(written(case))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"body": {}, "wrong": "", "relation": "", "number": 0}',
        b'{"body": {"messages": []}, "wrong": "nothing of the kind", "relation": "", "number": 0}',
        b'{"body": {"messages": []}, "wrong": "", "relation": "", "number": 0, "more": 1}',
        b'{"steps": [["finish", 0, 0, 0]]}',
        b'{"steps": [["burn", 0, 0, 0]]}',
        b'{"steps": 7}',
    ],
)
def test_what_is_no_example_is_left_out(raw: bytes) -> None:
    assert read(raw) is None


def test_each_target_has_its_own_and_what_is_dropped_is_gone() -> None:
    inner = InMemoryExampleDatabase()
    one, other = Shelf(inner, "one"), Shelf(inner, "other")
    for case in CASES:
        one.keep(case)
    one.drop(CASES[1])
    assert {written(CASES[0]), written(CASES[2])} == set(map(written, one.examples()))
    assert [] == other.examples()


def test_a_folder_is_a_database_and_redis_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(opened(str(tmp_path)), DirectoryBasedExampleDatabase)
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(ValueError, match="pip install redis"):
        opened("redis://127.0.0.1/0")
