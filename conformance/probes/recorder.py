"""One exchange on one connection: a request goes out, the bytes of the answer are kept with their times.

Whatever the peer does is part of the exchange and raises nothing. Follows no redirect, tries nothing twice. Knows no
probe and no file.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader

from .connection import By, Connection
from .endpoint import Endpoint, Limits
from .intake import Budget, Intake, Sink, State
from .sending import bytes_of, recorded
from .way import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """When and how we leave before the response is over; what comes first counts."""

    messages: int | None = None
    """After so many messages; those that came in the same read are kept."""
    seconds: float | None = None
    """After so long; 0 is before the head."""
    when: Callable[[ExchangeReader], bool] | None = None
    """As soon as this is true of what has come."""
    idle: float = 0.0
    """Seconds for which nothing is read before leaving: the server's writes come to a halt. With HALF all is read."""
    by: By = By.FIN
    """HALF reads on for `idle` seconds at the most, until the server ends the response or the connection."""


def head_came(reader: ExchangeReader) -> bool:
    """The response head is here."""
    return reader.head is not None


def done_came(reader: ExchangeReader) -> bool:
    """The terminator of the stream is here."""
    return bool(reader.steps) and reader.steps[-1].kind is Kind.TERMINATOR


async def record(
    connection: Connection,
    endpoint: Endpoint,
    request: Request,
    *,
    with_key: bool = True,
    way: Way = Way.WHOLE,
    leave: Leave | None = None,
    sink: Sink | None = None,
    budget: Budget | None = None,
    reused: bool = False,
    probe: str = "",
    source: str = "",
    beside: Exchange | None = None,
) -> Exchange:
    """Send a request and read its answer. The connection is not closed, unless by `leave`.

    `reused` says that the connection served a request before. When the peer then closes it without a byte of an
    answer, it had closed it already: that reads as a reset, however the end of the connection shows.
    """
    limits = endpoint.limits
    reader = ExchangeReader(recorded(request, endpoint, with_key=with_key, way=way))
    intake = Intake(
        reader,
        limits,
        key=endpoint.key,
        sink=sink,
        budget=budget or Budget(limits),
        wanted=leave.messages if leave else None,
        enough=leave.when if leave else None,
    )
    by = leave.by if leave else By.FIN
    start = connection.clock()
    sent = bytes_of(request, endpoint, with_key=with_key, way=way)
    ending, at = Ending.LEFT, None
    try:
        for piece in [sent[i : i + 1] for i in range(len(sent))] if way is Way.BYTES else [sent]:
            connection.send(piece)
            await asyncio.sleep(0)  # so that each is a segment, and what comes meanwhile is stamped
        ending, at = await _read(connection, intake, limits, leave, start)
        if leave is not None and ending is Ending.LEFT and (leave.idle or by is By.HALF):
            at = await _stay(connection, intake, limits, leave, start)
        if reused and ending is Ending.EOF and intake.empty:
            ending = Ending.RESET
    finally:  # also when we are cancelled: that, too, is leaving
        if at is None:
            at = max(0.0, connection.clock() - start)
        if ending is Ending.LEFT:
            connection.leave(By.FIN if by is By.HALF else by)
        if sink is not None:
            sink.end(at, ending, by.value)
    left_by = by.value if ending is Ending.LEFT else ""
    return reader.close(ending, at, probe=probe, source=source, beside=beside, left_by=left_by)


def not_sent(
    endpoint: Endpoint,
    request: Request,
    *,
    with_key: bool = True,
    way: Way = Way.WHOLE,
    sink: Sink | None = None,
    probe: str = "",
    source: str = "",
    beside: Exchange | None = None,
) -> Exchange:
    """The exchange of a request for which there was no connection."""
    if sink is not None:
        sink.end(0.0, Ending.RESET)
    reader = ExchangeReader(recorded(request, endpoint, with_key=with_key, way=way))
    return reader.close(Ending.RESET, 0.0, probe=probe, source=source, beside=beside)


async def _read(
    connection: Connection, intake: Intake, limits: Limits, leave: Leave | None, start: float
) -> tuple[Ending, float]:
    """Read to the end of the response, whatever end that is; give it and the seconds since the request."""
    end = start + limits.exchange_s
    away = start + leave.seconds if leave and leave.seconds is not None else float("inf")
    while True:
        until = min(away, end if intake.reader.head is not None else min(end, start + limits.head_s))
        due = float("inf") if intake.kept_at is None else start + intake.kept_at + limits.linger_s
        now, came = await connection.receive(min(until, due))
        at = max(0.0, now - start)
        if isinstance(came, bytes):
            state = intake.feed(at, came, connection.late)
        else:
            state = intake.rest()
            if came is not Ending.TIMEOUT or now >= until:
                return (Ending.LEFT if came is Ending.TIMEOUT and now >= away else came), at
        match state:
            case State.SEEN:
                return Ending.LEFT, at
            case State.FULL:
                return Ending.CUT, at
            case State.OVER:
                return await _linger(connection, intake, limits, start, at)
        if (now := connection.clock()) >= end:
            return Ending.TIMEOUT, max(0.0, now - start)


async def _stay(connection: Connection, intake: Intake, limits: Limits, leave: Leave, start: float) -> float:
    """What a client does that has come to where it leaves and does not leave at once; gives when it goes."""
    if leave.by is By.HALF:
        connection.leave(By.HALF)
        if intake.go_on() is not State.OPEN:
            return max(0.0, connection.clock() - start)
        _, at = await _read(connection, intake, limits, Leave(seconds=connection.clock() - start + leave.idle), start)
        return at
    connection.stop_reading()
    await asyncio.sleep(leave.idle)
    return max(0.0, connection.clock() - start)


async def _linger(
    connection: Connection, intake: Intake, limits: Limits, start: float, at: float
) -> tuple[Ending, float]:
    """The response is over: listen for bytes that should not be there, and for how the connection ends."""
    until = start + at + limits.linger_s
    while True:
        now, came = await connection.receive(until)
        if isinstance(came, Ending):
            intake.rest()
            return (Ending.RESET if came is Ending.RESET else Ending.EOF), at
        at = max(at, now - start)
        if intake.feed(at, came, connection.late) is State.FULL or now >= until:
            return Ending.EOF, at
