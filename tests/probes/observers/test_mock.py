"""The observers and the mock server, in memory and in virtual time: a behaviour of every class, named rightly."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.probes import bodies
from conformance.probes.bench import Bench, Tempo
from conformance.probes.connection import By, Clock, Connection
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.observer import Left
from conformance.probes.observers.choosing import Choice, Wanted, calm, choose
from conformance.probes.performing import Stage
from conformance.probes.recorder import Leave
from conformance.protocols.watch import Watch
from conformance.rules.behaviour import Behaviour, Stops
from conformance.simulation import link, simulate
from mockserver.answering import Settings
from mockserver.app import MockServer

NAMES = ["journal", "prometheus", "slots", "black-box"]
SLOTS = 2
LONG = {"messages": [{"role": "user", "content": "Write a story of ten thousand words"}], "stream": True}
TEMPO = Tempo(first=0.05, gap=0.005, lasts=12.0, tokens=2400)
AT_ONCE = Behaviour(name="at-once")
NEXT_WRITE = Behaviour(name="next-write", stops=Stops.AT_NEXT_WRITE)
LATE = Behaviour(name="late", stops=Stops.LATE, seconds=2.0)
NEVER = Behaviour(name="never", stops=Stops.NEVER)
LEAKS = Behaviour(name="leaks", leaks=True)


@dataclass
class Seen:
    choice: Choice
    watch: Watch | None = None


def seen(wanted: Wanted, behaviour: Behaviour | None = None, *, by: By = By.FIN, tokens: int = 2400) -> Seen:
    """Who watches, and what is seen of requests that are left in mid stream."""

    async def main() -> Seen:
        loop = asyncio.get_running_loop()
        async with MockServer(Settings(slots=SLOTS), port=None, behaviour=behaviour) as server:

            async def dial(_: Endpoint, clock: Clock) -> Connection:
                connection = Connection(clock)
                link(connection, server.accept())
                return connection

            endpoint = Endpoint(url=server.url, model="mock")
            stage = Stage(
                endpoint=endpoint, budget=Budget(endpoint.limits), record_to=None, clock=loop.time, notes={}, dial=dial
            )
            bench = Bench(stage=stage, long=LONG, tempo=TEMPO, slots=SLOTS)
            choice = await choose(bench, wanted)
            if choice.observer is None:
                return Seen(choice)
            observer = choice.observer
            await calm(bench, observer)
            body = {**bodies.long(bench), "max_tokens": tokens}
            marks = [bench.mark() for _ in range(observer.copies)]
            leave = Leave(messages=3, by=by)
            await asyncio.gather(*(bench.ask("left", body, mark=mark, leave=leave) for mark in marks))
            ends = loop.time() + tokens * TEMPO.gap
            left = Left(mark=marks[0], at=loop.time(), received=3 * len(marks), ends=ends)
            return Seen(choice, await observer.watch(left))

    return simulate(main())


def watched(name: str, behaviour: Behaviour | None = None, **members: Any) -> Watch:
    result = seen(Wanted(name=name), behaviour, **members)
    assert result.watch is not None, result.choice.blind
    assert name == result.watch.observer
    return result.watch


every_one = pytest.mark.parametrize("name", NAMES)


@every_one
@pytest.mark.parametrize("by", [By.FIN, By.RST])
def test_a_server_that_stops_at_once_is_seen_to(name: str, by: By) -> None:
    watch = watched(name, AT_ONCE, by=by)
    assert watch.stopped is True, watch
    assert watch.by is not None
    assert watch.by <= 0.5


@every_one
def test_a_server_that_stops_at_its_next_write_is_seen_to(name: str) -> None:
    assert watched(name, NEXT_WRITE).stopped is True


@every_one
def test_a_server_that_stops_late_is_seen_to(name: str) -> None:
    watch = watched(name, LATE)
    assert watch.stopped is True, watch
    assert watch.by is not None
    assert watch.since <= 2.01
    assert 1.99 <= watch.by < 3.5


@every_one
def test_a_server_that_never_stops_is_seen_not_to(name: str) -> None:
    watch = watched(name, NEVER)
    assert watch.stopped is False, watch
    assert watch.by is not None
    assert 4.9 <= watch.by < 5.6


@pytest.mark.parametrize("name", ["journal", "prometheus", "slots"])
def test_a_gauge_that_leaks_is_seen_to(name: str) -> None:
    watch = watched(name, LEAKS)
    assert (True, 1.0) == (watch.stopped, watch.leaked), watch


@every_one
def test_an_answer_that_ends_by_itself_proves_nothing(name: str) -> None:
    watch = watched(name, NEVER, tokens=300)
    assert watch.stopped is None, watch


def test_the_journal_is_exact() -> None:
    watch = watched("journal", LATE)
    assert (2.0, 2.0) == (pytest.approx(watch.by), pytest.approx(watch.since))
    assert 400 == pytest.approx(watch.produced, abs=3)


def test_the_first_that_sees_is_taken() -> None:
    choice = seen(Wanted()).choice
    assert choice.observer is not None
    assert "journal" == choice.observer.name


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(name="none"), "observer: none"),
        (Wanted(name="cpu"), "the observer cpu, which the target asks for, sees nothing: cpu: in-memory is not known"),
        (Wanted(name="prometheus", running="nothing_like_it"), "has no number for nothing_like_it"),
        (Wanted(name="prometheus", running="1x"), "is no metric name"),
        (Wanted(name="slots", url="http://in-memory/nowhere"), "http://in-memory/nowhere has status 404"),
        (
            Wanted(name="prometheus", running="streamspec_tokens_generated_total"),
            "though nothing of ours runs",
        ),
    ],
)
def test_an_observer_that_is_asked_for_is_used_or_told_why_not(wanted: Wanted, says: str) -> None:
    choice = seen(wanted).choice
    assert choice.observer is None
    assert says in choice.blind


def test_a_metric_of_ones_own_is_read() -> None:
    wanted = Wanted(
        name="prometheus",
        running="streamspec_requests_running + streamspec_requests_waiting",
        produced="streamspec_tokens_generated_total",
    )
    watch = seen(wanted, NEVER).watch
    assert watch is not None
    assert watch.stopped is False
    assert watch.how.startswith("streamspec_requests_running + streamspec_requests_waiting 1 after 0.4")
    assert 900 < (watch.produced or 0) < 1100
