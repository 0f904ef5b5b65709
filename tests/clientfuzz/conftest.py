"""Clients of this folder, on the cases that a test gives them."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.clientfuzz.campaign import field
from conformance.clientfuzz.case import Case
from conformance.clientfuzz.playing import Limits, Result
from conformance.clientfuzz.processes import Command

CLIENTS = Path(__file__).parent / "clients"
TIMEOUT = 3.0
"""Seconds after which these clients give up on a silent server."""
HANGS = 30.0


def words_of(client: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(CLIENTS / f"{client}.py"), *arguments)


@pytest.fixture
def played():
    """What a client of this folder makes of some cases, by case id."""

    def play(
        client: str, cases: Sequence[Case], *arguments: str, limit: float = HANGS, jobs: int = 2
    ) -> dict[str, Result]:
        results: dict[str, Result] = {}

        async def run() -> None:
            command = Command(words_of(client, *arguments), timeout=TIMEOUT)
            async with field(command, Limits(case=limit), jobs) as place:
                await place.check()
                await place.play_all(cases, lambda result: results.__setitem__(result.case.id, result))

        asyncio.run(run())
        return results

    return play
