"""Answers that break off, go silent or refuse: what networks, proxies and servers in trouble do. Knows no client.

A cut is a place in the stream and a way to end there; every place is tried in every way.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat.emitter import DONE
from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Reset, Script, Send, Wait

from .case import STALL, Case
from .streams import TOOL, WORDS, Stream, answer_of, chunk, of_chunks, says, text_of

TEXT = text_of(*WORDS)
CLOSE = ("connection", "close")
SPARE = 500
"""Bytes that a Content-Length promises beyond those that come."""
ERROR = {"message": "The server had an error.", "type": "server_error", "param": None, "code": None}
STATUSES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
    529: "overloaded_error",
}
PAGE = b"<!doctype html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


def cases() -> Iterator[Case]:
    """Every cut, silence, refusal and error."""
    yield from _cuts()
    yield from _silences()
    yield from _refusals()
    yield from _errors()
    yield from _others()


def _case(name: str, explanation: str, played: Answer, stream: Stream = TEXT, authority: str = "http") -> Case:
    return Case(
        id=f"transport/{name}",
        says=explanation,
        request=stream.request,
        good=stream.answer,
        played=played,
        authority=authority,
    )


# -- places ------------------------------------------------------------------------------------------------------


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


# -- ways to end -------------------------------------------------------------------------------------------------


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
                    yield _case(f"{kind}/{name}/{place}", says_it, way(stream.answer, size), stream)


# -- silences ----------------------------------------------------------------------------------------------------


def silent_at(answer: Answer, size: int) -> Answer:
    """The server says no more, and keeps the connection."""
    return replace(answer, acts=(*up_to(answer, size), Wait(STALL)))


SILENT = ("after-the-head", "after-the-role", "inside-the-text", "before-the-finish", "before-done", "after-done")


def _silences() -> Iterator[Case]:
    good = TEXT.answer
    yield _case("silence/before-the-head", "the server never answers", replace(good, before=(Wait(STALL),)))
    for place, size in places(good).items():
        if place in SILENT:
            yield _case(f"silence/{place}", f"the server goes silent {place.replace('-', ' ')}", silent_at(good, size))
    size = places(good)["before-done"]
    lasting = tuple(act for _ in range(3) for act in (Wait(0.1), Send(encoder.comment("ping"))))
    yield _case(
        "silence/pings-before-done",
        "[DONE] does not come, pings do, and then nothing",
        replace(good, acts=(*up_to(good, size), *lasting, Wait(STALL))),
    )


# -- refusals ----------------------------------------------------------------------------------------------------


def _refusals() -> Iterator[Case]:
    for status, kind in STATUSES.items():
        error = {"error": {**ERROR, "type": kind, "message": f"This is a {status}."}}
        yield _case(f"status/{status}", f"status {status} with an error object", _json(status, error))
    yield _case("status/500-empty", "status 500 and nothing else", _page(500, b""))
    for status in (404, 502, 503):
        yield _case(f"status/{status}-page", f"status {status} with an HTML page", _page(status, PAGE))
    yield _case("status/500-stream", "status 500 with a stream", replace(TEXT.answer, status=500))
    yield _case("status/400-detail", "status 400 with `detail`", _json(400, {"detail": "no"}))
    yield _case(
        "status/200-error", "status 200 with an error object", _json(200, {"error": ERROR}), authority="clients"
    )
    yield _case("status/200-page", "status 200 with an HTML page", _page(200, PAGE), authority="clients")
    yield _case("status/200-empty", "status 200 and nothing else", replace(TEXT.answer, acts=()), authority="openai")
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"}],
    }
    yield _case("status/200-document", "a whole completion in the place of a stream", _json(200, document),
                authority="openai")  # fmt: skip
    yield _case(
        "status/204",
        "status 204",
        Answer(204, (), (Send(b"HTTP/1.1 204 No Content\r\n\r\n"),), Framing.RAW),
        authority="http",
    )


def _json(status: int, value: object) -> Answer:
    headers = (("content-type", "application/json"),)
    return Answer(status, headers, (Send(json.dumps(value).encode()),), Framing.LENGTH)


def _page(status: int, page: bytes) -> Answer:
    return Answer(status, (("content-type", "text/html; charset=utf-8"),), (Send(page),), Framing.LENGTH)


# -- errors ------------------------------------------------------------------------------------------------------

TOLD = {
    "object": (encoder.message(json.dumps({"error": ERROR})), "an error object", "clients"),
    "text": (encoder.message(json.dumps({"error": "overloaded"})), "`error` is a text", "clients"),
    "named": (b"event: error\n" + encoder.message(json.dumps({"error": ERROR})), "an error object under `event: error`",
              "clients"),
    "named-bare": (b"event: error\n" + encoder.message(json.dumps({"message": "overloaded", "code": 500})),
                   "`event: error` and no error object", "clients"),
    "object-is-error": (encoder.message(json.dumps({"object": "error", "message": "no", "code": 500})),
                        "an object called error, as vLLM sent it", "clients"),
    "detail": (encoder.message(json.dumps({"detail": "no"})), "`detail`, as FastAPI has it", "clients"),
    "field": (b"error: " + json.dumps({"code": 500, "message": "no"}).encode() + b"\n\n",
              "a field `error` in the place of data", "clients"),
}  # fmt: skip


def _errors() -> Iterator[Case]:
    pieces = TEXT.answer.acts
    done = encoder.message(DONE)
    for name, (event, explanation, authority) in TOLD.items():
        for place, before in (("first", 0), ("in-the-middle", 3)):
            for end, more in (("", b""), ("-then-done", done)):
                acts = (*pieces[:before], Send(event), *((Send(more),) if more else ()))
                yield _case(f"error/{name}/{place}{end}", f"{explanation}, {place.replace('-', ' ')}",
                            replace(TEXT.answer, acts=acts), authority=authority)  # fmt: skip


def _others() -> Iterator[Case]:
    good = TEXT.answer
    more = encoder.message(chunk(says({"content": "AFTERWARDS"})))
    yield _case(
        "after-done/text", "text after [DONE]", replace(good, acts=(*good.acts, Send(more))), authority="openai"
    )
    yield _case("after-done/again", "[DONE] a second time",
                replace(good, acts=(*good.acts, Send(encoder.message(DONE)))), authority="openai")  # fmt: skip
    yield _case("only-done", "[DONE] and nothing else", answer_of([DONE]), authority="openai")
    head = encoder.head(good)
    chunks = [Send(encoder.chunk(act.data)) for act in good.acts if isinstance(act, Send)]
    last = Send(encoder.LAST_CHUNK)
    yield _case("framing/last-chunk-early", "the last chunk comes early, and more after it",
                Answer(200, (), (Send(head), *chunks[:3], last, *chunks[3:], last), Framing.RAW))  # fmt: skip
    yield _case("framing/garbage-behind", "bytes that are no HTTP behind the last chunk",
                Answer(200, (), (Send(head), *chunks, last, Send(b"garbage\x00\xff")), Framing.RAW))  # fmt: skip
    hints = Send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n")
    yield _case("framing/early-hints", "a response 103 before the real one: some clients take it for that",
                Answer(200, (), (hints, Send(head), *chunks, last), Framing.RAW))  # fmt: skip
    body = b"".join(act.data for act in good.acts if isinstance(act, Send))
    short = encoder.head(replace(good, headers=(*good.headers, ("content-length", str(len(body) // 2))),
                                 framing=Framing.RAW))  # fmt: skip
    yield _case("framing/length-too-short", "Content-Length is less than what comes",
                Answer(200, (), (Send(short), Send(body)), Framing.RAW))  # fmt: skip
    lines = [json.loads(act.data[6:]) for act in good.acts[:-1] if isinstance(act, Send)]
    unlabelled = "".join(json.dumps(line) + "\n" for line in lines).encode()
    yield _case("format/json-lines", "lines of JSON in the place of events",
                replace(good, acts=(Send(unlabelled),)), authority="sse")  # fmt: skip
    yield _case("format/one-line-end", "events with one line end between them",
                replace(good, acts=(Send(body.replace(b"\n\n", b"\n")),)), authority="sse")  # fmt: skip
    bad = of_chunks(chunk(says({"role": "assistant", "content": "Gr"})), chunk(says({"content": "XX"})),
                    chunk(says({"content": "e"}, "stop")))  # fmt: skip
    raw = b"".join(act.data for act in bad.answer.acts if isinstance(act, Send)).replace(b"XX", b"\xfc\xdf")
    yield _case("encoding/latin", "bytes of another charset", replace(bad.answer, acts=(Send(raw),)), bad, "sse")
