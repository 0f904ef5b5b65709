"""Requests that are worked on, and what a server does when the client of one of them leaves.

What a request says and how its answer is written are not its business. Without a behaviour everything stops at once,
and nobody else is touched.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from aiohttp import web

from conformance.protocols.exchange import Request
from conformance.rules.behaviour import Behaviour, Moment, Overflow, Stops
from conformance.wire.script import Act, Answer, Framing, Reset, Script, Send

from . import answering, carrying, packing
from .journal import Entry, Journal
from .play import OPEN, Played, Sleep, play, tear
from .reception import left_by
from .slots import Slots
from .telling import Telling
from .turns import Turns

SMALL = 4096
"""Bytes that the system may hold for a client of a server that stalls, so that it is soon noticed."""
RETRY = (("retry-after", "1"),)
BUSY = "All slots are taken; try again later."
FAILED = "The server had an error while processing your request."
NOBODY = Answer(200, (), (), Framing.RAW)
"""What is answered where nothing is: the connection is closed."""


@dataclass(slots=True)
class Workshop:
    """What the requests of one server share."""

    journal: Journal
    capacity: int = 0
    overflow: Overflow = Overflow.QUEUE
    slots: Slots = field(default_factory=Slots)
    works: list["Work"] = field(default_factory=list)
    """What is worked on, the oldest first."""
    leaks: int = 0
    departed: int = 0
    """Clients that have left a server that minds."""
    residue: Iterator[bytes] = field(default_factory=lambda: iter(()))
    """What the one who left would have been told next."""
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)
    turns: Turns = field(default_factory=Turns)
    coalesce: bool = False
    """All that is due goes out in one write."""

    def counts(self) -> tuple[int, int]:
        """Requests that are counted as worked on, and those that wait for their turn."""
        return len(self.works) + self.leaks, self.slots.waiting

    def capacity_of(self, behaviour: Behaviour | None) -> int:
        """Requests that are worked on at the same time by a server of this behaviour."""
        return (behaviour.capacity if behaviour is not None else 0) or self.capacity

    def tellings(self) -> Iterator[Telling]:
        """The bodies that are being told, the oldest first."""
        return (work.telling for work in self.works if work.telling is not None)


class Work:
    """One request, from its turn to its end. It may outlive the client."""

    def __init__(self, shop: Workshop, entry: Entry) -> None:
        self.entry = entry
        self.telling: Telling | None = None
        self._shop = shop
        self._behaviour: Behaviour | None = None
        self._packs: Request | None = None
        self._heeded = False
        """The behaviour concerns the way in which the client left."""
        self.script: Script | None = None
        """The whole response, where it has been made before."""
        self._killed = False
        self._stopped = False
        self._connection: asyncio.Transport | None = None
        self._task: asyncio.Task[Any] | None = None

    def pack_for(self, asked: Request) -> None:
        """Compress the answer to this request, where it says that this may be."""
        self._packs = asked

    def live_by(self, behaviour: Behaviour, asked: Request) -> None:
        """Do as this behaviour says, where it concerns such requests."""
        self._behaviour = behaviour if behaviour.when(asked) else None

    @property
    def may_outlive(self) -> bool:
        """Whether the work may go on when the client has left."""
        return self._behaviour is not None

    def start(self, request: web.BaseRequest, answer: Answer, sleep: Sleep) -> asyncio.Task[Played]:
        """Do the work for a client on this connection. The task raises what `play` raises."""
        self._connection = request.transport
        task = self._task = asyncio.create_task(self._run(request, answer, sleep))
        if self._stopped:
            task.cancel()
        return task

    async def run(self, request: web.BaseRequest, answer: Answer, sleep: Sleep) -> Played:
        """The same in the task that handles the request, and ends with the client."""
        self._connection = request.transport
        self._task = asyncio.current_task()
        if self._stopped:
            raise ConnectionResetError("the client has gone")
        return await self._run(request, answer, sleep)

    def leave(self, by: str) -> None:
        """The client has left, by "fin" or "rst"."""
        entry, shop, behaviour = self.entry, self._shop, self._behaviour
        if entry.left or entry.ended or self._killed:
            return
        entry.left, entry.left_by, entry.left_at = True, by, shop.journal.clock()
        entry.produced_at_leave = entry.produced
        self._heeded = behaviour is not None and behaviour.only_by in ("", by) and self._moment() in behaviour.moments
        if behaviour is None or not self._heeded:
            self._stop()
            return
        self._disturb(behaviour)
        match behaviour.stops:
            case Stops.AT_ONCE:
                self._stop()
            case Stops.LATE:
                asyncio.get_running_loop().call_later(behaviour.seconds, self._stop)

    def goes_on(self, by: str) -> bool:
        """Asked when nobody is there to write to: whether the answer is made to its end."""
        self.leave(by)
        return self._heeded and self._behaviour is not None and self._behaviour.stops in (Stops.NEVER, Stops.LATE)

    def kill(self) -> None:
        """Break off, though the client is there."""
        self._killed = True
        tear(self._connection)
        self._stop()

    def _moment(self) -> Moment:
        if not self.entry.sent:
            return Moment.NO_HEAD
        return Moment.EVENTS if self.entry.events else Moment.HEAD

    def _stop(self) -> None:
        if self.entry.began is None:
            self.entry.stopped_at = self._shop.journal.clock()
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    def _disturb(self, behaviour: Behaviour) -> None:
        """What others have to bear when this client leaves."""
        shop = self._shop
        shop.departed += 1
        shop.leaks += behaviour.leaks
        if behaviour.residue and self.telling is not None:
            shop.residue = self.telling.coming()
        if behaviour.kills_neighbours:
            for other in shop.works:
                if other is not self and not other.entry.left:
                    other.kill()

    async def _run(self, request: web.BaseRequest, answer: Answer, sleep: Sleep) -> Played:
        shop, behaviour = self._shop, self._behaviour
        if behaviour is not None and 0 < behaviour.dies_after <= shop.departed:
            await asyncio.Event().wait()
        if answer.status != 200:
            return await play(request, answer, self.entry, sleep, clock=shop.journal.clock)
        capacity = shop.capacity_of(behaviour)
        overflow = shop.overflow
        if behaviour is not None and behaviour.overflow is not Overflow.QUEUE:
            overflow = behaviour.overflow
        if not shop.slots.free(capacity) and overflow not in (Overflow.QUEUE, Overflow.NEWEST):
            turned_away = _turned_away(answer, overflow)
            return await play(request, turned_away, self.entry, sleep, clock=shop.journal.clock)
        await shop.slots.take(capacity, newest=overflow is Overflow.NEWEST)
        self.entry.began = shop.journal.clock()
        shop.works.append(self)
        try:
            return await self._play(request, self._told(answer), sleep)
        finally:
            self.entry.stopped_at = shop.journal.clock()
            shop.works.remove(self)
            shop.slots.give()

    async def _play(self, request: web.BaseRequest, answer: Answer, sleep: Sleep) -> Played:
        behaviour, shop, entry = self._behaviour, self._shop, self.entry
        clock = shop.journal.clock
        packed = packing.packed(answer, self._packs) if self._packs is not None else answer
        if behaviour is None and sleep is asyncio.sleep:
            at_once = partial(play, turns=shop.turns, coalesce=shop.coalesce)
            return await at_once(request, packed, entry, sleep, clock=clock, script=self.script)
        gate = shop.gate if behaviour is not None and behaviour.stalls_on_slow else OPEN
        if gate is not OPEN and request.transport is not None:
            sock = request.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)

        def carry(acts: Iterable[Act]) -> Iterable[Act]:
            return acts if behaviour is None else carrying.carried(acts, behaviour)

        def goes_on() -> bool:
            return self.goes_on(left_by(request))

        slowly = partial(play, carry=carry, gate=gate, goes_on=goes_on)
        return await slowly(request, packed, entry, sleep, clock=clock, script=None if behaviour else self.script)

    def _told(self, answer: Answer) -> Answer:
        """The answer, with what slips in from others."""
        behaviour, shop = self._behaviour, self._shop
        if behaviour is None or answer.framing is not Framing.CHUNKED:
            return answer
        if not (behaviour.mixes or behaviour.mixes_events or behaviour.shares_ids or behaviour.residue):
            return answer
        self.telling = telling = Telling(answer.played(), behaviour, _Afresh(shop.tellings))
        if behaviour.residue:
            telling.instead, shop.residue = shop.residue, iter(())
        return replace(answer, acts=(), told=telling.__iter__)


class _Afresh:
    """Iterates over what a function gives, each time again."""

    def __init__(self, make: Callable[[], Iterator[Telling]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Telling]:
        return self._make()


def _turned_away(answer: Answer, overflow: Overflow) -> Answer:
    """What a request beyond the capacity gets that does not wait."""
    match overflow:
        case Overflow.CUT if answer.framing is Framing.CHUNKED:
            return replace(answer, acts=(), told=lambda: _cut(answer))
        case Overflow.CUT | Overflow.DROP:
            return NOBODY
        case Overflow.FAIL:
            return answering.refusal(500, FAILED, "server_error")
        case _:
            headers = () if overflow is Overflow.BARE else RETRY
            return answering.refusal(429, BUSY, "rate_limit_error", code="rate_limit_exceeded", headers=headers)


def _cut(answer: Answer) -> Iterator[Act]:
    """The acts up to the first event, and a reset."""
    for act in answer.played():
        yield act
        if isinstance(act, Send):
            break
    yield Reset()
