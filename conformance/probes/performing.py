"""One probe performed: its request, its companion's where it has one, each on the right connection, each recorded.

A request for which there is no connection is an exchange all the same, without a head and ending in a reset; only
with `must` is it `Unreachable`. Knows no other probe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.protocols.exchange import Ending, Exchange, Request

from .catalogue import Companion, Probe, requests_of
from .connection import By, Clock, Connection, Dial, Unreachable, connect
from .endpoint import Endpoint
from .intake import Budget
from .recorder import not_sent, record
from .recording_file import RecordingFile
from .sending import agent, recorded
from .way import Way

STUCK = 1
SILENT = 2


@dataclass(slots=True, kw_only=True)
class Stage:
    """What the exchanges of one run share, and how the target bears up."""

    endpoint: Endpoint
    budget: Budget
    record_to: Path | None
    clock: Clock
    notes: Mapping[str, str]
    """What else a recording says of its source."""
    dial: Dial = connect
    """How a connection is made."""
    answered: int = 0
    """Exchanges that came to an end, a good one or a bad one."""
    trouble: int = 0
    """Since the last of those: SILENT for each exchange without connection or head, STUCK for each other timeout."""

    def note(self, exchange: Exchange) -> None:
        """An exchange is over."""
        if exchange.ending is Ending.TIMEOUT:
            self.trouble += STUCK if exchange.head else SILENT
        else:
            self.answered, self.trouble = self.answered + 1, 0


async def perform(stage: Stage, probe: Probe, *, must: bool = False) -> Exchange:
    """The exchange of a probe, its companion beside it. Raises Unreachable if it `must` be."""
    requests = requests_of(probe, url=stage.endpoint.url, model=stage.endpoint.model)
    if probe.companion is None:
        return await Turn(stage, probe, requests[0], way=probe.way).on_a_new_connection(must=must)
    word = "twin" if probe.companion is Companion.TWIN else "first"
    before = Turn(stage, probe, requests[0], name=f"{probe.name}/first", file=f"{probe.name}.{word}.jsonl")
    own = Turn(stage, probe, requests[1], way=probe.way, beside_file=before.file)
    if probe.companion is not Companion.BEFORE:
        own.beside = await before.on_a_new_connection(must=must)
        return await own.on_a_new_connection()
    return await _one_after_the_other(before, own, must=must)


async def _one_after_the_other(before: "Turn", own: "Turn", *, must: bool) -> Exchange:
    """Both on one connection, where the first answer leaves it open."""
    try:
        connection = await before.stage.dial(before.stage.endpoint, before.stage.clock)
    except Unreachable:
        if must:
            raise
        own.beside = before.unreached()
        return own.unreached()
    try:
        own.beside = await before.on(connection)
        transport = own.beside.transport
        if transport is not None and transport.reusable:
            return await own.on(connection, reused=True)
    finally:
        await close(connection)
    return await own.on_a_new_connection()


async def close(connection: Connection) -> None:
    """Close in order, and wait for it."""
    connection.leave(By.FIN)
    await connection.closed()


@dataclass(slots=True)
class Turn:
    """One request of a probe, and the file it is recorded in."""

    stage: Stage
    probe: Probe
    request: Request
    way: Way = Way.WHOLE
    name: str = ""
    file: str = ""
    beside_file: str = ""
    beside: Exchange | None = None

    async def on_a_new_connection(self, *, must: bool = False) -> Exchange:
        """Sent on a connection of its own."""
        try:
            connection = await self.stage.dial(self.stage.endpoint, self.stage.clock)
        except Unreachable:
            if must:
                raise
            return self.unreached()
        try:
            return await self.on(connection)
        finally:
            await close(connection)

    async def on(self, connection: Connection, *, reused: bool = False) -> Exchange:
        """Sent on this connection."""
        sink = self._sink()
        exchange = await record(
            connection,
            self.stage.endpoint,
            self.request,
            with_key=self.probe.with_key,
            way=self.way,
            sink=sink,
            budget=self.stage.budget,
            reused=reused,
            probe=self.name or self.probe.name,
            source=str(sink.path) if sink else "",
            beside=self.beside,
        )
        self.stage.note(exchange)
        return exchange

    def unreached(self) -> Exchange:
        """Not sent, because the target takes no connection."""
        self.stage.trouble += SILENT
        sink = self._sink()
        return not_sent(
            self.stage.endpoint,
            self.request,
            with_key=self.probe.with_key,
            way=self.way,
            sink=sink,
            probe=self.name or self.probe.name,
            source=str(sink.path) if sink else "",
            beside=self.beside,
        )

    def _sink(self) -> RecordingFile | None:
        if self.stage.record_to is None:
            return None
        return RecordingFile(
            self.stage.record_to / (self.file or f"{self.probe.name}.jsonl"),
            recorded(self.request, self.stage.endpoint, with_key=self.probe.with_key, way=self.way),
            source={"made_by": agent(), "endpoint": self.stage.endpoint.url, **self.stage.notes},
            probe=self.name or self.probe.name,
            beside=self.beside_file,
        )
