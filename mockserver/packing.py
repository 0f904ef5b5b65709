"""Streams compressed as they are made: what comes of each event is flushed. Knows no socket."""

import zlib
from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.exchange import Request
from conformance.wire.script import Act, Answer, Framing, Send

GZIP = 16 + zlib.MAX_WBITS


def packed(answer: Answer, request: Request) -> Answer:
    """The answer with its stream in gzip, where the client takes that; else as it is."""
    taken = (request.header("accept-encoding") or "").lower().replace(" ", "").split(",")
    is_stream = answer.framing in (Framing.CHUNKED, Framing.CLOSE)
    if not is_stream or not {"gzip", "*"} & {part.removesuffix(";q=1") for part in taken}:
        return answer
    headers = (*answer.headers, ("content-encoding", "gzip"), ("vary", "accept-encoding"))
    return replace(answer, headers=headers, acts=(), told=lambda: _packed(answer))


def _packed(answer: Answer) -> Iterator[Act]:
    packer = zlib.compressobj(wbits=GZIP)
    for act in answer.played():
        yield Send(packer.compress(act.data) + packer.flush(zlib.Z_SYNC_FLUSH)) if isinstance(act, Send) else act
    yield Send(packer.flush())
