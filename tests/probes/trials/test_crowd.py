"""Trials of many requests at once, made with the mock server in memory and in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.judge import judge
from conformance.loading import load
from conformance.probes.bench import Bench, Tempo
from conformance.probes.connection import Clock, Connection, Unreachable
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.performing import Stage
from conformance.probes.trials import crowding
from conformance.probes.trials.crowd import CROWD
from conformance.protocols.exchange import Exchange
from conformance.protocols.markers import marker_of
from conformance.protocols.overlap import at_the_same_time
from conformance.rules import ALL
from conformance.simulation import link, simulate
from mockserver.app import MockServer

LONG = {"messages": [{"role": "user", "content": "Write a story of ten thousand words"}], "stream": True}
TEMPO = Tempo(first=0.02, gap=0.005, lasts=12.0, tokens=2400)
FEATURES = frozenset({"choices", "deterministic"})
RULES = [rule for rule in ALL if rule.id.startswith("chat/concurrency")]
ONE_ANSWER = 0.12
"""Seconds, at the mock server's pace for words that are repeated."""


def bench_of(dial: Callable[[Endpoint, Clock], Any], clock: Clock, url: str, **members: Any) -> Bench:
    endpoint = Endpoint(url=url, model="mock")
    stage = Stage(
        endpoint=endpoint,
        budget=Budget(endpoint.limits),
        record_to=members.pop("record_to", None),
        clock=clock,
        notes={},
        dial=dial,
    )
    return Bench(stage=stage, long=LONG, tempo=TEMPO, **members)


def made(name: str, **members: Any) -> tuple[list[Exchange], float]:
    """The exchanges of a trial with the well-behaved mock server, and the seconds it took."""
    trial = next(trial for trial in CROWD if trial.name == name)

    async def main() -> tuple[list[Exchange], float]:
        loop = asyncio.get_running_loop()
        async with MockServer(port=None) as server:

            async def dial(_: Endpoint, clock: Clock) -> Connection:
                connection = Connection(clock)
                link(connection, server.accept())
                return connection

            bench = bench_of(dial, loop.time, server.url, **members)
            return await trial.perform(bench), loop.time()

    return simulate(main())


async def nobody(_: Endpoint, __: Clock) -> Connection:
    raise Unreachable("nobody is there")


def crowd(exchanges: list[Exchange]) -> list[Exchange]:
    return [exchange for exchange in exchanges[1:] if "/alone" not in exchange.probe]


every_trial = pytest.mark.parametrize("name", [trial.name for trial in CROWD])


@every_trial
def test_the_first_exchange_has_all_others_as_its_group(name: str) -> None:
    exchanges, _ = made(name, features=FEATURES)
    first, *others = exchanges
    assert name == first.probe
    assert tuple(others) == first.group
    assert [()] * len(others) == [other.group for other in others]
    assert len(exchanges) == len({exchange.probe for exchange in exchanges})


@every_trial
def test_the_well_behaved_mock_breaks_no_rule(name: str) -> None:
    for slots in (0, 1, 2):
        exchanges, _ = made(name, features=FEATURES, slots=slots)
        verdicts = judge(exchanges, features=FEATURES)
        assert {} == {v.rule.id: v.findings for v in verdicts if v.findings}


@every_trial
def test_it_costs_no_more_than_it_says(name: str) -> None:
    trial = next(trial for trial in CROWD if trial.name == name)
    for slots in (0, 2):
        exchanges, seconds = made(name, features=FEATURES, slots=slots)
        said = trial.cost(TEMPO, slots)
        tokens = sum(min(20, exchange.member("max_tokens", 0)) * (exchange.member("n") or 1) for exchange in exchanges)
        assert tokens <= said.tokens <= said.tokens_at_worst
        assert seconds <= said.seconds + 1


@pytest.mark.parametrize(("slots", "count"), [(0, 4), (1, 2), (2, 2), (5, 5), (64, 8)])
def test_as_many_streams_are_asked_for_as_there_are_slots_up_to_eight(slots: int, count: int) -> None:
    exchanges, seconds = made("side-by-side", slots=slots)
    assert count == len(crowd(exchanges))
    assert count == len({marker_of(exchange) for exchange in crowd(exchanges)})
    assert seconds < 3 * ONE_ANSWER, "one alone, then all at the same time"
    assert count == at_the_same_time(crowd(exchanges))


def test_a_target_that_says_the_same_twice_is_asked_for_each_stream_alone_too() -> None:
    exchanges, _ = made("side-by-side", slots=3, features=FEATURES)
    alone = [exchanges[0], *(exchange for exchange in exchanges if "/alone" in exchange.probe)]
    assert [e.request.body for e in alone] == [e.request.body for e in crowd(exchanges)]


def test_streams_and_documents_take_turns() -> None:
    exchanges, _ = made("beside-documents", slots=4)
    assert [True, False, True, False] == [exchange.member("stream") for exchange in crowd(exchanges)]


@pytest.mark.parametrize(("name", "by"), [("one-leaves", "fin"), ("one-leaves-by-reset", "rst")])
def test_one_of_several_leaves_after_three_messages(name: str, by: str) -> None:
    first, *others = crowd(made(name)[0])
    assert (by, 3) == (first.left_by, len(first.steps))
    assert ["", "", ""] == [other.left_by for other in others]


def test_one_of_two_reads_nothing_for_six_seconds_while_the_other_reads_on() -> None:
    idle, other = crowd(made("one-does-not-read")[0])
    assert ("fin", 2, 6.0) == (idle.left_by, len(idle.steps), round(idle.ended_at or 0, 1))
    assert ("fin", 7.5) == (other.left_by, round(other.ended_at or 0, 1))
    assert len(other.steps) > 1000


def test_a_target_that_declares_logprobs_is_given_more_to_send() -> None:
    plain, heavy = (crowd(made("one-does-not-read", features=f)[0])[0] for f in ((), ("logprobs",)))
    assert (None, 20) == (plain.member("top_logprobs"), heavy.member("top_logprobs"))


@pytest.mark.parametrize(("slots", "clients"), [(0, 16), (1, 4), (2, 6), (100, 64)])
def test_in_a_burst_each_client_asks_twice(slots: int, clients: int) -> None:
    exchanges = crowd(made("burst", slots=slots)[0])
    bodies = [str(exchange.request.body) for exchange in exchanges]
    assert {2} == {bodies.count(body) for body in bodies}
    assert (2 * clients, clients) == (len(bodies), len(set(bodies)))


def test_whoever_waits_for_others_has_the_time_that_they_take() -> None:
    exchanges, _ = made("side-by-side")
    bench = bench_of(nobody, lambda: 0.0, "http://t/v1")
    limits = bench.stage.endpoint.limits
    assert limits == crowding.patient(bench, exchanges[0], 4).stage.endpoint.limits
    slow = replace(exchanges[0], ended_at=20.0)
    longer = crowding.patient(bench, slow, 4).stage.endpoint.limits
    assert (250.0, 250.0) == (longer.head_s, longer.exchange_s)


@every_trial
def test_a_target_that_takes_no_connection_is_an_exchange_without_head(name: str) -> None:
    trial = next(trial for trial in CROWD if trial.name == name)

    async def main() -> list[Exchange]:
        return await trial.perform(bench_of(nobody, lambda: 0.0, "http://t/v1"))

    exchanges = simulate(main())
    assert {None} == {exchange.head for exchange in exchanges}


@every_trial
def test_its_recordings_are_judged_alike(name: str, tmp_path: Path) -> None:
    exchanges, _ = made(name, features=FEATURES, record_to=tmp_path)
    loaded = [loaded.exchange for loaded in load(tmp_path) if loaded.exchange is not None]
    assert len(exchanges) == len(loaded)
    live = {v.rule.id: (v.verdict, v.reason) for v in judge(exchanges, rules=RULES)}
    assert live == {v.rule.id: (v.verdict, v.reason) for v in judge(loaded, rules=RULES)}
