"""SSE events and HTTP/1.1 answers to bytes. The only place that writes framing."""

from collections.abc import Iterator
from http import HTTPStatus

from .script import Act, Answer, Framing, Reset, Script, Send, Wait, body

LAST_CHUNK = b"0\r\n\r\n"


def message(data: str) -> bytes:
    """One SSE event in the plainest form; text of several lines takes several data fields."""
    return b"".join(b"data: %s\n" % line.encode() for line in data.split("\n")) + b"\n"


def comment(text: str) -> bytes:
    """A comment line on its own, as heart-beats are written."""
    return b": %s\n\n" % text.encode()


def chunk(data: bytes) -> bytes:
    """One HTTP/1.1 chunk (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def head(answer: Answer) -> bytes:
    """Status line and headers, with the header that the framing needs."""
    try:
        reason = HTTPStatus(answer.status).phrase
    except ValueError:
        reason = ""
    headers = [*answer.headers]
    match answer.framing:
        case Framing.CHUNKED:
            headers.append(("transfer-encoding", "chunked"))
        case Framing.LENGTH:
            headers.append(("content-length", str(len(body(answer.acts)))))
        case Framing.CLOSE:
            headers.append(("connection", "close"))
    lines = [f"HTTP/1.1 {answer.status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def on_the_wire(answer: Answer) -> Script:
    """The whole response as acts, head and framing included."""
    return tuple(one_by_one(answer))


def one_by_one(answer: Answer) -> Iterator[Act]:
    """The same acts, each made when it is asked for."""
    yield from answer.before
    if answer.framing is Framing.RAW:
        yield from answer.played()
        return
    yield Send(head(answer))
    for act in answer.played():
        match act:
            case Send(data) if answer.framing is Framing.CHUNKED:
                if data:  # an empty chunk would end the body
                    yield Send(chunk(data))
            case Send() | Wait():
                yield act
            case Reset():
                yield act
                return
    if answer.framing is Framing.CHUNKED:
        yield Send(LAST_CHUNK)
