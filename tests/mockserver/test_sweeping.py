"""When garbage is looked for, in virtual time."""

import asyncio
import gc
from collections.abc import Callable

import pytest

from conformance.simulation import simulate
from mockserver.sweeping import AT_LEAST, SECONDS, swept


@pytest.fixture
def sweeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When it was looked for; what is there is not frozen for the tests that follow."""
    found: list[float] = []
    monkeypatch.setattr(gc, "collect", lambda: found.append(asyncio.get_running_loop().time()))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    return found


def lived(seconds: float, idle: Callable[[], bool], count: Callable[[], int]) -> None:
    async def run() -> None:
        with swept(idle, count):
            await asyncio.sleep(seconds)

    simulate(run())


def test_where_nothing_is_done_nothing_is_swept(sweeps: list[float]) -> None:
    lived(100, lambda: True, lambda: 0)
    assert [0.0] == sweeps


def test_an_idle_moment_after_work_is_used(sweeps: list[float]) -> None:
    counts = iter([0, 1, 1, 1, 1, 1, 1])
    lived(3.5 * SECONDS, lambda: True, lambda: next(counts))
    assert [0.0, SECONDS] == sweeps


def test_under_load_it_waits_for_a_minute(sweeps: list[float]) -> None:
    count = iter(range(1000))
    lived(2.5 * AT_LEAST, lambda: False, lambda: next(count))
    assert [0.0, AT_LEAST + SECONDS, 2 * (AT_LEAST + SECONDS)] == sweeps


def test_afterwards_python_s_own_collector_is_as_it_was(sweeps: list[float]) -> None:
    before = gc.get_threshold()
    lived(1, lambda: True, lambda: 0)
    assert before == gc.get_threshold()
