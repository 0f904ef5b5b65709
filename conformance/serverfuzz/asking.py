"""Requests to the server that is fuzzed, one call each, and what they cost. Knows no case and no oracle.

hypothesis calls a plain function, so there is one event loop, kept open between the calls: in real time for a server
at the other end of a socket, in virtual time for one in this process, where a hang takes no time at all.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from conformance.probes.connection import Clock, Dial, Unreachable
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.performing import close
from conformance.probes.recorder import Leave, not_sent, record
from conformance.probes.recording_file import RecordingFile
from conformance.probes.sending import agent, recorded
from conformance.probes.way import Way, headers_of
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import ExchangeReader

CHAT = "/chat/completions"
LINGER_S = 0.01
"""Seconds of listening for stray bytes after each response; there are many."""
SPARE = 40
"""Messages that an answer may have besides its tokens: roles, ends, usage, calls, and whoever counts otherwise."""
PER_TOKEN = 3
"""Messages that a token may come in."""
Result = TypeVar("Result")


class Over(BaseException):
    """The campaign may cost no more; the text says which limit was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What all requests of a campaign may cost together."""

    requests: int
    seconds: float = float("inf")


@dataclass(slots=True, kw_only=True)
class Asker:
    """Who asks, and what has been asked so far."""

    runner: asyncio.Runner
    endpoint: Endpoint
    dial: Dial
    clock: Clock
    caps: Caps
    patience: float = 10.0
    """Seconds that one answer may take."""
    revival: Callable[[], Awaitable[None]] | None = None
    """Starts the server again, where that can be done."""
    cheap: bool = False
    """Starting it again costs nothing: done before each example whose outcome hangs on what came before."""
    requests: int = 0
    tokens: int = 0
    """As usage counts them; where there is none, messages."""
    slowest: float = 0.0
    """Seconds that the slowest good answer took."""
    notes: dict[str, str] = field(default_factory=dict)
    """What recordings say of their source."""
    _began: float | None = None

    def run(self, made: Awaitable[Result]) -> Result:
        """Let the loop run until this is done."""

        async def main() -> Result:
            return await made

        return self.runner.run(main())

    def spend(self) -> None:
        """One more request. Raises Over where there may be no more."""
        if self._began is None:
            self._began = self.clock()
        if self.requests >= self.caps.requests:
            raise Over(f"{self.caps.requests} requests were made, which is the limit")
        if self.clock() - self._began >= self.caps.seconds:
            raise Over(f"{self.caps.seconds:g} seconds are over, which is the limit")
        self.requests += 1

    def request_of(self, body: object, way: Way = Way.WHOLE) -> Request:
        """A chat request; the model is put in where there is room for it."""
        url, question, query = self.endpoint.url.partition("?")
        sent = {"model": self.endpoint.model, **body} if isinstance(body, dict) else body
        return Request("POST", url.rstrip("/") + CHAT + question + query, headers_of(way), sent)

    def ask(
        self,
        body: object,
        *,
        way: Way = Way.WHOLE,
        probe: str = "",
        beside: Exchange | None = None,
        record_to: Path | None = None,
        beside_file: str = "",
    ) -> Exchange:
        """Send a request on a connection of its own and read the answer, as much as it may have."""
        self.spend()
        request = self.request_of(body, way)
        exchange = self.run(
            self.exchange(request, way=way, probe=probe, beside=beside, record_to=record_to, beside_file=beside_file)
        )
        self.note(exchange)
        return exchange

    def note(self, exchange: Exchange) -> None:
        """An exchange is over: count what it cost."""
        if exchange.status == 200 and exchange.ended_at is not None:
            self.slowest = max(self.slowest, exchange.ended_at)
        self.tokens += tokens_of(exchange)

    async def exchange(
        self,
        request: Request,
        *,
        way: Way = Way.WHOLE,
        probe: str = "",
        beside: Exchange | None = None,
        record_to: Path | None = None,
        beside_file: str = "",
        look: Callable[[ExchangeReader], None] = lambda _: None,
    ) -> Exchange:
        """The exchange of a request that is counted elsewhere; `look` is shown what has come whenever more has."""
        endpoint, most = self.patient(), most_messages(request.body)
        sink = None
        if record_to is not None:
            source = {"made_by": agent(), "endpoint": endpoint.url, **self.notes}
            sink = RecordingFile(
                record_to, recorded(request, endpoint, way=way), source=source, probe=probe, beside=beside_file
            )

        def too_much(reader: ExchangeReader) -> bool:
            look(reader)
            return len(reader.steps) > most

        try:
            connection = await self.dial(endpoint, self.clock)
        except Unreachable:
            return not_sent(endpoint, request, way=way, sink=sink, probe=probe, beside=beside)
        try:
            return await record(
                connection,
                endpoint,
                request,
                way=way,
                leave=Leave(when=too_much),
                sink=sink,
                budget=Budget(endpoint.limits),
                probe=probe,
                beside=beside,
            )
        finally:
            await close(connection)

    def patient(self) -> Endpoint:
        """The endpoint, with as much time for one answer as there is patience."""
        limits = replace(self.endpoint.limits, head_s=self.patience, exchange_s=self.patience, linger_s=LINGER_S)
        return replace(self.endpoint, limits=limits)

    def revive(self) -> bool:
        """Start the server again, where that can be done."""
        if self.revival is None:
            return False
        self.run(self.revival())
        return True


def most_messages(body: object) -> int:
    """Messages that the answer to a request may have, by its limit of tokens; without one, as many as for 16."""
    told = body if isinstance(body, dict) else {}

    def number(name: str, otherwise: int) -> int:
        value: Any = told.get(name)
        return value if isinstance(value, int) and 0 < value <= 100_000 else otherwise

    tokens = number("max_completion_tokens", number("max_tokens", 16))
    return SPARE + PER_TOKEN * tokens * min(128, number("n", 1))


def tokens_of(exchange: Exchange) -> int:
    """What an answer cost, by its usage, or by its messages."""
    chunks = [step.chunk for step in exchange.steps if step.chunk]
    documents = [exchange.document, *reversed(chunks)]
    for document in documents:
        usage = document.get("usage") if isinstance(document, dict) else None
        counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
        if isinstance(counted, int) and counted >= 0:
            return counted
    return len(exchange.steps)
