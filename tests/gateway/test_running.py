"""A run as a whole: it ends, whatever the gateway does, and says what it could not do."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.gateway.comparing import compare
from conformance.gateway.pair import Pair
from conformance.gateway.running import Choice, NotWired
from conformance.gateway.situations import ALL, Situation
from conformance.gateway.situations.situation import body_of
from conformance.gateway.situations.streams import GOOD
from conformance.probes.endpoint import Limits
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire import encoder
from conformance.wire.script import Send
from mockserver.upstream import Served

from .scripted import Ways, run

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
SMALL = Limits(exchange_s=10, head_s=10, max_bytes=256 * 1024)


def test_a_gateway_that_is_not_wired_to_us_is_told_how_to_be():
    with pytest.raises(NotWired) as told:
        run(Ways(alone=(404, b"{}")))
    assert "nothing reached http://in-memory/v1" in str(told.value)
    assert "status 404" in str(told.value)
    assert "nginx       proxy_pass http://in-memory;" in str(told.value)
    assert "api_base: http://in-memory/v1" in str(told.value)


def test_a_gateway_that_comes_late_can_be_awaited():
    ways = Ways(alone=(503, b"{}"))

    def soon() -> None:
        ways.alone = None

    with pytest.raises(NotWired):
        run(ways, "good")
    tried = run(ways, "good", wait=5, at_start=lambda loop: loop.call_later(3, soon))
    assert {"good": set()} == tried.names


def test_globs_choose_situations_and_leavings():
    choice = Choice.of(["usage*", "leaving/s*"])
    assert ["usage", "usage-on-finish", "usage-on-finish-unasked", "usage-continuous"] == [
        situation.name for situation in choice.situations
    ]
    assert ["slow", "silent"] == [leaving.name for leaving in choice.leavings]
    assert 5 == choice.steps


def test_a_glob_that_matches_nothing_is_an_error():
    with pytest.raises(LookupError, match="no situation matches 'nope'; there are good, usage"):
        Choice.of(["nope"])


def test_names_of_situations_are_unique_and_said_in_words():
    assert len(ALL) == len({situation.name for situation in ALL})
    assert [] == [situation.name for situation in ALL if not situation.says]


async def _endless(transport: asyncio.Transport) -> None:
    transport.write(HEAD + b"\r\n")
    while not transport.is_closing():
        transport.write(b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n' * 500)
        await asyncio.sleep(0.001)


async def _long_line(transport: asyncio.Transport) -> None:
    transport.write(HEAD + b"\r\ndata: ")
    while not transport.is_closing():
        transport.write(b"x" * 65536)
        await asyncio.sleep(0.001)


async def _slow_loris(transport: asyncio.Transport) -> None:
    for byte in iter(lambda: b"h", b""):
        if transport.is_closing():
            return
        transport.write(byte)
        await asyncio.sleep(1)


async def _silent(_: asyncio.Transport) -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize("hostile", [_endless, _long_line, _slow_loris, _silent])
def test_a_gateway_that_never_ends_is_given_up(hostile: Callable[[asyncio.Transport], Any]):
    tried = run(Ways(), after_check=Ways(hostile=hostile), limits=SMALL)
    assert 3 == len(tried.report.results)
    assert "the gateway was given up: 3 answers in a row did not end in 10 s each" in tried.report.problem
    assert tried.report.red
    assert tried.seconds < 90


def _served(situation: Situation, request: Request) -> Served:
    plan = situation.respond(request)
    writes = [(0.0, act.data) for act in encoder.on_the_wire(plan.answer) if isinstance(act, Send)]
    return Served(
        mark="",
        request=request,
        version="1.1",
        at=0.0,
        plan=plan,
        writes=writes,
        ended_at=0.0,
        planned=tuple(data for _, data in writes),
    )


def _spoilt(raw: bytes, seed: int) -> bytes:
    """The bytes with a few of them changed, left out, doubled or moved."""
    rng, data = random.Random(seed), bytearray(raw)
    for _ in range(rng.randint(1, 8)):
        at, length = rng.randrange(len(data)), rng.randint(1, 60)
        piece = data[at : at + length]
        match rng.randrange(4):
            case 0:
                data[at] = rng.choice(b'{}[]":,0123456789nulltruefalse\r\n\x00\xff')
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = piece
            case _:
                data[at : at + length] = rng.choice(
                    [
                        b'"choices":null',
                        b'{"choices":[1,null,{}]}',
                        b'"usage":[]',
                        b'"error":3',
                        b'"index":"x"',
                        b"1e999",
                    ]
                )
        if not data:
            return b"x"
    return bytes(data)


def _pairs() -> Iterator[tuple[Situation, Served, bytes]]:
    for situation in ALL:
        body = body_of(situation, "m", "0" * 12)
        request = Request("POST", "http://up/v1/chat/completions", (), body)
        served = _served(situation, request)
        yield situation, served, b"".join(data for _, data in served.writes)


def test_nothing_is_raised_on_what_a_gateway_sends():
    found: set[str] = set()
    for situation, served, raw in _pairs():
        for seed in range(10):
            reader = ExchangeReader(served.request)
            reader.feed(_spoilt(raw, seed), 0.1)
            got = reader.close(Ending.EOF if seed % 3 else Ending.RESET, 0.2)
            pair = Pair(situation=situation, got=got, started=0.0, served=(served,) if seed % 7 else ())
            found |= {change.sort.name for change in compare(pair)}
    assert len(found) > 20


def test_nothing_is_raised_on_requests_that_a_gateway_makes_up():
    situation = GOOD[0]
    asked = Request("POST", "http://gw/v1/chat/completions", (), body_of(situation, "m", "0" * 12))
    for body in (
        None,
        "text",
        [],
        {},
        {"messages": 3, "stream_options": [], "model": {}},
        {"stream_options": {"a": {}}},
    ):
        request = Request("POST", "http://up/v1/chat/completions", (), body)
        served = _served(situation, request)
        reader = ExchangeReader(asked)
        reader.feed(b"".join(data for _, data in served.writes), 0.1)
        pair = Pair(situation=situation, got=reader.close(Ending.EOF, 0.2), started=0.0, served=(served,))
        assert {"request-changed", "request-lost"} & {change.sort.name for change in compare(pair)}
