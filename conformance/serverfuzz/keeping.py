"""Where failing examples are kept between campaigns: in an example database of hypothesis, as JSON.

Any of them will do: a folder, Redis; several processes and machines may share one. What hypothesis itself keeps there
are its own choices, which mean nothing any more once a strategy has changed, and under a seed it keeps nothing; so what
is kept here is the example. Whoever can write to the database can have requests sent: what is read is checked.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from . import relations, wrongs
from .cases import Case
from .interleaving import Step, Steps

REDIS = ("redis://", "rediss://", "unix://")
LONGEST = 100_000
"""Bytes of an example."""
MOST = 200
"""Examples of an earlier campaign that are tried."""
DOES = ("open", "read", "leave", "finish")


class Shelf:
    """The failing examples of one target."""

    def __init__(self, database: ExampleDatabase | None, target: str) -> None:
        self._database = database
        self._key = f"streamspec/{target}".encode()

    def keep(self, case: Case | Steps) -> None:
        """An example failed, or somebody had enough of waiting for it."""
        if self._database is not None:
            self._database.save(self._key, written(case))

    def drop(self, case: Case | Steps) -> None:
        """It fails no more, or there is a smaller one."""
        if self._database is not None:
            self._database.delete(self._key, written(case))

    def examples(self) -> list[Case | Steps]:
        """What is kept, in an order that does not change."""
        found = sorted(self._database.fetch(self._key)) if self._database is not None else []
        return [case for case in map(read, found[:MOST]) if case is not None]


def written(case: Case | Steps) -> bytes:
    """An example as JSON."""
    if isinstance(case, Case):
        members: Any = {"body": case.body, "wrong": case.wrong, "relation": case.relation, "number": case.number}
    else:
        members = {"steps": [[step.does, step.stream, step.messages, step.choices] for step in case.steps]}
    return json.dumps(members, sort_keys=True).encode()


def read(raw: bytes) -> Case | Steps | None:
    """An example from JSON, None where it is none."""
    try:
        members: Any = json.loads(raw) if len(raw) <= LONGEST else None
        return Steps(tuple(_steps(members["steps"]))) if "steps" in members else _case(**members)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _case(body: Any, wrong: str, relation: str, number: int) -> Case:
    if not isinstance(body, dict) or not isinstance(body["messages"], list) or not isinstance(number, int):
        raise TypeError
    if wrong:
        wrongs.find(wrong)
    if relation:
        relations.find(relation)
    return Case(body, wrong, relation, number)


def _steps(found: list[Any]) -> Iterator[Step]:
    """Steps that can be made in this order."""
    opened = 0
    for does, stream, messages, choices in found:
        if does not in DOES or not 0 <= stream <= opened or (does == "open") != (stream == opened):
            raise ValueError
        opened += does == "open"
        yield Step(does, stream, min(100, messages), min(2, choices))


def opened(where: str) -> ExampleDatabase:
    """The database at a folder or a Redis URL. Raises ValueError where there is none to be had."""
    if not where.startswith(REDIS):
        return DirectoryBasedExampleDatabase(Path(where))
    try:
        redis: Any = import_module("redis")
        from hypothesis.extra.redis import RedisExampleDatabase
    except ImportError:
        raise ValueError(f"{where.partition('://')[0]} needs the Redis client:  pip install redis") from None
    return RedisExampleDatabase(redis.Redis.from_url(where))
