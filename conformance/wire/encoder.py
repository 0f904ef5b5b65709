"""SSE events and HTTP/1.1 answers to bytes. The only place that writes framing."""

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
    if answer.framing is Framing.RAW:
        return answer.acts
    acts: list[Act] = [Send(head(answer))]
    for act in answer.acts:
        match act:
            case Send(data) if answer.framing is Framing.CHUNKED:
                if data:  # an empty chunk would end the body
                    acts.append(Send(chunk(data)))
            case Send() | Wait():
                acts.append(act)
            case Reset():
                return (*acts, act)
    if answer.framing is Framing.CHUNKED:
        acts.append(Send(LAST_CHUNK))
    return tuple(acts)
