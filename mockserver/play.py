"""Plays an answer on the connection of a request. The only place that waits or sends; knows no protocol and no fault.

The bytes are those of `encoder.on_the_wire`, the same as in memory: the server library adds no header of its own,
corrects nothing, and is only told afterwards whether the connection lives on.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace

from aiohttp import HttpVersion11, web

from conformance.wire import encoder
from conformance.wire.http import ResponseReader
from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait, body

from .flow import Flow
from .journal import Entry
from .turns import Turns

Sleep = Callable[[float], Awaitable[object]]
Carry = Callable[[Iterable[Act]], Iterable[Act]]
Gate = AbstractAsyncContextManager[object]
OPEN: Gate = nullcontext()

DELIVERY = 0.02
"""Seconds for the last bytes to reach the client before a reset overtakes them."""
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER on, for zero seconds: closing sends RST."""


class Played(web.StreamResponse):
    """Tells aiohttp that the answer has been sent, and whether the connection may carry another request."""

    def __init__(self, *, keep: bool) -> None:
        super().__init__()
        self._keep = keep

    @property
    def keep_alive(self) -> bool:
        """Whether another request is read from this connection."""
        return self._keep

    async def prepare(self, request: web.BaseRequest) -> None:
        """The head has been sent already."""

    async def write_eof(self, data: bytes = b"") -> None:
        """So has the body."""


async def play(
    request: web.BaseRequest,
    answer: Answer,
    entry: Entry,
    sleep: Sleep,
    *,
    carry: Carry = iter,
    gate: Gate = OPEN,
    goes_on: Callable[[], bool] = bool,
    clock: Callable[[], float] = float,
    turns: Turns | None = None,
    script: Iterable[Act] | None = None,
    coalesce: bool = False,
) -> Played:
    """Send an answer, act by act, one write per event. Raises ConnectionError when the client has gone.

    `script` is the whole response, where it has been made before. With `turns` nothing interferes, and it goes by the
    real clock; `coalesce` is whether all that is due goes out in one write. Else it is played slowly: `carry` may
    change how the acts are handed over, and `gate` is passed by every write. Where a write finds nobody there,
    `goes_on` is whether the rest is made all the same, for nobody. `clock` is the journal's.
    """
    answer = for_this_client(request, answer)
    entry.status = answer.status
    in_body = answer.framing is Framing.RAW
    script = encoder.one_by_one(answer) if script is None else script
    if turns is not None:
        flow = Flow(request, entry, turns, clock, coalesce=coalesce)
        if await flow.through(script, in_body=in_body):
            entry.ended = True
            return Played(keep=flow.said and _stays_open(answer))
        await _reset(request)
        entry.ended = True
        return Played(keep=False)
    counted = said = False
    for act in carry(script):
        match act:
            case Send(data):
                head_alone = not said and data.endswith(b"\r\n\r\n")
                event = in_body and not head_alone and data != encoder.LAST_CHUNK
                entry.produced += event and not counted
                if await _reaches(request, data, entry, gate, goes_on):
                    entry.sent += len(data)
                    if event:
                        entry.wrote(clock())
                said = in_body = True
                if request.method == "HEAD":
                    break
            case Wait(seconds, makes):
                await sleep(seconds)
                counted = counted or makes is not None
                entry.produced += makes or 0
            case Reset():
                await _reset(request)
                entry.ended = True
                return Played(keep=False)
    entry.ended = True
    return Played(keep=said and _stays_open(answer))


async def _reaches(
    request: web.BaseRequest, data: bytes, entry: Entry, gate: Gate, goes_on: Callable[[], bool]
) -> bool:
    """Whether the bytes could be handed over."""
    if not entry.left:
        try:
            async with gate:
                await send(request, data)
        except ConnectionError:
            if not goes_on():
                raise
        else:
            return True
    if not goes_on():
        raise ConnectionResetError("the client has gone")
    return False


async def send(request: web.BaseRequest, data: bytes) -> None:
    """Hand the bytes to the kernel, and let others have their turn."""
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=0)  # so that drain waits until everything is handed over
    await request.writer.write(data)
    await request.writer.drain()
    await asyncio.sleep(0)


async def _reset(request: web.BaseRequest) -> None:
    await asyncio.sleep(DELIVERY)
    tear(request.transport)


def tear(transport: asyncio.Transport | None) -> None:
    """Drop a connection by RST."""
    if transport is None:
        return
    if (sock := transport.get_extra_info("socket")) is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    transport.abort()


def for_this_client(request: web.BaseRequest, answer: Answer) -> Answer:
    """HTTP/1.0 knows no chunks; a client that wants the connection closed is told that it will be."""
    if request.version < HttpVersion11 and answer.framing is Framing.CHUNKED:
        return replace(answer, framing=Framing.CLOSE)
    if not request.keep_alive and answer.framing in (Framing.CHUNKED, Framing.LENGTH) and not _says_close(answer):
        return replace(answer, headers=(*answer.headers, ("connection", "close")))
    return answer


def _says_close(answer: Answer) -> bool:
    return any(name.lower() == "connection" and "close" in value.lower() for name, value in answer.headers)


def _stays_open(answer: Answer) -> bool:
    """Whether the connection lives on: as the answer says, unless it is a server that hangs up."""
    if answer.hangs_up or answer.framing is Framing.CLOSE or _says_close(answer):
        return False
    if answer.framing is not Framing.RAW:
        return True
    reader = ResponseReader()
    reader.feed(body(answer.acts))
    return reader.transport().reusable
