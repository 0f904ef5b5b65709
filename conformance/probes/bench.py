"""Where trials are made: requests on connections of their own, each recorded, and somebody who watches the server.

Knows no trial.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.probes.connection import Unreachable
from conformance.probes.performing import SILENT, Stage, close
from conformance.probes.probe import Body
from conformance.probes.pulse import Pulse
from conformance.probes.recorder import Leave, not_sent, record
from conformance.probes.recording_file import RecordingFile, add_watch
from conformance.probes.sending import agent, recorded
from conformance.probes.way import JSON
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.watch import Watch

from .observer import Left, Observer

MARK = "x-streamspec-mark"
"""Header that tells one request of ours from the others; the mock server's journal keeps it."""
CHAT = "/chat/completions"

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo:
    """A target's own pace, measured in this run."""

    first: float
    """Seconds to the first content of a long answer."""
    gap: float
    """Seconds per token."""
    lasts: float
    """Seconds that the long answer takes to its end, estimated."""
    tokens: int
    """Tokens that it may have."""
    silence: float = 0.0
    """Seconds to the first content of an answer to a long prompt; 0 where that was not measured."""
    heard: float = 0.0
    """Seconds for which the long answer was listened to: it lasts as long for certain."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """What the trials of one run share."""

    stage: Stage
    long: Body
    """The members of a chat request whose answer is long."""
    tempo: Tempo
    slots: int = 0
    """Requests that the target works on at the same time, as declared; 0 where that is not."""
    observer: Observer | None = None
    blind: str = ""
    """Why nobody watches, and what to configure, where nobody does."""
    sleep: Sleep = asyncio.sleep
    features: frozenset[str] = field(default_factory=frozenset)
    undisturbed: Exchange | None = None
    """An answer after a long prompt whose client waited for it: how long the silence lasts."""
    lasts: dict[str, float] = field(default_factory=dict)
    """Seconds for which other answers were listened to, and so last at least; by what they are."""
    pulse: Pulse | None = None
    """Beats while a trial is made that has to know how late we are ourselves."""

    def mark(self) -> str:
        """A mark that no other request has."""
        return secrets.token_hex(6)

    async def ask(
        self,
        name: str,
        body: Body,
        *,
        path: str = CHAT,
        mark: str = "",
        leave: Leave | None = None,
        group: Sequence[str] = (),
        more: tuple[tuple[str, str], ...] = (),
    ) -> Exchange:
        """Send a request on a connection of its own and read the answer, until it ends or `leave` says so.

        `name` is the probe of the exchange, `group` those of the others of its trial, `more` are headers besides.
        """
        stage = self.stage
        url, question, query = stage.endpoint.url.partition("?")
        headers = (*JSON, *(((MARK, mark),) if mark else ()), *more)
        sent = {"model": stage.endpoint.model, **body}
        request = Request("POST", url.rstrip("/") + path + question + query, headers, sent)
        sink = self._sink(name, request, group)
        source = str(sink.path) if sink else ""
        try:
            connection = await stage.dial(stage.endpoint, stage.clock)
        except Unreachable:
            stage.trouble += SILENT
            return not_sent(stage.endpoint, request, sink=sink, probe=name, source=source)
        connection.pulse = self.pulse
        try:
            exchange = await record(
                connection,
                stage.endpoint,
                request,
                leave=leave,
                sink=sink,
                budget=stage.budget,
                probe=name,
                source=source,
            )
        finally:
            await close(connection)
        if exchange.ending is not Ending.LEFT:
            stage.note(exchange)
        return exchange

    async def watch(self, exchange: Exchange, left: Left) -> Exchange:
        """The exchange that was left, with what is seen of the server since."""
        if self.observer is None:
            return self.seen(exchange, Watch(observer="", how=self.blind))
        return self.seen(exchange, await self.observer.watch(left))

    def seen(self, exchange: Exchange, watch: Watch) -> Exchange:
        """The exchange with what was seen, also on disk."""
        if exchange.source and exchange.left_by:
            add_watch(Path(exchange.source), (exchange.ended_at or 0.0) + (watch.by or 0.0), watch)
        return replace(exchange, watch=watch)

    def _sink(self, name: str, request: Request, group: Sequence[str]) -> RecordingFile | None:
        if self.stage.record_to is None:
            return None
        return RecordingFile(
            self.stage.record_to / file_of(name),
            recorded(request, self.stage.endpoint),
            source={"made_by": agent(), "endpoint": self.stage.endpoint.url, **self.stage.notes},
            probe=name,
            group=[file_of(other) for other in group],
        )


def file_of(probe: str) -> str:
    """The file in which the exchange of a trial is recorded."""
    return f"{probe.replace('/', '.')}.jsonl"
