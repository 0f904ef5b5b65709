"""Observers that read a number of running requests: what they see of a server in every class."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from conformance.probes.observer import Left
from conformance.probes.observers.cpu import Cpu
from conformance.probes.observers.looking import QUIET, times
from conformance.probes.observers.prometheus import prometheus
from conformance.probes.observers.slots import slots
from conformance.protocols.watch import Watch
from conformance.simulation import simulate

IDLE, BUSY = 0.02, 0.9


def of_metrics(kit: Any, world: Any, fake: Any, bench: Any) -> Any:
    fake.pages["/metrics"] = kit.vllm(world)
    return prometheus(bench.stage, bench.sleep)


def of_llamacpp(kit: Any, world: Any, fake: Any, bench: Any) -> Any:
    fake.pages["/metrics"] = kit.llamacpp(world)
    return prometheus(bench.stage, bench.sleep)


def of_slots(kit: Any, world: Any, fake: Any, bench: Any) -> Any:
    fake.pages["/slots"] = kit.slots_of(world)
    return slots(bench.stage, bench.sleep)


def of_cpu(kit: Any, world: Any, fake: Any, bench: Any) -> Any:
    clock = bench.stage.clock

    def measure() -> dict[int, float]:
        now = clock()
        worked = max(0.0, min(now, world.end) - world.began)
        return {1: BUSY * worked + IDLE * (now - worked)}

    return Cpu(measure=measure, clock=clock, sleep=bench.sleep)


OBSERVERS = [of_metrics, of_llamacpp, of_slots, of_cpu]
every_one = pytest.mark.parametrize("of", OBSERVERS)


def watched(
    kit: Any,
    of: Callable[..., Any],
    ends: float = 1000.0,
    *,
    streamed: bool = True,
    counted: bool = True,
    **members: Any,
) -> Any:
    """What an observer sees of a request that is left after it was seen to run, its looks, and the time it left at."""

    async def main() -> tuple[Watch, list[float]]:
        loop = asyncio.get_running_loop()
        world, fake = kit.World(**members), kit.Fake()
        observer = of(kit, world, fake, kit.bench_of(fake))
        assert "" == await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        world.began, world.natural = loop.time(), min(world.natural, 1000.0)
        await asyncio.sleep(0.1)
        fake.asked.clear()
        left = replace(await kit.leave(world, ends=ends, streamed=streamed), counted=counted)
        watch = await observer.watch(left)
        return watch, [at - left.at for at, _ in fake.asked]

    return simulate(main())


@every_one
def test_a_server_that_stops_at_once_is_seen_at_the_first_look(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, stops=0.1)
    assert watch.stopped is True, watch
    assert watch.by < 0.5
    assert watch.sure > 0.95


@every_one
def test_a_server_that_stops_late_is_seen_between_two_looks(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, stops=2.0)
    assert watch.stopped is True, watch
    assert 1.0 < watch.since <= 2.0 <= watch.by < 3.5


@every_one
def test_a_server_that_never_stops_is_watched_to_the_end_of_patience(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, stops=None)
    assert watch.stopped is False, watch
    assert 5.0 <= watch.by < 5.5


@every_one
def test_an_end_that_the_answer_would_have_come_to_proves_nothing(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, ends=2.0, stops=None, natural=2.1)
    assert watch.stopped is None, watch
    assert "ask for a longer one" in watch.how


@every_one
def test_a_server_that_stops_before_the_natural_end_has_stopped(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, ends=2.0, stops=0.1, natural=2.1)
    assert watch.stopped is True, watch


@pytest.mark.parametrize("of", [of_metrics, of_slots])
def test_what_is_counted_as_running_though_no_token_is_made_has_leaked(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, stops=0.1, leaks=True)
    assert (True, 1.0) == (watch.stopped, watch.leaked), watch
    assert watch.by < 0.5


def test_a_leak_is_not_told_from_work_where_tokens_are_counted_at_the_end(kit: Any) -> None:
    watch, _ = watched(kit, of_llamacpp, stops=0.1, leaks=True)
    assert (False, None) == (watch.stopped, watch.leaked), watch


@pytest.mark.parametrize("of", [of_metrics, of_slots])
def test_no_token_before_the_first_one_is_no_leak(kit: Any, of: Callable[..., Any]) -> None:
    async def main() -> Watch:
        loop = asyncio.get_running_loop()
        world, fake = kit.World(stops=None), kit.Fake()
        observer = of(kit, world, fake, kit.bench_of(fake))
        await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        world.rate = 0.0  # it reads a long prompt
        return await observer.watch(await kit.leave(world, received=0))

    watch = simulate(main())
    assert (None, None) == (watch.stopped, watch.leaked)
    assert "reading the prompt" in watch.how


def test_tokens_made_after_leaving_are_counted_from_rest(kit: Any) -> None:
    watch, _ = watched(kit, of_metrics, stops=0.2)
    assert 0.2 * 50 + 5 == pytest.approx(watch.produced + 5, abs=1.5)


def test_tokens_counted_at_the_end_of_a_request_are_told_where_the_server_is_known_to_do_so(kit: Any) -> None:
    known, _ = watched(kit, of_llamacpp, stops=0.2)

    def of_some_server(kit: Any, world: Any, fake: Any, bench: Any) -> Any:
        fake.pages["/metrics"] = kit.llamacpp(world)
        names = {"running": "llamacpp:requests_processing", "produced": "llamacpp:tokens_predicted_total"}
        return prometheus(bench.stage, bench.sleep, **names)

    unknown, _ = watched(kit, of_some_server, stops=0.2)
    assert (True, None) == (unknown.stopped, unknown.produced)
    assert 10 == pytest.approx(known.produced, abs=1.5)


@pytest.mark.parametrize("of", [of_metrics, of_llamacpp])
def test_where_pieces_are_not_tokens_nobody_can_tell_which_were_made_since(kit: Any, of: Callable[..., Any]) -> None:
    watch, _ = watched(kit, of, stops=0.2, counted=False)
    assert (True, None) == (watch.stopped, watch.produced)


@pytest.mark.parametrize("of", [of_metrics, of_llamacpp, of_slots])
def test_looks_are_few_and_quiet_is_before_each(kit: Any, of: Callable[..., Any]) -> None:
    _, looks = watched(kit, of, stops=None)
    assert list(times_of(5.0)) == pytest.approx(looks, abs=0.05)
    assert all(after - before >= QUIET for before, after in pairwise(looks))


def test_one_that_was_not_streamed_is_looked_at_later(kit: Any) -> None:
    _, looks = watched(kit, of_llamacpp, stops=0.5, streamed=False)
    assert looks[0] == pytest.approx(1.5, abs=0.05)


def times_of(patience: float) -> tuple[float, ...]:
    return times(Left(mark="", at=0.0, received=1, ends=100.0, patience=patience))


@pytest.mark.parametrize("rate", [0.0, 50.0])
def test_a_number_that_goes_up_and_down_is_not_believed(kit: Any, rate: float) -> None:
    async def main() -> Watch:
        loop = asyncio.get_running_loop()
        world, fake = kit.World(stops=None), kit.Fake()
        observer = of_metrics(kit, world, fake, kit.bench_of(fake))
        await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        world.rate, left = rate, await kit.leave(world)
        looks: list[float] = []

        def flapping(now: float) -> int:
            looks.extend([] if now in looks else [now])
            return 1 - len(looks) % 2

        world.running = flapping
        return await observer.watch(left)

    watch = simulate(main())
    if rate:
        assert watch.stopped is False, "tokens are made"
    else:
        assert watch.stopped is None
        assert "up and down" in watch.how


@every_one
def test_a_server_that_looks_the_same_at_work_is_not_seen(kit: Any, of: Callable[..., Any]) -> None:
    async def main() -> bool:
        world, fake = kit.World(), kit.Fake()
        observer = of(kit, world, fake, kit.bench_of(fake))
        assert "" == await observer.rest()
        return await observer.sees()

    assert simulate(main()) is False


def test_a_server_that_others_use_is_no_base(kit: Any) -> None:
    async def main() -> str:
        world, fake = kit.World(others=2), kit.Fake()
        observer = of_metrics(kit, world, fake, kit.bench_of(fake))
        return await observer.rest()

    assert "vllm:num_requests_running 2 though nothing of ours runs; is somebody else using the server?" == simulate(
        main()
    )


def test_what_leaked_before_is_not_held_against_the_next_request(kit: Any) -> None:
    async def main() -> tuple[Watch, str, Watch]:
        loop = asyncio.get_running_loop()
        world, fake = kit.World(leaks=True), kit.Fake()
        observer = of_metrics(kit, world, fake, kit.bench_of(fake))
        await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        first = await observer.watch(await kit.leave(world))
        again = await observer.rest()
        world.others, world.leaks = 1, False
        world.began, world.left = loop.time(), float("inf")
        await asyncio.sleep(0.5)
        return first, again, await observer.watch(await kit.leave(world))

    first, again, second = simulate(main())
    assert (True, 1.0, "", True, 0.0) == (first.stopped, first.leaked, again, second.stopped, second.leaked)


@every_one
def test_nothing_is_watched_that_does_not_start_from_rest(kit: Any, of: Callable[..., Any]) -> None:
    async def main() -> tuple[str, Watch]:
        loop = asyncio.get_running_loop()
        world, fake = kit.World(stops=None), kit.Fake()
        observer = of(kit, world, fake, kit.bench_of(fake))
        await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        trouble = await observer.rest()
        return trouble, await observer.watch(await kit.leave(world))

    trouble, watch = simulate(main())
    assert "though nothing of ours runs" in trouble
    assert (None, trouble) == (watch.stopped, watch.how)


def test_the_cpu_is_refused_where_a_server_is_as_busy_when_idle(kit: Any) -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        spins = Cpu(measure=lambda: {1: 0.8 * loop.time()}, clock=loop.time, sleep=asyncio.sleep)
        assert "" == await spins.rest()
        return await spins.sees()

    assert simulate(main()) is False


def test_a_server_whose_process_has_ended_is_not_said_to_have_stopped(kit: Any) -> None:
    async def main() -> Watch:
        world, fake = kit.World(), kit.Fake()
        observer = of_cpu(kit, world, fake, kit.bench_of(fake))
        await observer.rest()
        world.began = asyncio.get_running_loop().time()
        assert await observer.sees()
        observer.measure = lambda: "the server's process has ended"
        return await observer.watch(await kit.leave(world))

    watch = simulate(main())
    assert (None, "the server's process has ended") == (watch.stopped, watch.how)
