"""Answers that refuse, err or are framed wrongly: what servers in trouble and what stands before them do.

Those that break off or go silent are in `cuts`. Knows no client.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from conformance.protocols.chat.emitter import DONE
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send

from . import cuts
from .case import Case
from .cuts import TEXT, trouble
from .streams import WORDS, answer_of, chunk, document, of_chunks, says

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
    yield from cuts.cases()
    yield from _refusals()
    yield from _errors()
    yield from _others()


def _refusals() -> Iterator[Case]:
    for status, kind in STATUSES.items():
        error = {"error": {**ERROR, "type": kind, "message": f"This is a {status}."}}
        yield trouble(f"status/{status}", f"status {status} with an error object", document(status, error))
    yield trouble("status/500-empty", "status 500 and nothing else", _page(500, b""))
    for status in (404, 502, 503):
        yield trouble(f"status/{status}-page", f"status {status} with an HTML page", _page(status, PAGE))
    yield trouble("status/500-stream", "status 500 with a stream", replace(TEXT.answer, status=500))
    yield trouble("status/400-detail", "status 400 with `detail`", document(400, {"detail": "no"}))
    yield trouble(
        "status/200-error", "status 200 with an error object", document(200, {"error": ERROR}), authority="clients"
    )
    yield trouble("status/200-page", "status 200 with an HTML page", _page(200, PAGE), authority="clients")
    yield trouble("status/200-empty", "status 200 and nothing else", replace(TEXT.answer, acts=()), authority="openai")
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": "mock",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"}],
    }
    yield trouble("status/200-document", "a whole completion in the place of a stream", document(200, completion),
                authority="openai")  # fmt: skip
    yield trouble(
        "status/204",
        "status 204",
        Answer(204, (), (Send(b"HTTP/1.1 204 No Content\r\n\r\n"),), Framing.RAW),
        authority="http",
    )


def _page(status: int, page: bytes) -> Answer:
    return Answer(status, (("content-type", "text/html; charset=utf-8"),), (Send(page),), Framing.LENGTH)


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
                yield trouble(f"error/{name}/{place}{end}", f"{explanation}, {place.replace('-', ' ')}",
                            replace(TEXT.answer, acts=acts), authority=authority)  # fmt: skip


def _others() -> Iterator[Case]:
    good = TEXT.answer
    more = encoder.message(chunk(says({"content": "AFTERWARDS"})))
    yield trouble(
        "after-done/text", "text after [DONE]", replace(good, acts=(*good.acts, Send(more))), authority="openai"
    )
    yield trouble("after-done/again", "[DONE] a second time",
                replace(good, acts=(*good.acts, Send(encoder.message(DONE)))), authority="openai")  # fmt: skip
    yield trouble("only-done", "[DONE] and nothing else", answer_of([DONE]), authority="openai")
    head = encoder.head(good)
    chunks = [Send(encoder.chunk(act.data)) for act in good.acts if isinstance(act, Send)]
    last = Send(encoder.LAST_CHUNK)
    yield trouble("framing/last-chunk-early", "the last chunk comes early, and more after it",
                Answer(200, (), (Send(head), *chunks[:3], last, *chunks[3:], last), Framing.RAW))  # fmt: skip
    yield trouble("framing/garbage-behind", "bytes that are no HTTP behind the last chunk",
                Answer(200, (), (Send(head), *chunks, last, Send(b"garbage\x00\xff")), Framing.RAW))  # fmt: skip
    hints = Send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n")
    yield trouble("framing/early-hints", "a response 103 before the real one: some clients take it for that",
                Answer(200, (), (hints, Send(head), *chunks, last), Framing.RAW))  # fmt: skip
    body = b"".join(act.data for act in good.acts if isinstance(act, Send))
    short = encoder.head(replace(good, headers=(*good.headers, ("content-length", str(len(body) // 2))),
                                 framing=Framing.RAW))  # fmt: skip
    yield trouble("framing/length-too-short", "Content-Length is less than what comes",
                Answer(200, (), (Send(short), Send(body)), Framing.RAW))  # fmt: skip
    lines = [json.loads(act.data[6:]) for act in good.acts[:-1] if isinstance(act, Send)]
    unlabelled = "".join(json.dumps(line) + "\n" for line in lines).encode()
    yield trouble("format/json-lines", "lines of JSON in the place of events",
                replace(good, acts=(Send(unlabelled),)), authority="sse")  # fmt: skip
    yield trouble("format/one-line-end", "events with one line end between them",
                replace(good, acts=(Send(body.replace(b"\n\n", b"\n")),)), authority="sse")  # fmt: skip
    bad = of_chunks(chunk(says({"role": "assistant", "content": "Gr"})), chunk(says({"content": "XX"})),
                    chunk(says({"content": "e"}, "stop")))  # fmt: skip
    raw = b"".join(act.data for act in bad.answer.acts if isinstance(act, Send)).replace(b"XX", b"\xfc\xdf")
    yield trouble("encoding/latin", "bytes of another charset", replace(bad.answer, acts=(Send(raw),)), bad, "sse")
