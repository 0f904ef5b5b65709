"""Which observer is chosen of a server that has some of the documents, and what is said where none sees."""

import asyncio
from typing import Any

import pytest

from conformance.probes.observers.choosing import ANY, Choice, Wanted, choose
from conformance.simulation import simulate

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {}\n\n"


def chosen(kit: Any, *pages: str, slots: int = 0, wanted: Wanted = ANY, **members: Any) -> tuple[Choice, float, int]:
    """What is chosen of a server that works on one request at a time, the time it took, and requests left running."""

    async def main() -> tuple[Choice, float, int]:
        loop = asyncio.get_running_loop()
        world, running = kit.World(**members), set()
        made = {"/metrics": kit.vllm(world), "/slots": kit.slots_of(world)}

        def chat(line: Any, body: dict[str, Any]) -> None:
            running.add(line)
            world.began, world.left = loop.time(), float("inf")
            line.transport.write(HEAD)

            def gone() -> None:
                running.discard(line)
                world.left = loop.time()

            line.on_leave = gone

        fake = kit.Fake({page: made[page] for page in pages}, chat=chat)
        choice = await choose(kit.bench_of(fake, slots=slots), wanted)
        return choice, loop.time(), len(running)

    return simulate(main())


@pytest.mark.parametrize(
    ("pages", "name"), [(("/metrics", "/slots"), "prometheus"), (("/slots",), "slots"), (("/metrics",), "prometheus")]
)
def test_the_first_in_order_that_sees_is_taken(kit: Any, pages: tuple[str, ...], name: str) -> None:
    choice, took, running = chosen(kit, *pages)
    assert choice.observer is not None
    assert (name, "", 0) == (choice.observer.name, choice.blind, running)
    assert took < 5


def test_an_observer_that_is_blind_gives_way_to_the_next(kit: Any) -> None:
    choice, *_ = chosen(kit, "/metrics", "/slots", others=3)
    assert choice.observer is None
    assert "vllm:num_requests_running 3 though nothing of ours runs" in choice.blind


def test_where_nobody_sees_every_reason_is_told_and_what_to_write(kit: Any) -> None:
    choice, _, running = chosen(kit)
    assert (None, 0) == (choice.observer, running)
    for part in (
        "journal: http://in-memory:8000/journal has status 404",
        "prometheus: http://in-memory:8000/metrics has status 404",
        "slots: http://in-memory:8000/slots has status 404",
        "cpu: in-memory is not known to be this machine",
        "black-box: how many requests the server works on at the same time is not declared",
        "targets.yaml",
        "observer: {prometheus: {url: http://HOST:PORT/metrics, running: METRIC}}",
        "slots: NUMBER",
    ):
        assert part in choice.blind


def test_an_observer_that_is_asked_for_and_cannot_see_is_not_replaced(kit: Any) -> None:
    choice, *_ = chosen(kit, "/slots", wanted=Wanted(name="prometheus"))
    assert choice.observer is None
    assert choice.blind.startswith("the observer prometheus, which the target asks for, sees nothing: prometheus: ")


def test_a_server_that_never_stops_is_waited_for_until_its_answer_has_ended(kit: Any) -> None:
    choice, took, _ = chosen(kit, "/metrics", stops=None, natural=15.0)
    assert choice.observer is not None
    assert 15 < took < 22


def test_what_is_asked_for_is_the_long_request(kit: Any) -> None:
    async def main() -> dict[str, Any]:
        bodies: list[dict[str, Any]] = []
        world = kit.World()
        fake = kit.Fake({"/metrics": kit.vllm(world)}, chat=lambda _, body: bodies.append(body))
        await choose(kit.bench_of(fake))
        return bodies[0]

    body = simulate(main())
    assert ("m", True, 1000, "Write forever") == (
        body["model"],
        body["stream"],
        body["max_tokens"],
        body["messages"][0]["content"],
    )
