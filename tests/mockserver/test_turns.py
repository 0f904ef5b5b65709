"""Who goes on when, in virtual time and in real time."""

import asyncio

from conformance.simulation import VirtualLoop, simulate
from mockserver.turns import ROUND, WAKES, Steps, Turns


def moments(*dues: float) -> Steps:
    """A stream that does nothing at these moments."""
    for due in dues:  # noqa: UP028 - a tuple takes nothing that is sent
        yield due


def test_waits_end_at_their_moment() -> None:
    async def run() -> list[float]:
        turns, loop = Turns(), asyncio.get_running_loop()
        ended = []

        async def wait(due: float) -> None:
            await turns.through(moments(due))
            ended.append(loop.time())

        await asyncio.gather(*map(wait, (0.5, 0.25, 3600.0, 0.25, 0.0)))
        return ended

    assert [0.0, 0.25, 0.25, 0.5, 3600.0] == simulate(run())


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    async def run() -> float:
        await asyncio.sleep(2)
        await Turns().through(moments(1.0))
        return asyncio.get_running_loop().time()

    assert 2.0 == simulate(run())


def test_a_wait_that_was_cancelled_holds_up_nobody() -> None:
    async def run() -> float:
        turns = Turns()
        waiting = asyncio.ensure_future(turns.through(moments(0.25)))
        other = asyncio.ensure_future(turns.through(moments(0.5)))
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


def test_a_few_tasks_are_woken_between_two_looks_at_the_sockets() -> None:
    async def run() -> list[int]:
        turns, woken, each = Turns(), 0, []

        async def work() -> None:
            nonlocal woken
            await turns.next()
            woken += 1

        tasks = [asyncio.ensure_future(work()) for _ in range(40)]
        while woken < len(tasks):
            before = woken
            await asyncio.sleep(0)
            each.append(woken - before)
        return each

    assert WAKES == max(asyncio.run(run()))


def test_a_round_ends_when_its_time_is_over() -> None:
    """Forty streams, all due at once, each step of which takes half a millisecond of the clock."""

    async def run() -> list[int]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        turns, taken, each = Turns(), 0, []

        def stream() -> Steps:
            nonlocal taken
            yield 1.0
            taken += 1
            loop.pass_by(ROUND / 4)

        over = asyncio.gather(*(turns.through(stream()) for _ in range(40)))
        await asyncio.sleep(1)
        while taken < 40:
            before = taken
            await asyncio.sleep(0)
            each.append(taken - before)
        assert [True] * 40 == await over
        return each

    each = simulate(run())
    assert 30 < sum(each)
    assert {4, 5} >= set(filter(None, each))


def test_steps_are_told_the_time_and_go_on_when_they_said() -> None:
    async def run() -> list[float]:
        times = []

        def stream() -> Steps:
            for due in (0.5, 0.25, 2.0):
                now = yield due
                times.append(now)

        assert await Turns().through(stream())
        return times

    assert [0.5, 0.5, 2.0] == simulate(run())


def test_steps_that_cannot_go_on_are_taken_up_again_by_whoever_waits_for_them() -> None:
    async def run() -> list[str]:
        said = []

        def stream() -> Steps:
            said.append("first")
            yield None
            said.append("second")
            yield 0.0
            said.append("third")
            yield None

        steps, turns = stream(), Turns()
        assert not await turns.through(steps)
        assert not await turns.through(steps)
        said.append("over")
        assert await turns.through(steps)
        return said

    assert ["first", "second", "third", "over"] == simulate(run())


def test_what_a_step_raises_is_raised_where_it_is_waited_for_and_stops_nobody_else() -> None:
    async def run() -> list[object]:
        def stream(error: Exception | None) -> Steps:
            yield 0.25
            if error is not None:
                raise error

        turns, broken = Turns(), ConnectionResetError("the client has gone")
        errors = (None, broken, None)
        return await asyncio.gather(*(turns.through(stream(error)) for error in errors), return_exceptions=True)

    first, second, third = simulate(run())
    assert (True, True) == (first, third)
    assert isinstance(second, ConnectionResetError)


def test_who_has_given_up_is_forgotten_long_before_the_moment_it_waited_for() -> None:
    async def run() -> int:
        turns = Turns()
        tasks = [asyncio.ensure_future(turns.through(moments(3600.0))) for _ in range(1000)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(turns)

    assert 100 > simulate(run())


def test_streams_that_are_due_go_before_requests_that_begin_and_do_not_keep_them_out() -> None:
    """Each step takes a round of the clock, so that there is never time left."""

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        turns, order = Turns(), []

        def stream() -> Steps:
            for _ in range(4):
                yield 1.0
                order.append("step")
                loop.pass_by(1.5 * ROUND)

        async def request() -> None:
            await asyncio.sleep(1)
            await turns.next()
            order.append("request")

        await asyncio.gather(turns.through(stream()), request(), request())
        return order

    assert ["step", "step", "step", "request", "step", "request"] == simulate(run())
