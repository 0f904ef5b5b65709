"""The body of a request, read as far as it may be long. Knows nothing of what it says."""

from aiohttp import web

from conformance.wire.script import Answer

from . import answering

BODY_MAXIMUM = 8 * 1024 * 1024
"""Bytes of a request body; a longer one is answered 413."""


async def read(request: web.BaseRequest) -> bytes | Answer:
    """The body, or the refusal of a request whose body is not read to its end."""
    try:
        raw = await _read(request)
    except web.RequestPayloadError:
        return _unread(400, "The body of the request is not framed as HTTP/1.1 asks.")
    return raw if raw is not None else _unread(413, f"The body of the request is longer than {BODY_MAXIMUM} bytes.")


async def _read(request: web.BaseRequest) -> bytes | None:
    """The body of a request, None where it is too long."""
    if (request.content_length or 0) > BODY_MAXIMUM:
        return None
    if request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    raw = bytearray()
    while not request.content.at_eof():
        raw += await request.content.readany()
        if len(raw) > BODY_MAXIMUM:
            return None
    return bytes(raw)


def _unread(status: int, message: str) -> Answer:
    """A refusal after which nothing can follow."""
    return answering.refusal(status, message, headers=(("connection", "close"),))
