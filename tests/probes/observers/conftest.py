"""A server in memory that says what a test wants, and a world in which one request is worked on."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from conformance.probes.bench import Bench, Tempo
from conformance.probes.connection import Clock, Connection, Unreachable
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.observer import Left
from conformance.probes.performing import Stage
from conformance.simulation import link

LONG = {"messages": [{"role": "user", "content": "Write forever"}], "stream": True}
ENDLESS = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
"""The head of an answer that never ends."""
SILENT = b""


@dataclass
class World:
    """A server that works on one request of ours. Times are the loop's."""

    stops: float | None = 0.1
    """Seconds after its client left; None for never."""
    natural: float = 1000.0
    """Seconds that the answer lasts."""
    leaks: bool = False
    rate: float = 50.0
    began: float = float("inf")
    left: float = float("inf")
    others: int = 0
    """Requests that are not ours."""
    flaps: bool = False

    @property
    def end(self) -> float:
        stopped = float("inf") if self.stops is None else self.left + self.stops
        return min(self.began + self.natural, stopped)

    def works(self, now: float) -> bool:
        return self.began <= now < self.end

    def running(self, now: float) -> int:
        counted = self.works(now) or (self.leaks and now >= self.end)
        if self.flaps and round(now * 10) % 2:
            return self.others
        return self.others + int(counted)

    def produced(self, now: float) -> int:
        return 1000 + (round(self.rate * (min(now, self.end) - self.began)) if self.began <= now else 0)


@dataclass
class Fake:
    """Answers every GET with what `pages` has for its path and a time, and keeps what it was asked."""

    pages: dict[str, Callable[[float], bytes]] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)
    chat: Callable[["Line", dict[str, Any]], None] | None = None
    up: bool = True

    async def dial(self, endpoint: Endpoint, clock: Clock) -> Connection:
        if not self.up:
            raise Unreachable(f"{endpoint.host}:{endpoint.port} refuses connections")
        connection = Connection(clock)
        link(connection, Line(self))
        return connection


class Line(asyncio.Protocol):
    """A connection to the fake."""

    def __init__(self, fake: Fake) -> None:
        self.fake, self.seen, self.gone = fake, b"", False
        self.on_leave: Callable[[], None] = lambda: None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self.on_leave()

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head, found, body = self.seen.partition(b"\r\n\r\n")
        if not found:
            return
        method, target, _ = head.decode().split("\r\n")[0].split(" ")
        if method == "GET":
            now = asyncio.get_running_loop().time()
            self.fake.asked.append((now, head.decode()))
            page = self.fake.pages.get(target.partition("?")[0])
            answer = page(now) if page else b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
            self.transport.write(answer)
            if answer == ENDLESS:
                self.pour()
            return
        sizes = [int(line.split(":")[1]) for line in head.decode().lower().split("\r\n") if "content-length" in line]
        if len(body) >= sizes[0] and self.fake.chat:
            self.fake.chat(self, json.loads(body))

    def pour(self) -> None:
        if not self.gone:
            self.transport.write(b"vllm:num_requests_running 1\n" * 1000)
            asyncio.get_running_loop().call_later(0.01, self.pour)


def ok(text: str, kind: str = "text/plain") -> bytes:
    body = text.encode()
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def vllm(world: World) -> Callable[[float], bytes]:
    return lambda now: ok(
        "# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
        "# TYPE vllm:num_requests_running gauge\n"
        f'vllm:num_requests_running{{engine="0",model_name="tiny"}} {world.running(now)}.0\n'
        f'vllm:num_requests_waiting{{engine="0",model_name="tiny"}} 0.0\n'
        "# TYPE vllm:generation_tokens_total counter\n"
        f'vllm:generation_tokens_total{{engine="0",model_name="tiny"}} {world.produced(now)}.0\n'
    )


def llamacpp(world: World) -> Callable[[float], bytes]:
    def page(now: float) -> bytes:
        made = world.produced(now) if now >= world.end else 1000
        return ok(
            f"# TYPE llamacpp:tokens_predicted_total counter\nllamacpp:tokens_predicted_total {made}\n"
            f"# TYPE llamacpp:requests_processing gauge\nllamacpp:requests_processing {world.running(now)}\n"
            "# TYPE llamacpp:requests_deferred gauge\nllamacpp:requests_deferred 0\n"
        )

    return page


def slots_of(world: World) -> Callable[[float], bytes]:
    def page(now: float) -> bytes:
        made = world.produced(now) - 1000 if world.running(now) else 0
        return ok(
            json.dumps(
                [
                    {"id": 0, "is_processing": False},
                    {"id": 1, "is_processing": world.running(now) > 0, "next_token": [{"n_decoded": made}]},
                ]
            )
        )

    return page


def bench_of(fake: Fake, *, slots: int = 0, lasts: float = 20.0, url: str = "http://in-memory:8000/v1") -> Bench:
    endpoint = Endpoint(url=url, model="m", key="secret-key-of-ours")
    clock = asyncio.get_running_loop().time
    stage = Stage(
        endpoint=endpoint, budget=Budget(endpoint.limits), record_to=None, clock=clock, notes={}, dial=fake.dial
    )
    tempo = Tempo(first=0.1, gap=0.02, lasts=lasts, tokens=1000)
    return Bench(stage=stage, long=LONG, tempo=tempo, slots=slots)


async def leave(
    world: World, *, received: int = 5, ends: float = 1000.0, streamed: bool = True, mark: str = ""
) -> Left:
    """The client leaves, now."""
    now = world.left = asyncio.get_running_loop().time()
    return Left(mark=mark, at=now, received=received, ends=now + ends, streamed=streamed)


@pytest.fixture
def kit() -> Any:
    """All of this, for tests."""

    class Kit:
        pass

    for thing in (World, Fake, Line, ok, vllm, llamacpp, slots_of, bench_of, leave):
        setattr(Kit, thing.__name__, staticmethod(thing) if not isinstance(thing, type) else thing)
    Kit.ENDLESS, Kit.SILENT = ENDLESS, SILENT  # type: ignore[attr-defined]
    return Kit
