"""Every mutant of every rule, asked for by the model's name over TCP, gives the findings that it gives in memory.

Time is virtual: the server's `sleep` moves a clock that the client stamps its reads with, and a sleep beyond the time
limit ends only when the client leaves, as a real one would.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest

from conformance import proof
from conformance.judge import findings_of
from conformance.probes.catalogue import PROBES, Companion, Probe, requests_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import TIME_LIMIT, ExchangeReader, hung_up_on
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from mockserver.app import MockServer

ARRIVAL = 0.002
"""Real seconds for bytes that are already on their way to this process."""
TURNS = 20
"""Turns of the event loop in which whoever was woken by them has run, however late this process was itself."""
PROBES_EACH = 2
"""Probes on which each mutant is played."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def settle() -> None:
    """Let what was sent be read."""
    await asyncio.sleep(ARRIVAL)
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Clock:
    """Virtual seconds since the request was sent."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.now = 0.0
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        await settle()
        self.now = min(self.now + seconds, TIME_LIMIT)
        if self.now == TIME_LIMIT:
            self.over.set()
            await asyncio.Event().wait()


class Bench:
    """One server and one virtual clock for all tests of this module."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.clock = Clock()
        self.runner = runner
        self.server = MockServer(proof.SETTINGS, sleep=lambda seconds: self.clock.sleep(seconds))

    def ask(self, probe: Probe, fault: str = "") -> Exchange:
        return self.runner.run(self._ask(probe, fault))

    async def _ask(self, probe: Probe, fault: str) -> Exchange:
        headers = proof.KEY if probe.with_key else ()
        requests = requests_of(probe, url="http://mock/v1", model="mock", headers=headers)
        streams = await self._connect()
        try:
            if probe.companion is None:
                return await self._exchange(streams, requests[0], fault, probe.name)
            first = await self._exchange(streams, requests[0], fault, f"{probe.name}/first")
            if streams[0].at_eof() and probe.companion is Companion.BEFORE and first.transport.reusable:
                return hung_up_on(requests[1], probe=probe.name, beside=first)
            if streams[0].at_eof() or not first.transport.reusable:
                await _leave(streams)
                streams = await self._connect()
            return await self._exchange(streams, requests[1], fault, probe.name, first)
        finally:
            await _leave(streams)

    async def _connect(self) -> Streams:
        port = int(self.server.url.rsplit(":", 1)[1].removesuffix("/v1"))
        return await asyncio.open_connection("127.0.0.1", port)

    async def _exchange(
        self, streams: Streams, request: Request, fault: str, probe: str, beside: Exchange | None = None
    ) -> Exchange:
        self.clock.start()
        source, sink = streams
        sink.write(_bytes_of(request, fault))
        reader, ending = ExchangeReader(request), Ending.EOF
        over = asyncio.ensure_future(self.clock.over.wait())
        while True:
            read = asyncio.ensure_future(source.read(65536))
            await (settle() if reader.over else asyncio.wait({read, over}, return_when=asyncio.FIRST_COMPLETED))
            if not read.done():
                read.cancel()
                ending = Ending.TIMEOUT if over.done() else Ending.EOF
                break
            try:
                data = read.result()
            except ConnectionResetError:
                ending = Ending.RESET
                break
            if not data:
                break
            reader.feed(data, self.clock.now)
        over.cancel()
        return reader.close(ending, self.clock.now, probe=probe, beside=beside)


async def _leave(streams: Streams) -> None:
    streams[1].close()
    with suppress(ConnectionError):
        await streams[1].wait_closed()


def _bytes_of(request: Request, fault: str) -> bytes:
    headers, body = dict(request.headers), request.body
    if isinstance(body, dict) and fault and "model" in body:
        body = {**body, "model": f"{body['model']}#{fault}"}
    elif fault:
        headers["x-streamspec-fault"] = fault
    raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    head = [f"{request.method} {request.path} HTTP/1.1", "host: mock", f"content-length: {len(raw)}"]
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + raw


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        bench = Bench(runner)
        runner.run(bench.server.__aenter__())
        yield bench
        runner.run(bench.server.__aexit__(None, None, None))


def _findings(exchange: Exchange) -> dict[str, list[object]]:
    return {rule: list(found) for rule, found in findings_of(exchange).items() if found}


def _seen(exchange: Exchange | None, *, both: bool) -> object:
    """What a client can tell of an exchange, and of the one beside it where a rule looks at both."""
    if exchange is None:
        return None
    own = (exchange.head, exchange.transport, exchange.body, exchange.ending, exchange.ended_at)
    times = [step.event.at for step in exchange.steps]
    return own, times, _seen(exchange.beside, both=False) if both else None


def _changed(rule: Rule, mutant: Mutant) -> list[tuple[Probe, Exchange]]:
    """The probes whose answer this mutant changes, and what they give in memory."""
    changed: list[tuple[Probe, Exchange]] = []
    for probe, good in proof.good_exchanges():
        if not rule.needs.fits(good) or (rule.needs.alone and probe.companion and changed):
            continue  # the mock leaves alone a companion that the rule has nothing to say about; the proof breaks both
        broken = proof.exchanges_of(probe, mutant, second=rule.needs.second is not None)
        if _seen(broken, both=not rule.needs.alone) != _seen(good, both=not rule.needs.alone):
            changed.append((probe, broken))
            if len(changed) == PROBES_EACH:
                break
    return changed


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_good_answer_is_the_same_in_memory_and_over_tcp(bench: Bench, probe: Probe) -> None:
    memory, tcp = proof.exchanges_of(probe), bench.ask(probe)
    assert (memory.head, memory.body, memory.transport) == (tcp.head, tcp.body, tcp.transport)
    assert not _findings(tcp)


@pytest.mark.parametrize(
    ("rule", "mutant"),
    [pytest.param(rule, mutant, id=f"{rule.id}#{name_of(mutant)}") for rule in ALL for mutant in rule.broken_by],
)
def test_a_fault_gives_the_same_findings_in_memory_and_over_tcp(bench: Bench, rule: Rule, mutant: Mutant) -> None:
    changed = _changed(rule, mutant)
    assert changed, "this mutant changes no good answer"
    for probe, memory in changed:
        tcp = bench.ask(probe, f"{rule.id}#{name_of(mutant)}")
        assert _findings(memory) == _findings(tcp), probe.name
        assert memory.ending is tcp.ending
        assert memory.body == tcp.body
        assert rule.id in _findings(tcp)
