"""What a server does when clients leave, do not read, or are too many: the good one, and each that is at fault."""

import asyncio
import json
from typing import Any

import pytest

from conformance.probes.connection import By
from conformance.probes.recorder import Leave, head_came
from conformance.protocols.exchange import Ending, Exchange
from conformance.rules.behaviour import Behaviour, Delivery, Moment, Stops
from mockserver.answering import Settings
from tests.mockserver.asking import STORY, WORD, body, text_of

AFTER_THREE = Leave(messages=3)
LONG_PROMPT = body("word " * 4000 + STORY)
SITUATIONS = {
    "after three events": (body(), Leave(messages=3)),
    "before the head": (LONG_PROMPT, Leave(seconds=0.5)),
    "after the head": (LONG_PROMPT, Leave(when=head_came)),
    "not streamed": (body(stream=False), Leave(seconds=0.5)),
}
IN_EACH = pytest.mark.parametrize("situation", SITUATIONS)
BY_EACH = pytest.mark.parametrize("by", list(By), ids=[by.value for by in By])


def leaving(situation: str, by: By) -> tuple[dict[str, Any], Leave]:
    asked, leave = SITUATIONS[situation]
    return asked, Leave(messages=leave.messages, seconds=leave.seconds, when=leave.when, by=by)


async def left(stage: Any, asked: dict[str, Any], leave: Leave, *, patience: float = 30.0) -> Any:
    """The journal's entry of a client that has left, some time later."""
    await stage.ask(asked, leave)
    await asyncio.sleep(patience)
    return stage.entry()


async def left_until(stage: Any, asked: dict[str, Any], leave: Leave, fact: str) -> Any:
    """The same once the entry has what is waited for, however busy the machine is."""
    await stage.ask(asked, leave)
    for _ in range(10_000):
        if getattr(stage.entry(), fact) is not None:
            break
        await asyncio.sleep(0.002)
    return stage.entry()


# -- a client leaves


@IN_EACH
@BY_EACH
def test_the_good_server_stops_at_once(in_memory: Any, situation: str, by: By) -> None:
    entry = in_memory(lambda stage: left(stage, *leaving(situation, by)))
    assert (True, False, entry.left_at) == (entry.left, entry.ended, entry.stopped_at)
    assert ("rst" if by is By.RST else "fin") == entry.left_by
    assert entry.produced_at_leave == entry.produced


@IN_EACH
def test_one_that_never_stops_makes_the_answer_to_its_end(in_memory: Any, situation: str) -> None:
    never = Behaviour(name="x", stops=Stops.NEVER)
    entry = in_memory(lambda stage: left(stage, *leaving(situation, By.FIN)), behaviour=never)
    assert (400, True, True) == (entry.produced, entry.left, entry.ended)
    assert entry.stopped_at > entry.left_at + 1


@pytest.mark.parametrize(
    ("situation", "later"),
    [("after three events", 0.005), ("after the head", 3.0), ("not streamed", 1.5), ("before the head", 0.5)],
)
def test_one_that_notices_by_writing_stops_when_it_next_writes(in_memory: Any, situation: str, later: float) -> None:
    blind = Behaviour(name="x", stops=Stops.AT_NEXT_WRITE)
    entry = in_memory(lambda stage: left(stage, *leaving(situation, By.FIN)), behaviour=blind)
    assert pytest.approx(later, abs=0.03) == entry.stopped_at - entry.left_at
    assert not entry.ended


def test_one_that_stops_late_does_so_after_its_time(in_memory: Any) -> None:
    late = Behaviour(name="x", stops=Stops.LATE, seconds=1.0)
    entry = in_memory(lambda stage: left(stage, body(), AFTER_THREE), behaviour=late)
    assert pytest.approx(1.0) == entry.stopped_at - entry.left_at
    assert pytest.approx(200, abs=2) == entry.produced - entry.produced_at_leave


@pytest.mark.parametrize("by", [By.FIN, By.RST], ids=["fin", "rst"])
@pytest.mark.parametrize("only_by", ["fin", "rst"])
def test_a_behaviour_may_concern_one_way_of_leaving(in_memory: Any, by: By, only_by: str) -> None:
    never = Behaviour(name="x", stops=Stops.NEVER, only_by=only_by)
    entry = in_memory(lambda stage: left(stage, body(), Leave(messages=3, by=by)), behaviour=never)
    assert (by.value == only_by) == (entry.stopped_at > entry.left_at)


@pytest.mark.parametrize(
    ("moment", "situation"),
    [
        (Moment.NO_HEAD, "before the head"),
        (Moment.NO_HEAD, "not streamed"),
        (Moment.HEAD, "after the head"),
        (Moment.EVENTS, "after three events"),
    ],
)
def test_a_behaviour_may_concern_one_moment(in_memory: Any, moment: Moment, situation: str) -> None:
    def stopped(moments: frozenset[Moment]) -> bool:
        never = Behaviour(name="x", stops=Stops.NEVER, moments=moments)
        entry = in_memory(lambda stage: left(stage, *leaving(situation, By.FIN)), behaviour=never)
        return bool(entry.stopped_at == entry.left_at)

    assert not stopped(frozenset({moment}))
    assert stopped(frozenset(Moment) - {moment})


def test_a_behaviour_may_concern_some_requests(in_memory: Any) -> None:
    never = Behaviour(name="x", stops=Stops.NEVER, when=lambda request: request.path.endswith("/chat/completions"))

    async def play(stage: Any) -> list[bool]:
        await stage.ask(body(), AFTER_THREE)
        prompt = {"model": "mock", "prompt": STORY, "stream": True, "max_tokens": 400}
        await stage.ask(prompt, AFTER_THREE, path="/completions")
        await asyncio.sleep(10)
        return [stage.entry(number).ended for number in (1, 2)]

    assert [True, False] == in_memory(play, behaviour=never)


def test_a_leak_is_counted_though_nothing_is_made(in_memory: Any) -> None:
    async def play(stage: Any) -> tuple[Any, ...]:
        for _ in range(3):
            await stage.ask(body(), AFTER_THREE)
        journal = (await stage.get("/journal")).document
        slots = (await stage.get("/slots")).document
        metrics = (await stage.get("/metrics")).body.decode()
        return journal["running"], [slot["is_processing"] for slot in slots], metrics, stage.entry().stopped_at

    leaks = Behaviour(name="x", leaks=True)
    running, processing, metrics, stopped = in_memory(play, Settings(slots=4), behaviour=leaks)
    assert (3, [True, True, True, False]) == (running, processing)
    assert "\nstreamspec_requests_running 3\n" in metrics
    assert stopped is not None


def test_neighbours_break_off(in_memory: Any) -> None:
    async def play(stage: Any) -> list[Exchange]:
        return list(
            await asyncio.gather(
                stage.ask(body(WORD % "one")), stage.ask(body(), AFTER_THREE), stage.ask(body(WORD % "two"))
            )
        )

    assert [Ending.EOF, Ending.LEFT, Ending.EOF] == [e.ending for e in in_memory(play)]
    broken = in_memory(play, behaviour=Behaviour(name="x", kills_neighbours=True))
    assert [Ending.RESET, Ending.LEFT, Ending.RESET] == [e.ending for e in broken]


def test_the_next_stream_goes_on_where_the_one_that_was_left_had_come_to(in_memory: Any) -> None:
    async def play(stage: Any) -> tuple[str, str, str]:
        gone = await stage.ask(body(max_tokens=30), Leave(messages=6))
        return text_of(gone), text_of(await stage.ask(body(max_tokens=30))), text_of(await stage.ask(body()))

    heard, then, whole = in_memory(play, behaviour=Behaviour(name="x", residue=True))
    assert whole.startswith(heard)
    assert whole[len(heard) :].startswith(then[:60])
    heard, then, whole = in_memory(play)
    assert whole.startswith(then)


def test_after_so_many_have_left_nobody_is_answered(in_memory: Any) -> None:
    async def play(stage: Any) -> list[Ending]:
        return [(await stage.ask(body(), leave)).ending for leave in (AFTER_THREE, AFTER_THREE, None)]

    assert Ending.TIMEOUT == in_memory(play, behaviour=Behaviour(name="x", dies_after=2))[-1]
    assert Ending.EOF == in_memory(play, behaviour=Behaviour(name="x", dies_after=3))[-1]


# -- a client does not read


async def slow(stage: Any) -> tuple[Exchange, Any]:
    """Somebody asks while another one does not read; and the entry of that one."""
    idle = asyncio.create_task(stage.ask(body(max_tokens=9000), Leave(messages=2, idle=20.0)))
    await asyncio.sleep(10)
    served = await stage.ask(body(WORD % "other"), Leave(seconds=5.0))
    entry = stage.entry()
    sent = entry.sent
    await idle
    return served, sent


def test_a_client_that_does_not_read_holds_up_nobody_and_costs_no_memory(in_memory: Any) -> None:
    served, sent = in_memory(slow)
    assert Ending.EOF == served.ending
    assert 4_000 < sent < 6_000


def test_one_that_stalls_makes_all_others_wait(in_memory: Any) -> None:
    served, _ = in_memory(slow, behaviour=Behaviour(name="x", stalls_on_slow=True))
    assert (Ending.LEFT, None) == (served.ending, served.head)


# -- how events are handed over


def times_of(exchange: Exchange) -> list[float]:
    return [round(step.event.at or 0.0, 3) for step in exchange.steps]


def delivered(in_memory: Any, delivery: Delivery, asked: dict[str, Any], seconds: float = 0.0) -> Exchange:
    behaviour = Behaviour(name="x", delivery=delivery, seconds=seconds)
    return in_memory(lambda stage: stage.ask(asked), behaviour=behaviour)  # type: ignore[no-any-return]


def test_events_are_sent_as_they_are_made(in_memory: Any) -> None:
    times = times_of(delivered(in_memory, Delivery.EACH, body(max_tokens=5)))
    assert [0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.045, 0.045] == times


def test_bursts_come_together(in_memory: Any) -> None:
    times = times_of(delivered(in_memory, Delivery.BURSTS, body(), 0.2))
    assert 11 == len(set(times))
    assert [0.2, 0.4, 0.6] == sorted(set(times))[:3]


def test_all_comes_at_the_end_but_the_head(in_memory: Any) -> None:
    exchange = delivered(in_memory, Delivery.WHOLE, body())
    assert (0.0, {2.02}) == (exchange.head_at, set(times_of(exchange)))


def test_the_head_waits_for_the_first_event(in_memory: Any) -> None:
    assert pytest.approx(1.0, abs=0.01) == delivered(in_memory, Delivery.EACH, LONG_PROMPT).head_at
    assert pytest.approx(4.03, abs=0.01) == delivered(in_memory, Delivery.HEAD_HELD, LONG_PROMPT).head_at


@pytest.mark.parametrize("delivery", list(Delivery))
def test_the_bytes_are_the_same_however_they_are_handed_over(in_memory: Any, delivery: Delivery) -> None:
    good = in_memory(lambda stage: stage.ask(body()))
    assert good.body == delivered(in_memory, delivery, body(), 0.2).body


# -- by name


def test_a_behaviour_is_had_for_one_request_by_its_name(in_memory: Any) -> None:
    async def play(stage: Any) -> list[bool]:
        name = "chat/cancellation/stops-mid-stream#goes-on"
        await stage.ask(body(), AFTER_THREE, headers=(("x-streamspec-fault", name),))
        await stage.ask(body(model=f"mock#{name}"), AFTER_THREE)
        await stage.ask(body(), AFTER_THREE)
        await asyncio.sleep(10)
        assert name == stage.entry(1).fault
        return [stage.entry(number).ended for number in (1, 2, 3)]

    assert [True, True, False] == in_memory(play)


def test_a_server_has_it_for_all(in_memory: Any) -> None:
    entry = in_memory(lambda stage: left(stage, body(), AFTER_THREE), fault="chat/cancellation/stops-mid-stream")
    assert entry.ended


# -- over TCP


@pytest.mark.parametrize("by", [By.FIN, By.RST, By.HALF], ids=["fin", "rst", "half"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "not streamed"])
def test_over_tcp_the_good_server_stops_and_knows_how_its_client_left(on_sockets: Any, by: By, stream: bool) -> None:
    leave = Leave(messages=3, by=by) if stream else Leave(seconds=0.3, by=by)
    entry = on_sockets(lambda stage: left_until(stage, body(stream=stream), leave, "stopped_at"))
    assert (True, False, "rst" if by is By.RST else "fin") == (entry.left, entry.ended, entry.left_by)
    assert entry.produced == entry.produced_at_leave


@pytest.mark.parametrize("by", [By.FIN, By.RST], ids=["fin", "rst"])
def test_over_tcp_a_server_may_mind_one_way_alone(on_sockets: Any, by: By) -> None:
    never = Behaviour(name="x", stops=Stops.NEVER, only_by="fin")
    asked, leave = body(max_tokens=100), Leave(messages=3, by=by)
    entry = on_sockets(lambda stage: left_until(stage, asked, leave, "stopped_at"), behaviour=never)
    assert (by is By.FIN, by.value) == (entry.ended, entry.left_by)


def test_over_tcp_neighbours_break_off(on_sockets: Any) -> None:
    async def play(stage: Any) -> tuple[Exchange, Any]:
        other, _ = await asyncio.gather(stage.ask(body(WORD % "one")), stage.ask(body(), AFTER_THREE))
        return other, stage.entry(1)

    other, _ = on_sockets(play, behaviour=Behaviour(name="x", kills_neighbours=True))
    assert Ending.RESET is other.ending


def test_stopping_the_server_ends_what_is_made_for_nobody(on_sockets: Any) -> None:
    never = Behaviour(name="x", stops=Stops.NEVER)
    long = body(max_tokens=9000)
    entry = on_sockets(lambda stage: left_until(stage, long, AFTER_THREE, "left_at"), behaviour=never)
    assert (True, False) == (entry.left, entry.ended)
    assert entry.stopped_at is not None


# -- what is shown


def test_the_journal_has_one_request_by_its_mark(in_memory: Any) -> None:
    async def play(stage: Any) -> Any:
        for mark in ("one", "two", "x" * 100):
            await stage.ask(body(), AFTER_THREE, headers=(("x-streamspec-mark", mark),))
        whole, one = (await stage.get("/journal")).document, (await stage.get("/journal?mark=two")).document
        return whole, one

    whole, one = in_memory(play)
    assert ["one", "two", "x" * 64] == [request["mark"] for request in whole["requests"]]
    assert [2] == [request["number"] for request in one["requests"]]
    assert ("streamspec mock", 0, 3) == (one["server"], one["running"], one["count"])
    assert sum(request["produced"] for request in whole["requests"]) == whole["produced"] == one["produced"] > 0
    times = [one["requests"][0][name] for name in ("came_at", "began", "left_at", "stopped_at")]
    assert sorted(times) == times
    assert times[-1] <= one["now"]


def test_gauges_and_slots_show_who_is_at_work_and_who_waits(in_memory: Any) -> None:
    async def play(stage: Any) -> tuple[str, Any, str]:
        busy = [asyncio.create_task(stage.ask(body())) for _ in range(3)]
        await asyncio.sleep(1)
        metrics, slots = (await stage.get("/metrics")).body.decode(), (await stage.get("/slots")).document
        await asyncio.gather(*busy)
        return metrics, slots, (await stage.get("/metrics")).body.decode()

    metrics, slots, after = in_memory(play, Settings(slots=2))
    assert "\nstreamspec_requests_running 2\n" in metrics
    assert "\nstreamspec_requests_waiting 1\n" in metrics
    assert [(0, 1, True), (1, 2, True)] == [(s["id"], s["id_task"], s["is_processing"]) for s in slots]
    assert pytest.approx(200, abs=5) == slots[0]["next_token"][0]["n_decoded"]
    assert "\nstreamspec_requests_running 0\n" in after
    assert "\nstreamspec_tokens_generated_total 1200\n" in after


def test_there_are_no_slots_where_none_are_declared(in_memory: Any) -> None:
    answers = in_memory(lambda stage: asyncio.gather(stage.get("/slots"), stage.get("/metrics")))
    assert [404, 200] == [exchange.status for exchange in answers]


def test_looking_leaves_no_trace_in_the_journal(in_memory: Any) -> None:
    async def play(stage: Any) -> Any:
        for path in ("/metrics", "/slots", "/journal", "/health"):
            await stage.get(path)
        return json.loads((await stage.get("/journal")).body)

    assert [] == in_memory(play, Settings(slots=1))["requests"]
