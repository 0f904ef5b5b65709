"""Plays an answer on the connection of a request. The only place that waits or sends; knows no protocol and no fault.

The bytes are those of `encoder.on_the_wire`, the same as in memory: the server library adds no header of its own,
corrects nothing, and is only told afterwards whether the connection lives on.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import HttpVersion11, web

from conformance.wire import encoder
from conformance.wire.http import ResponseReader
from conformance.wire.script import Answer, Framing, Reset, Script, Send, Wait, body

from .journal import Entry

Sleep = Callable[[float], Awaitable[object]]

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


async def play(request: web.BaseRequest, answer: Answer, entry: Entry, sleep: Sleep) -> Played:
    """Send an answer, act by act, one write per event. Raises ConnectionError when the client has gone."""
    answer = _for_this_client(request, answer)
    script = encoder.on_the_wire(answer)
    if request.method == "HEAD":
        script = script[:1]
    last = len(script) - (answer.framing is Framing.CHUNKED)
    entry.status = answer.status
    for position, act in enumerate(script):
        match act:
            case Send(data):
                await _send(request, data)
                entry.sent += len(data)
                entry.events += position < last and (position > 0 or answer.framing is Framing.RAW)
            case Wait(seconds):
                await sleep(seconds)
            case Reset():
                await _reset(request)
                break
    entry.ended = True
    return Played(keep=_stays_open(answer, script))


async def _send(request: web.BaseRequest, data: bytes) -> None:
    """Hand the bytes to the kernel, and let others have their turn."""
    if request.transport is not None:
        request.transport.set_write_buffer_limits(high=0)  # so that drain waits until everything is handed over
    await request.writer.write(data)
    await request.writer.drain()
    await asyncio.sleep(0)


async def _reset(request: web.BaseRequest) -> None:
    await asyncio.sleep(DELIVERY)
    transport = request.transport
    if transport is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        transport.abort()


def _for_this_client(request: web.BaseRequest, answer: Answer) -> Answer:
    """HTTP/1.0 knows no chunks; a client that wants the connection closed is told that it will be."""
    if request.version < HttpVersion11 and answer.framing is Framing.CHUNKED:
        return replace(answer, framing=Framing.CLOSE)
    if not request.keep_alive and answer.framing in (Framing.CHUNKED, Framing.LENGTH) and not _says_close(answer):
        return replace(answer, headers=(*answer.headers, ("connection", "close")))
    return answer


def _says_close(answer: Answer) -> bool:
    return any(name.lower() == "connection" and "close" in value.lower() for name, value in answer.headers)


def _stays_open(answer: Answer, script: Script) -> bool:
    """Whether the connection lives on: as the answer says, unless it is a server that hangs up."""
    if answer.hangs_up or answer.framing is Framing.CLOSE or _says_close(answer) or Reset() in script:
        return False
    if answer.framing is not Framing.RAW:
        return True
    reader = ResponseReader()
    reader.feed(body(script))
    return reader.transport().reusable
