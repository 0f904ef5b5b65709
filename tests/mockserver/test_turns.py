"""Who goes on when, in virtual time and in real time."""

import asyncio
import time

from conformance.simulation import simulate
from mockserver.turns import ROUND, Turns


def test_waits_end_at_their_moment() -> None:
    async def run() -> list[float]:
        turns, loop = Turns(), asyncio.get_running_loop()
        ended = []

        async def wait(due: float) -> None:
            await turns.until(due)
            ended.append(loop.time())

        await asyncio.gather(*map(wait, (0.5, 0.25, 3600.0, 0.25, 0.0)))
        return ended

    assert [0.0, 0.25, 0.25, 0.5, 3600.0] == simulate(run())


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    async def run() -> float:
        await asyncio.sleep(2)
        await Turns().until(1.0)
        return asyncio.get_running_loop().time()

    assert 2.0 == simulate(run())


def test_a_wait_that_was_cancelled_holds_up_nobody() -> None:
    async def run() -> float:
        turns = Turns()
        waiting = asyncio.ensure_future(turns.until(0.25))
        other = asyncio.ensure_future(turns.until(0.5))
        await asyncio.sleep(0.1)
        waiting.cancel()
        await other
        return asyncio.get_running_loop().time()

    assert 0.5 == simulate(run())


def test_whoever_was_due_first_goes_on_first() -> None:
    async def run() -> list[int]:
        turns, order = Turns(), []

        async def work(number: int) -> None:
            for _ in range(3):
                await turns.next()
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(work, range(40)))
        return order

    order = asyncio.run(run())
    assert [*range(40)] == sorted(order[:40])
    assert [*range(40)] == sorted(order[80:])


def test_the_sockets_are_looked_at_between_rounds_however_many_are_due() -> None:
    """A hundred streams that each take a millisecond: a callback of the loop waits for a few of them, not for all."""

    async def run() -> float:
        turns, loop = Turns(), asyncio.get_running_loop()
        busy, gaps = True, []

        async def work() -> None:
            while busy:
                await turns.next()
                until = time.perf_counter() + 0.001
                while time.perf_counter() < until:
                    pass

        tasks = [asyncio.ensure_future(work()) for _ in range(100)]
        await asyncio.sleep(0.1)
        for _ in range(20):
            before = loop.time()
            await asyncio.sleep(0)
            gaps.append(loop.time() - before)
        busy = False
        await asyncio.gather(*tasks)
        return sorted(gaps)[len(gaps) // 2]

    assert 0.02 > asyncio.run(run()), f"a round is meant to last {ROUND} s"
