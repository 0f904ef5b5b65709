"""The black box against a server of slots, with noise: right, or not sure, and never wrong."""

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.probes.observers.black_box import BlackBox
from conformance.protocols.watch import Watch
from conformance.simulation import simulate

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


@dataclass
class Server:
    """Works on so many requests at once; the others wait their turn. Short ones take a time with noise."""

    rng: random.Random
    places: int = 2
    stops: float | None = 0.1
    """Seconds after leaving; None: a long request is worked on to its end."""
    natural: float = 30.0
    short: float = 0.06
    noise: float = 0.3
    """Of the logarithm of a short request's time."""
    hiccups: float = 0.02
    """The share of short requests that take half a second more."""
    shares: float = 0.0
    """Nobody waits; each long request makes a short one slower by this factor."""
    full: bytes = b""
    """Said instead of letting a request wait."""
    taken: int = 0
    queue: deque[Any] = field(default_factory=deque)

    def chat(self, line: Any, body: dict[str, Any]) -> None:
        if self.full and self.taken >= self.places:
            line.transport.write(self.full)
            line.transport.close()
            return
        self.queue.append((line, body.get("max_tokens", 9999) > 100))
        self.serve()

    def serve(self) -> None:
        while self.queue and (self.taken < self.places or self.shares):
            line, long = self.queue.popleft()
            if line.gone:
                continue
            loop = asyncio.get_running_loop()
            slow = self.short * self.rng.lognormvariate(0, self.noise) + 0.5 * (self.rng.random() < self.hiccups)
            takes = self.natural if long else slow * (1 + self.shares * self.taken)
            self.taken += long or not self.shares
            line.transport.write(HEAD)
            end = loop.call_later(takes, self.end, line, long)
            if long:
                line.on_leave = lambda line=line, end=end: self.left(line, end)

    def left(self, line: Any, end: asyncio.TimerHandle) -> None:
        if self.stops is not None and not end.cancelled():
            end.cancel()
            asyncio.get_running_loop().call_later(self.stops, self.end, line, True)

    def end(self, line: Any, long: bool) -> None:
        line.on_leave = lambda: None
        self.taken -= long or not self.shares
        if not line.gone:
            line.transport.write(DONE)
            line.transport.close()
        self.serve()


def watched(
    kit: Any, seed: int, *, ends: float = 1000.0, slots: int = 2, streamed: bool = True, **members: Any
) -> tuple[str, bool, Watch | None]:
    """The trouble at rest, whether long requests were seen, and what was seen after they were left."""

    async def main() -> tuple[str, bool, Watch | None]:
        server = Server(random.Random(seed), **members)
        fake = kit.Fake(chat=server.chat)
        bench = kit.bench_of(fake, slots=slots)
        box = BlackBox(bench=bench)
        if trouble := await box.rest():
            return trouble, False, None

        async def hold() -> list[asyncio.Task[Any]]:
            body = {**bench.long, "max_tokens": 5000}
            tasks = [asyncio.create_task(bench.ask("long", body)) for _ in range(box.copies)]
            await asyncio.sleep(0.3)
            return tasks

        async def go(tasks: list[asyncio.Task[Any]]) -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        tasks = await hold()
        seen = await box.sees()
        await go(tasks)
        if not seen:
            return "", False, None
        await asyncio.sleep(server.natural if server.stops is None else server.stops + 1)
        assert "" == await box.rest()
        tasks = await hold()
        await go(tasks)
        return "", True, await box.watch(await kit.leave(kit.World(), ends=ends, streamed=streamed))

    return simulate(main())


@pytest.mark.parametrize(
    ("stops", "stopped", "runs"),
    [(0.1, True, 100), (None, False, 100), (0.3, True, 20), (2.0, True, 20)],
    ids=["at once", "never", "0.3 s", "2 s"],
)
def test_a_server_of_slots_is_put_in_the_right_class_every_time(
    kit: Any, stops: float | None, stopped: bool, runs: int
) -> None:
    verdicts = [watched(kit, seed, stops=stops)[2] for seed in range(runs)]
    assert [stopped] * runs == [watch and watch.stopped for watch in verdicts]
    assert all(watch.sure >= 0.98 for watch in verdicts if watch)


@pytest.mark.parametrize(("stops", "wrong"), [(0.1, False), (None, True)])
def test_a_server_that_only_gets_slower_is_put_in_the_right_class_or_none(
    kit: Any, stops: float | None, wrong: bool
) -> None:
    verdicts = [watched(kit, seed, stops=stops, shares=1.0, hiccups=0.0)[2] for seed in range(40)]
    told = [watch.stopped for watch in verdicts if watch is not None and watch.stopped is not None]
    assert wrong not in told
    assert len(told) > 30


@pytest.mark.parametrize(("stops", "wrong"), [(0.1, False), (None, True)])
def test_noise_that_drowns_the_difference_makes_it_refuse_or_doubt(kit: Any, stops: float | None, wrong: bool) -> None:
    verdicts = [watched(kit, seed, stops=stops, shares=0.3, noise=1.0)[2] for seed in range(40)]
    assert wrong not in [watch.stopped for watch in verdicts if watch is not None]


@pytest.mark.parametrize(("stops", "stopped"), [(0.5, True), (None, False)])
def test_one_that_was_not_streamed_is_put_in_the_right_class(kit: Any, stops: float | None, stopped: bool) -> None:
    for seed in range(10):
        _, _, watch = watched(kit, seed, stops=stops, streamed=False)
        assert watch is not None
        assert watch.stopped is stopped, watch


def test_when_it_stopped_is_told(kit: Any) -> None:
    _, _, watch = watched(kit, 1, stops=2.0)
    assert watch is not None
    assert 1.7 < watch.since <= 2.0 <= watch.by < 2.3


def test_a_server_with_more_places_than_declared_is_not_seen(kit: Any) -> None:
    assert ("", False, None) == watched(kit, 1, places=4)


def test_a_server_that_refuses_what_it_has_no_place_for_is_seen(kit: Any) -> None:
    full = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    assert [True, False] == [
        watched(kit, 1, stops=stops, full=full, natural=12.0)[2].stopped  # type: ignore[union-attr]
        for stops in (0.1, None)
    ]


def test_slots_have_to_be_declared(kit: Any) -> None:
    assert "how many requests the server works on at the same time is not declared" == watched(kit, 1, slots=0)[0]


def test_a_server_that_answers_nothing_is_refused(kit: Any) -> None:
    trouble, _, _ = watched(kit, 1, full=b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n", places=0)
    assert "8 of 8 short requests to the idle server got no proper answer, the last has status 500" == trouble


def test_an_end_that_the_answers_would_have_come_to_proves_nothing(kit: Any) -> None:
    _, _, watch = watched(kit, 1, stops=None, natural=8.0, ends=2.0)
    assert watch is None or watch.stopped is not True
