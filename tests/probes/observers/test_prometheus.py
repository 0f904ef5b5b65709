"""Metrics of servers that are known by name, and of one that brings them up to date only while it works."""

import asyncio
from typing import Any

import pytest

from conformance.probes.observers.prometheus import prometheus
from conformance.protocols.watch import Watch
from conformance.simulation import simulate

VLLM = """\
vllm:num_requests_running{engine="0"} 1.0
vllm:num_requests_running{engine="1"} 1.0
vllm:num_requests_waiting{engine="0"} 3.0
vllm:generation_tokens_total{engine="0"} 7.0
"""
SGLANG = """\
sglang:num_running_reqs{tp_rank="0"} 1.0
sglang:num_queue_reqs{tp_rank="0"} 0.0
sglang:realtime_tokens_total{mode="decode"} 80.0
sglang:realtime_tokens_total{mode="prefill_compute"} 9.0
sglang:generation_tokens_total 40.0
"""
OLD_SGLANG = "sglang:num_running_reqs 2.0\nsglang:generation_tokens_total 40.0\n"
LLAMACPP = "llamacpp:requests_processing 1\nllamacpp:requests_deferred 2\nllamacpp:tokens_predicted_total 71689\n"
TGI = "tgi_batch_current_size 4\ntgi_queue_size 0\n"
MOCK = "streamspec_requests_running 1\nstreamspec_requests_waiting 0\nstreamspec_tokens_generated_total 5\n"
PAGES = {
    "vllm": (VLLM, (5.0, 7.0, "vllm:num_requests_running", "2 and 3 waiting")),
    "sglang": (SGLANG, (1.0, 80.0, "sglang:num_running_reqs", "1")),
    "sglang of old": (OLD_SGLANG, (2.0, 40.0, "sglang:num_running_reqs", "2")),
    "llama.cpp": (LLAMACPP, (3.0, 71689.0, "llamacpp:requests_processing", "1 and 2 waiting")),
    "tgi": (TGI, (4.0, None, "tgi_batch_current_size", "4")),
    "mock": (MOCK, (1.0, 5.0, "streamspec_requests_running", "1")),
}


@pytest.mark.parametrize("server", PAGES)
def test_the_metrics_of_known_servers_are_read(kit: Any, server: str) -> None:
    page, wanted = PAGES[server]

    async def main() -> Any:
        bench = kit.bench_of(kit.Fake({"/metrics": lambda _: kit.ok(page)}))
        return await prometheus(bench.stage, bench.sleep).read()

    reading = simulate(main())
    assert wanted == (reading.running, reading.produced, reading.what, reading.shown)


def watched(kit: Any, *, stops: float | None, counts: bool, again: bool = False) -> Watch:
    """What is seen of a server whose gauge stays as it was when it stops working, as SGLang's may for half a minute.

    `again`: of the second request, which finds the gauge where the first one left it.
    """

    async def main() -> Watch:
        loop = asyncio.get_running_loop()
        world = kit.World(stops=stops)

        def page(now: float) -> bytes:
            running = int(now >= world.began)
            made = f'sglang:realtime_tokens_total{{mode="decode"}} {world.produced(now)}\n' if counts else ""
            return bytes(kit.ok(f"sglang:num_running_reqs {running}\n{made}"))

        bench = kit.bench_of(kit.Fake({"/metrics": page}))
        observer = prometheus(bench.stage, bench.sleep)
        assert "" == await observer.rest()
        world.began = loop.time()
        assert await observer.sees()
        if again:
            await observer.watch(await kit.leave(world))
            world.stops = 0.1
            assert "" == await observer.rest()
            world.stops, world.began, world.left = stops, loop.time(), float("inf")
            await asyncio.sleep(0.5)
        return await observer.watch(await kit.leave(world))

    return simulate(main())


def test_a_stale_gauge_is_no_leak_where_tokens_tell_that_work_has_ended(kit: Any) -> None:
    watch = watched(kit, stops=0.1, counts=True)
    assert (True, None) == (watch.stopped, watch.leaked), watch


def test_a_stale_gauge_alone_tells_nothing(kit: Any) -> None:
    watch = watched(kit, stops=0.1, counts=False)
    assert watch.stopped is None, watch
    assert "brings the number up to date only while it works" in watch.how


@pytest.mark.parametrize("again", [False, True])
def test_a_server_that_goes_on_is_seen_by_its_tokens(kit: Any, again: bool) -> None:
    assert watched(kit, stops=None, counts=True, again=again).stopped is False


def test_a_stale_gauge_is_no_base(kit: Any) -> None:
    assert watched(kit, stops=0.1, counts=True, again=True).stopped is True
