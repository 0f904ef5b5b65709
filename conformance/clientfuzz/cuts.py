"""Answers that break off or go silent, as networks and servers in trouble let them. Knows no client.

A cut is a place in the stream and a way to end there; every place is tried in every way.
"""

from collections.abc import Iterator
from dataclasses import replace

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Reset, Script, Send, Wait

from .case import STALL, Case
from .streams import TOOL, WORDS, Stream, text_of

TEXT = text_of(*WORDS)
CLOSE = ("connection", "close")
SPARE = 500
"""Bytes that a Content-Length promises beyond those that come."""


def cases() -> Iterator[Case]:
    """Every cut and every silence."""
    yield from _cuts()
    yield from _silences()


def trouble(name: str, explanation: str, played: Answer, stream: Stream = TEXT, authority: str = "http") -> Case:
    """A case of trouble on the way; the good answer is that of the stream."""
    return Case(
        id=f"transport/{name}",
        says=explanation,
        request=stream.request,
        good=stream.answer,
        played=played,
        authority=authority,
    )


def places(answer: Answer) -> dict[str, int]:
    """How many bytes of a body come before it ends, by the name of the place."""
    pieces = [act.data for act in answer.acts if isinstance(act, Send)]
    body = b"".join(pieces)
    starts = [sum(map(len, pieces[:number])) for number in range(len(pieces) + 1)]
    finish = next(at for at, piece in zip(starts, pieces, strict=False) if b'"finish_reason":"' in piece)
    found = {
        "after-the-head": 0,
        "inside-the-first-event": len(pieces[0]) // 2,
        "after-the-role": starts[1],
        "inside-the-text": starts[2] + len(pieces[2]) // 2,
        "after-some-text": starts[3],
        "before-the-finish": finish,
        "before-the-blank-line": finish + len(pieces[starts.index(finish)]) - 1,
        "before-done": len(body) - len(pieces[-1]),
        "inside-done": len(body) - len(pieces[-1]) + 8,
        "after-done": len(body),
    }
    inside = next((at for at, byte in enumerate(body) if byte >= 0xC0), None)
    return found if inside is None else {**found, "inside-a-character": inside + 1}


def up_to(answer: Answer, size: int) -> Script:
    """The acts that send the first bytes of a body."""
    acts: list[Act] = []
    for act in answer.acts:
        if size <= 0:
            break
        if isinstance(act, Send):
            acts.append(Send(act.data[:size]))
            size -= len(act.data)
        else:
            acts.append(act)
    return tuple(acts)


def ended_well(answer: Answer, size: int) -> Answer:
    """The server ends the body there in good order."""
    return replace(answer, acts=up_to(answer, size))


def by_closing(answer: Answer, size: int, *headers: tuple[str, str]) -> Answer:
    """The connection is closed without the last chunk."""
    whole = replace(answer, headers=(*answer.headers, *headers))
    chunks = (Send(encoder.chunk(act.data)) for act in up_to(answer, size) if isinstance(act, Send) and act.data)
    return Answer(200, (), (Send(encoder.head(whole)), *chunks), Framing.RAW)


def inside_a_chunk(answer: Answer, size: int) -> Answer:
    """The connection is closed within a chunk that promised more."""
    closed = by_closing(answer, size)
    last = closed.acts[-1]
    if len(closed.acts) == 1 or not isinstance(last, Send):
        return replace(closed, acts=(*closed.acts, Send(b"1f4\r\n")))
    data = last.data.split(b"\r\n", 1)[1].removesuffix(b"\r\n")
    return replace(closed, acts=(*closed.acts[:-1], Send(b"%x\r\n%s" % (len(data) + SPARE, data))))


def by_reset(answer: Answer, size: int, *headers: tuple[str, str]) -> Answer:
    """The connection is torn down."""
    closed = by_closing(answer, size, *headers)
    return replace(closed, acts=(*closed.acts, Reset()))


def too_short(answer: Answer, size: int) -> Answer:
    """A Content-Length that promises more."""
    sent = up_to(answer, size)
    promised = sum(len(act.data) for act in sent if isinstance(act, Send)) + SPARE
    head = encoder.head(replace(answer, headers=(*answer.headers, ("content-length", str(promised))),
                                framing=Framing.RAW))  # fmt: skip
    return Answer(200, (), (Send(head), *sent), Framing.RAW)


def unframed(answer: Answer, size: int) -> Answer:
    """The end of the connection is the end of the body, and comes there."""
    return replace(answer, acts=up_to(answer, size), framing=Framing.CLOSE)


WAYS = (
    ("ended", "the body ends in good order {}", ended_well),
    ("closed", "the connection is closed, without the last chunk, {}", by_closing),
    ("closed-as-told", "Connection: close, and closed without the last chunk {}",
     lambda answer, size: by_closing(answer, size, CLOSE)),
    ("inside-a-chunk", "the connection is closed within a chunk {}", inside_a_chunk),
    ("reset", "the connection is reset {}", by_reset),
    ("reset-as-told", "Connection: close, and reset {}", lambda answer, size: by_reset(answer, size, CLOSE)),
    ("length-too-long", "Content-Length promises more than comes: it ends {}", too_short),
    ("unframed", "a body without framing ends {}", unframed),
)  # fmt: skip
"""Name, what happens, and how."""


def _cuts() -> Iterator[Case]:
    for kind, stream in (("cut", TEXT), ("cut-of-tools", TOOL)):
        for place, size in places(stream.answer).items():
            for name, explanation, way in WAYS:
                whole = place == "after-done" and name in ("ended", "unframed")
                if not whole:
                    says_it = explanation.format(place.replace("-", " "))
                    yield trouble(f"{kind}/{name}/{place}", says_it, way(stream.answer, size), stream)


def silent_at(answer: Answer, size: int) -> Answer:
    """The server says no more, and keeps the connection."""
    return replace(answer, acts=(*up_to(answer, size), Wait(STALL)))


SILENT = ("after-the-head", "after-the-role", "inside-the-text", "before-the-finish", "before-done", "after-done")


def _silences() -> Iterator[Case]:
    good = TEXT.answer
    yield trouble("silence/before-the-head", "the server never answers", replace(good, before=(Wait(STALL),)))
    for place, size in places(good).items():
        if place in SILENT:
            yield trouble(
                f"silence/{place}", f"the server goes silent {place.replace('-', ' ')}", silent_at(good, size)
            )
    size = places(good)["before-done"]
    lasting = tuple(act for _ in range(3) for act in (Wait(0.1), Send(encoder.comment("ping"))))
    yield trouble(
        "silence/pings-before-done",
        "[DONE] does not come, pings do, and then nothing",
        replace(good, acts=(*up_to(good, size), *lasting, Wait(STALL))),
    )
