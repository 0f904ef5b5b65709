"""Marked requests through the gateway: sent, read, joined with what the upstream noted. Compares nothing."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conformance.probes.connection import By, Clock, Connection, Dial, Unreachable, connect
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.performing import close
from conformance.probes.recorder import Leave, not_sent, record
from conformance.probes.recording_file import RecordingFile, add_watch
from conformance.probes.sending import agent, recorded
from conformance.probes.way import JSON
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.watch import Watch
from conformance.wire.events import Message
from mockserver.upstream import MARK, Served, Upstream

from .leaving import Left
from .pair import Pair
from .situations.leaving import AFTER, AT_LATEST, WAITED, Leaving
from .situations.situation import Situation, body_of, in_text

MARGIN = 3.0
"""Seconds for which an upstream goes on beyond the time in which its client's leaving has to reach it."""
SETTLED = 0.3
"""Seconds after the upstream's last write in which a gateway has passed it on, or will not before there is more."""


class _Noting:
    """A clock that notes what it first said: the recorder asks it when it sends, and all its times count from then."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.first: float | None = None

    def __call__(self) -> float:
        """The time."""
        now = self._clock()
        if self.first is None:
            self.first = now
        return now


@dataclass(slots=True, kw_only=True)
class Stand:
    """A gateway, and what stands on either side of it."""

    endpoint: Endpoint
    """The gateway."""
    upstream: Upstream
    clock: Clock
    dial: Dial = connect
    record_to: Path | None = None
    budget: Budget = field(init=False)

    def __post_init__(self) -> None:
        self.budget = Budget(self.endpoint.limits)

    async def ask(self, situation: Situation, *, must: bool = False) -> Pair:
        """One situation: a request on a connection of its own, and its answer to the end.

        Raises Unreachable where there `must` be a connection and is none.
        """
        mark = secrets.token_hex(6)
        self.upstream.expect(mark, situation.respond)
        body = body_of(situation, self.endpoint.model, mark)
        started, got = await self._send(situation.name, body, mark, headers=situation.headers, must=must)
        self.upstream.drop(mark)
        pair = Pair(situation=situation, got=got, started=started, served=self.upstream.served(mark))
        self._record_upstream(situation.name, pair)
        return pair

    async def leave(self, leaving: Leaving, by: By, deadline: float) -> Left:
        """Leave an answer, and wait for the upstream to see it."""
        mark = secrets.token_hex(6)
        self.upstream.expect(mark, leaving.respond(AT_LATEST + deadline + MARGIN))
        leave = Leave(messages=AFTER, seconds=AT_LATEST, by=by) if leaving.events else Leave(seconds=WAITED, by=by)
        text = f"Say hello ({in_text(mark)})."
        body = {"model": self.endpoint.model, "messages": [{"role": "user", "content": text}], "stream": True}
        started, got = await self._send(f"leave-{leaving.name}-{by.value}", body, mark, leave=leave)
        at = started + (got.ended_at or 0.0)
        served = self.upstream.served(mark)
        if not got.left_by:
            self.upstream.drop(mark)
            said = f"status {got.status}" if got.head else "no head"
            problem = f"the answer was over before it could be left ({said}, {got.ending.value})"
            return Left(leaving=leaving, by=by, deadline=deadline, reached=bool(served), seen=None, problem=problem)
        await self.upstream.departure(mark, at + deadline)
        now = self.clock()
        self.upstream.drop(mark)
        seen = [each.left_at for each in served]
        last = max((moment for moment in seen if moment is not None), default=None) if None not in seen else None
        received = sum(isinstance(event, Message) for event in got.events)
        problem = "" if last is not None or now - at >= deadline - 0.1 or not served else "the upstream had ended"
        if _on_its_way(leaving, received, served, at):
            problem = "it was not silent yet: what the upstream had sent before was still on its way"
        left = Left(
            leaving=leaving,
            by=by,
            deadline=deadline,
            reached=bool(served),
            seen=None if last is None else max(0.0, last - at),
            seen_as=next((each.left_by for each in served if each.left_at == last), ""),
            sent_after=sum(each.writes_after(at) for each in served),
            received=received,
            problem=problem,
        )
        if got.source:
            add_watch(Path(got.source), (got.ended_at or 0.0) + min(deadline, now - at), _watch_of(left))
        return left

    async def _send(
        self,
        name: str,
        body: object,
        mark: str,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        leave: Leave | None = None,
        must: bool = False,
    ) -> tuple[float, Exchange]:
        """When the request was sent, and what came of it."""
        url, question, query = self.endpoint.url.partition("?")
        sent = (*JSON, (MARK, mark), *headers)
        request = Request("POST", url.rstrip("/") + "/chat/completions" + question + query, sent, body)
        sink = self._sink(name, request)
        source = str(sink.path) if sink else ""
        clock = _Noting(self.clock)
        try:
            connection: Connection = await self.dial(self.endpoint, clock)
        except Unreachable:
            if must:
                raise
            return self.clock(), not_sent(self.endpoint, request, sink=sink, probe=name, source=source)
        clock.first = None
        try:
            exchange = await record(
                connection,
                self.endpoint,
                request,
                leave=leave,
                sink=sink,
                budget=self.budget,
                probe=name,
                source=source,
            )
        finally:
            await close(connection)
        return self.clock() if clock.first is None else clock.first, exchange

    def _sink(self, name: str, request: Request) -> RecordingFile | None:
        if self.record_to is None:
            return None
        source = {"made_by": agent(), "endpoint": self.endpoint.url, "side": "client"}
        path = self.record_to / f"{name}.jsonl"
        return RecordingFile(path, recorded(request, self.endpoint), source=source, probe=name)

    def _record_upstream(self, name: str, pair: Pair) -> None:
        """What the upstream sent, as a recording beside the client's."""
        if self.record_to is None or not pair.forwarded:
            return
        served = pair.served[-1]
        source = {"made_by": agent(), "endpoint": self.upstream.url, "side": "upstream"}
        path = self.record_to / f"{name}.upstream.jsonl"
        file = RecordingFile(path, served.request, source=source, probe=name)
        for at, data in served.writes:
            file.data(max(0.0, at - pair.started), data)
        ended = served.ended_at if served.left_at is None else served.left_at
        file.end(max(0.0, (ended or served.at) - pair.started), Ending.EOF if served.left_at is None else Ending.RESET)


def _on_its_way(leaving: Leaving, received: int, served: Sequence[Served], at: float) -> bool:
    """Whether silence is what is to be left, and the gateway may still have had something to write.

    On a busy machine: a gateway that notices when it writes would be taken for one that watches.
    """
    if leaving.gap or (leaving.events and received >= AFTER):
        return False
    return any(when > at - SETTLED for each in served for when, _ in each.writes)


def _watch_of(left: Left) -> Watch:
    """What the upstream saw of a leaving, as a recording keeps it."""
    if not left.reached or left.problem:
        return Watch(observer="", how=left.problem or "the request had not reached the upstream when its client left")
    how = f"the upstream behind the gateway saw {left.seen_as or 'no end'}: {left.says}"
    by = left.deadline if left.seen is None else left.seen
    return Watch(observer="journal", how=how, stopped=left.seen is not None, by=by, since=by, produced=left.sent_after)
