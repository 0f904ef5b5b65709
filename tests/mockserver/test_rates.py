"""Rate limits: how requests come back, and how a server tells of it."""

import json
import math

import pytest

from conformance.protocols.exchange import Exchange
from mockserver.answering import Settings
from mockserver.rates import Meter, Rate, duration, read


@pytest.mark.parametrize(
    ("text", "expected"), [("10/s", Rate(10, "s")), ("60/m", Rate(60, "m")), ("1000/h", Rate(1000, "h"))]
)
def test_a_rate_is_so_many_in_a_time(text: str, expected: Rate) -> None:
    assert expected == read(text)


@pytest.mark.parametrize("text", ["", "10", "0/s", "-1/s", "1.5/s", "10/d", "10 / s", "10/s\n", "1234567890/s"])
def test_what_is_no_rate_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 10/s, 60/m or 1000/h"):
        read(text)


def test_requests_come_back_one_by_one() -> None:
    meter = Meter(Rate(3, "s"))
    assert [0.0, 0.0, 0.0] == [meter.take(10.0) for _ in range(3)]
    assert math.isclose(1 / 3, meter.take(10.0))
    assert 0.0 == meter.take(10.34)
    assert 0.0 < meter.take(10.34)


def test_one_that_was_refused_does_not_count() -> None:
    meter = Meter(Rate(1, "m"))
    assert [0.0, 60.0, 45.0, 0.0] == [meter.take(now) for now in (0.0, 0.0, 15.0, 60.0)]


def test_a_quiet_time_is_not_saved_up() -> None:
    meter = Meter(Rate(2, "s"))
    assert [0.0, 0.0] == [meter.take(1000.0) for _ in range(2)]
    assert 0.0 < meter.take(1000.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (0.0001, "1ms"), (0.12, "120ms"), (1, "1s"), (8.64, "8.64s"), (360, "6m0s"), (3600, "1h0m0s")],
)
def test_a_duration_is_written_as_openai_does(seconds: float, expected: str) -> None:
    assert expected == duration(seconds)


def limits(exchange: Exchange) -> list[str | None]:
    assert exchange.head is not None
    headers = {name.lower(): value for name, value in exchange.head.headers}
    return [headers.get(f"x-ratelimit-{name}-requests") for name in ("limit", "remaining", "reset")]


def test_every_answer_tells_of_the_limit_and_one_too_many_is_429(in_memory) -> None:
    async def play(stage):
        asked = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}]}
        return [await stage.ask(asked) for _ in range(3)], await stage.get("/v1/models")

    (first, second, third), models = in_memory(play, Settings(rate=Rate(2, "m")))
    assert [200, 200, 429, 200] == [exchange.status for exchange in (first, second, third, models)]
    assert ["2", "1", "30s"] == limits(first)
    assert ["2", "0"] == limits(second)[:2]
    assert [None, None, None] == limits(models)
    assert third.head is not None
    headers = dict(third.head.headers)
    assert "30" == headers["retry-after"]
    assert 29_000 < int(headers["retry-after-ms"]) < 30_000  # time passes between the requests
    error = json.loads(third.body)["error"]
    assert error.pop("message").startswith("Rate limit reached: 2 requests per minute. Please try again in 29.")
    assert {"type": "requests", "param": None, "code": "rate_limit_exceeded"} == error


def test_who_has_no_key_uses_nothing_up(in_memory) -> None:
    async def play(stage):
        refused = [await stage.ask() for _ in range(3)]
        let_in = await stage.ask(headers=(("authorization", "Bearer key"),))
        return [exchange.status for exchange in (*refused, let_in)]

    assert [401, 401, 401, 200] == in_memory(play, Settings(keys=frozenset({"key"}), rate=Rate(1, "m")))
