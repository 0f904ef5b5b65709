"""What a server does with many clients at once: streams side by side, and more of them than it has slots for."""

import asyncio
from itertools import chain
from typing import Any

import pytest

from conformance.probes.recorder import Leave
from conformance.protocols.exchange import Ending, Exchange
from conformance.rules.behaviour import Behaviour, Overflow, Stops
from mockserver.answering import Settings
from tests.mockserver.asking import WORD, body, text_of

# -- streams side by side


async def side_by_side(stage: Any) -> list[Exchange]:
    return list(await asyncio.gather(*(stage.ask(body(WORD % word)) for word in ("ada", "bob", "cyd"))))


def test_streams_keep_to_themselves(in_memory: Any) -> None:
    came = in_memory(side_by_side)
    assert [" ".join([word] * 20) for word in ("ada", "bob", "cyd")] == [text_of(exchange) for exchange in came]
    assert 3 == len({exchange.steps[0].chunk["id"] for exchange in came})


def test_text_crosses_over_and_all_else_stays(in_memory: Any) -> None:
    came = in_memory(side_by_side, behaviour=Behaviour(name="x", mixes=True))
    words = [text_of(exchange).split() for exchange in came]
    assert sorted(["ada", "bob", "cyd"] * 20) == sorted(chain(*words))
    assert all(len(set(own)) > 1 for own in words)
    assert [1, 1, 1] == [len({step.chunk["id"] for step in e.steps if step.chunk}) for e in came]


def test_whole_events_cross_over(in_memory: Any) -> None:
    came = in_memory(side_by_side, behaviour=Behaviour(name="x", mixes_events=True))
    assert all(len({step.chunk["id"] for step in e.steps if step.chunk}) > 1 for e in came)


def test_ids_are_shared_by_those_at_the_same_time(in_memory: Any) -> None:
    came = in_memory(side_by_side, behaviour=Behaviour(name="x", shares_ids=True))
    assert 1 == len({step.chunk["id"] for e in came for step in e.steps if step.chunk})


def test_the_same_request_with_another_mark_has_another_id(in_memory: Any) -> None:
    async def play(stage: Any) -> list[Exchange]:
        marks = ((), (("x-streamspec-mark", "a"),), (("x-streamspec-mark", "b"),), (("x-streamspec-mark", "b"),))
        return [await stage.ask(body(), headers=headers) for headers in marks]

    came = in_memory(play)
    ids = [exchange.steps[0].chunk["id"] for exchange in came]
    assert (3, True) == (len(set(ids)), ids[2] == ids[3])
    assert 1 == len({text_of(exchange) for exchange in came})


# -- too many


async def crowd(stage: Any) -> list[Exchange]:
    return list(await asyncio.gather(*(stage.ask(body(WORD % f"w{n}")) for n in range(4))))


def test_who_comes_beyond_the_slots_waits_for_a_turn(in_memory: Any) -> None:
    came = in_memory(crowd, Settings(slots=1))
    assert [200] * 4 == [exchange.status for exchange in came]
    heads = [exchange.head_at or 0.0 for exchange in came]
    assert sorted(heads) == heads
    assert heads[3] > 0.3


def test_or_is_refused_and_told_when_to_come_back(in_memory: Any) -> None:
    came = in_memory(crowd, Settings(slots=1, overflow=Overflow.REFUSE))
    assert [200, 429, 429, 429] == [exchange.status for exchange in came]
    assert "1" == came[1].head.get("retry-after")
    assert "rate_limit_exceeded" == came[1].document["error"]["code"]


@pytest.mark.parametrize(
    ("overflow", "seen"),
    [
        (Overflow.BARE, (429, Ending.EOF, None)),
        (Overflow.FAIL, (500, Ending.EOF, None)),
        (Overflow.CUT, (200, Ending.RESET, None)),
        (Overflow.DROP, (0, Ending.EOF, None)),
    ],
)
def test_or_is_treated_badly(in_memory: Any, overflow: Overflow, seen: tuple[Any, ...]) -> None:
    came = in_memory(crowd, behaviour=Behaviour(name="x", capacity=2, overflow=overflow))
    status, ending, retry = seen
    assert [200, 200, status, status] == [exchange.status for exchange in came]
    assert ending is came[3].ending
    assert retry == (came[3].head.get("retry-after") or None if came[3].head else None)


def test_the_newest_is_served_first(in_memory: Any) -> None:
    came = in_memory(crowd, behaviour=Behaviour(name="x", capacity=1, overflow=Overflow.NEWEST))
    assert [0, 3, 2, 1] == sorted(range(4), key=lambda number: came[number].head_at or 0.0)


def test_who_leaves_the_queue_is_not_worked_on(in_memory: Any) -> None:
    async def play(stage: Any) -> Any:
        busy = asyncio.create_task(stage.ask(body()))
        await asyncio.sleep(0.1)
        await stage.ask(body(), Leave(seconds=0.1))
        await busy
        await asyncio.sleep(5)
        return stage.entry(2)

    entry = in_memory(play, Settings(slots=1))
    assert (None, 0, True) == (entry.began, entry.produced, entry.left)
    assert entry.left_at == entry.stopped_at
    never = Behaviour(name="x", stops=Stops.NEVER)
    assert 400 == in_memory(play, Settings(slots=1), behaviour=never).produced
