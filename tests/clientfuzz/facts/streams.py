"""The streams that facts about clients are about, byte by byte. Written by hand: nothing of the suite makes them."""

import json
from dataclasses import dataclass
from typing import Any

WAITED = 9.0
"""Seconds that a server says nothing: longer than the clients here are told to wait."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The server says nothing for WAITED seconds, then goes on with what follows."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The server tears the connection down, a moment after its last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One response, and what it means."""

    acts: tuple[bytes | Pause | Reset, ...]
    text: str = "Hello world"
    finish: str | None = "stop"
    calls: tuple[dict[str, str], ...] = ()
    stays: bool = False
    """The connection stays open for the next request."""


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def chunk(delta: Any, finish: str | None = None, **members: Any) -> dict[str, Any]:
    """A chunk as OpenAI sends it; `members` stand beside `choices`."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    document: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000}
    return document | {"model": "m", "choices": [choice]} | members


def without(member: str, document: dict[str, Any]) -> dict[str, Any]:
    """All but one member."""
    return {name: value for name, value in document.items() if name != member}


def sent(*messages: Any) -> bytes:
    """Messages as events: a value as JSON, bytes as they are."""
    return b"".join(
        one if isinstance(one, bytes) else b"data: " + json.dumps(one, ensure_ascii=False).encode() + b"\n\n"
        for one in messages
    )


def chunked(body: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    """A body in one chunk of HTTP, and what ends it."""
    return f"{len(body):x}\r\n".encode() + body + b"\r\n" + last


def whole(*messages: Any, head: bytes = HEAD, **meant: Any) -> Stream:
    """A response that HTTP calls complete."""
    acts = (head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(sent(*messages)),)
    return Stream(acts=acts, stays=True, **meant)


def whole_body(body: bytes, content_type: str = "application/json", **meant: Any) -> Stream:
    """A complete response that is no stream."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return Stream(acts=(head.encode() + body,), stays=True, **meant)


ROLE = chunk({"role": "assistant", "content": ""})
HELLO, WORLD = chunk({"content": "Hello"}), chunk({"content": " world"})
FINISH = chunk({}, "stop")
DONE = b"data: [DONE]\n\n"
GOOD = (ROLE, HELLO, WORLD, FINISH, DONE)


def cut(framing: bytes, *after: Reset, body: bytes = sent(ROLE, HELLO)) -> Stream:
    """An answer whose connection ends after its first word."""
    start = HEAD + framing + b"\r\n"
    data = chunked(body, last=b"") if b"chunked" in framing else body
    return Stream(acts=(start + data, *after))


def stalled(*messages: Any) -> Stream:
    """An answer that goes on after a silence."""
    start = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    body = sent(*messages)
    return Stream(acts=(start + f"{len(body):x}\r\n".encode() + body + b"\r\n", Pause(), b"0\r\n\r\n"))


def called(*fragments: Any, calls: tuple[dict[str, str], ...]) -> Stream:
    """An answer whose tool calls come in these fragments."""
    chunks = [chunk({"tool_calls": [fragment]}) for fragment in fragments]
    start = chunk({"role": "assistant", "content": None})
    return whole(start, *chunks, chunk({}, "tool_calls"), DONE, text="", finish="tool_calls", calls=calls)


def fragment(arguments: Any, index: int | None = 0, **function: Any) -> dict[str, Any]:
    """Part of a call; `id` and `type` go beside the function, None leaves the index out."""
    beside = {name: function.pop(name) for name in ("id", "type") if name in function}
    place = {} if index is None else {"index": index}
    return place | beside | {"function": function | {"arguments": arguments}}


def first(arguments: Any, index: int | None = 0, call: str = "call_a", name: str = "f") -> dict[str, Any]:
    """The first fragment of a call."""
    return fragment(arguments, index, id=call, type="function", name=name)


CALL = {"id": "call_a", "name": "f", "arguments": '{"a": 1}'}
OTHER = {"id": "call_b", "name": "f", "arguments": '{"b": 2}'}
USAGE = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
ERROR = {"message": "the engine died", "type": "server_error", "param": None, "code": None}
CHUNKED, CLOSING = b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"

STREAMS: dict[str, Stream] = {
    "good": whole(*GOOD),
    # ---- the end
    "no-done": whole(ROLE, HELLO, WORLD, FINISH),
    "no-finish": whole(ROLE, HELLO, WORLD, DONE, finish="stop"),
    "no-finish-no-done": whole(ROLE, HELLO),
    "cut-mid-event": whole(ROLE, HELLO, sent(WORLD)[:40]),
    "only-role": whole(ROLE),
    "empty-body": whole(),
    "only-done": whole(DONE),
    "last-event-open": whole(ROLE, HELLO, WORLD, sent(FINISH)[:-1]),
    "last-event-cut": whole(ROLE, HELLO, WORLD, sent(FINISH)[:-20]),
    "done-twice": whole(*GOOD, DONE),
    "text-after-done": whole(*GOOD, chunk({"content": " AGAIN"})),
    "done-with-more": whole(ROLE, HELLO, b"data: [DONE] x\n\n", WORLD, FINISH, DONE),
    "done-small": whole(ROLE, HELLO, WORLD, FINISH, b"data: [done]\n\n"),
    "done-space": whole(ROLE, HELLO, WORLD, FINISH, b"data: [DONE] \n\n"),
    "finish-unknown": whole(ROLE, HELLO, WORLD, chunk({}, "weird"), DONE, finish="weird"),
    "finish-twice": whole(ROLE, HELLO, WORLD, FINISH, FINISH, DONE),
    "text-after-finish": whole(ROLE, HELLO, FINISH, WORLD, DONE),
    "text-in-finish": whole(ROLE, HELLO, chunk({"content": " world"}, "stop"), DONE),
    # ---- the connection; the same bytes with and without Connection: close
    "cut-chunked": cut(CHUNKED),
    "cut-chunked-closing": cut(CLOSING + CHUNKED),
    "reset": cut(CHUNKED, Reset()),
    "reset-closing": cut(CLOSING + CHUNKED, Reset()),
    "length-too-long": cut(b"Content-Length: 5000\r\n"),
    "cut-close-delimited": cut(CLOSING),
    "silent-in-the-body": Stream(acts=(HEAD + CHUNKED + b"\r\n" + chunked(sent(ROLE, HELLO), b""), Pause())),
    "silent-after-done": stalled(*GOOD),
    "silent-after-finish": stalled(*GOOD[:-1]),
    "silent-before-the-head": Stream(acts=(Pause(),)),
    # ---- no stream at all
    "json-error": whole_body(json.dumps({"error": ERROR}).encode()),
    "html": whole_body(b"<!doctype html><title>Sign in</title>\n<p>Sign in", "text/html"),
    "plain-completion": whole_body(
        json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}).encode()
    ),
    "ndjson": whole(b"".join(json.dumps(one).encode() + b"\n" for one in GOOD[:-1])),
    "leading-space": whole(b"".join(b" " + sent(one) for one in GOOD)),
    "one-newline": whole(b"".join(b"event: x\n" for _ in GOOD)),
    "literal-newlines": whole(sent(*GOOD).replace(b"\n\n", b"\\n\\n")),
    "content-type-json": whole(*GOOD, head=HEAD.replace(b"text/event-stream", b"application/json")),
    "content-type-capitals": whole(*GOOD, head=HEAD.replace(b"text/event-stream", b"Text/Event-Stream")),
    "content-type-latin1": whole(
        ROLE,
        chunk({"content": "größer"}),
        FINISH,
        DONE,
        head=HEAD.replace(b"event-stream", b"event-stream; charset=iso-8859-1"),
        text="größer",
    ),
    # ---- framing
    "no-space": whole(sent(*GOOD).replace(b"data: ", b"data:")),
    "crlf": whole(sent(*GOOD).replace(b"\n", b"\r\n")),
    "cr": whole(sent(*GOOD).replace(b"\n", b"\r")),
    "comments": whole(b": hello\n\n", sent(*GOOD).replace(b"\n\n", b"\n\n: ping\n\n")),
    "event-message": whole(sent(*GOOD).replace(b"data:", b"event: message\ndata:")),
    "several-lines": whole(sent(*GOOD).replace(b', "choices"', b',\ndata: "choices"')),
    "id-then-comment": whole(sent(ROLE).replace(b"data:", b"id: 1\ndata:"), b": ping\n\n", *GOOD[1:]),
    "id-then-retry": whole(sent(ROLE).replace(b"data:", b"id: 1\nretry: 3000\ndata:"), b": ping\n\n", *GOOD[1:]),
    "retry-alone": whole(b"retry: 3000\n\n", *GOOD),
    "event-alone": whole(b"event: ping\n\n", *GOOD),
    "data-empty": whole(ROLE, HELLO, b"data: \n\n", WORLD, FINISH, DONE),
    "data-keepalive": whole(ROLE, HELLO, b"data: : keepalive\n\n", WORLD, FINISH, DONE),
    "mark": whole(b"\xef\xbb\xbf", chunk({"role": "assistant", "content": "Hello"}), WORLD, FINISH, DONE),
    "line-separator": whole(ROLE, chunk({"content": "a\u2028b\u0085c"}), FINISH, DONE, text="a\u2028b\u0085c"),
    "bad-utf8": whole(ROLE, sent(HELLO).replace(b"Hello", b"He\xffo"), FINISH, DONE, text="He\ufffdo"),
    "megabyte": whole(ROLE, chunk({"content": "x" * 10**6}), FINISH, DONE, text="x" * 10**6),
    "five-megabytes": whole(ROLE, chunk({"content": "x" * 5 * 10**6}), FINISH, DONE, text="x" * 5 * 10**6),
    # ---- the chunks
    "no-role": whole(HELLO, WORLD, FINISH, DONE),
    "role-in-each": whole(
        *[chunk({"role": "assistant", "content": text}) for text in ("Hello", " ", "world")], FINISH, DONE
    ),
    "role-user": whole(chunk({"role": "user", "content": ""}), *GOOD[1:]),
    "azure-first": whole(chunk({}, choices=[], prompt_filter_results=[]), *GOOD),
    "no-delta": whole(
        *GOOD[:-1], chunk({}, id="", object="", choices=[{"index": 0, "finish_reason": None, "offsets": {}}]), DONE
    ),  # as Azure annotates
    "delta-null": whole(ROLE, HELLO, chunk(None), WORLD, FINISH, DONE),
    "choices-null": whole(ROLE, HELLO, chunk({}, choices=None), WORLD, FINISH, DONE),
    "choices-null-with-text": whole(ROLE, HELLO, chunk({}, choices=None, text=" world"), FINISH, DONE),
    "choices-missing": whole(ROLE, HELLO, without("choices", chunk({}, text=" world")), FINISH, DONE),
    "message-for-delta": whole(
        ROLE,
        HELLO,
        chunk({}, choices=[{"index": 0, "message": {"content": " world"}, "finish_reason": None}]),
        FINISH,
        DONE,
    ),
    "text-for-delta": whole(
        ROLE, HELLO, chunk({}, choices=[{"index": 0, "text": " world", "finish_reason": None}]), FINISH, DONE
    ),
    "object-text": whole(*[{**one, "object": "text_completion"} for one in GOOD[:-1] if isinstance(one, dict)], DONE),
    "created-string": whole(*[{**one, "created": "now"} for one in GOOD[:-1] if isinstance(one, dict)], DONE),
    "content-array": whole(ROLE, HELLO, chunk({"content": [{"type": "text", "text": " world"}]}), FINISH, DONE),
    "index-string": whole(
        *[chunk({}, choices=[{**one["choices"][0], "index": "0"}]) for one in GOOD[:-1] if isinstance(one, dict)], DONE
    ),
    "index-missing": whole(
        *[chunk({}, choices=[without("index", one["choices"][0])]) for one in GOOD[:-1] if isinstance(one, dict)],
        DONE,
    ),
    "error-null": whole(*[{**one, "error": None} for one in GOOD[:-1] if isinstance(one, dict)], DONE),
    # ---- errors
    "error": whole(ROLE, HELLO, {"error": ERROR}),
    "error-then-done": whole(ROLE, HELLO, {"error": ERROR}, DONE),
    "error-text": whole(ROLE, HELLO, {"error": "the engine died"}, DONE),
    "error-event": whole(ROLE, HELLO, b"event: error\n" + sent({"message": "the engine died"})),
    "error-object": whole(ROLE, HELLO, {"object": "error", **ERROR}),
    "error-detail": whole(ROLE, HELLO, {"detail": "the engine died"}),
    "error-field": whole(ROLE, HELLO, b'error: {"message": "the engine died"}\n\n'),
    # ---- tool calls
    "call": called(first('{"a"'), fragment(": 1}"), calls=(CALL,)),
    "call-cut": whole(chunk({"role": "assistant", "content": None}), chunk({"tool_calls": [first('{"a"')]}), text=""),
    "call-nulls": called(first('{"a"'), fragment(": 1}", id=None, type=None, name=None), calls=(CALL,)),
    "call-repeated": called(first('{"a"'), first(": "), first("1}"), calls=(CALL,)),
    "call-no-index": called(first('{"a": 1}', None), calls=(CALL,)),
    "call-same-index": called(first('{"a": 1}'), first('{"b": 2}', call="call_b"), calls=(CALL, OTHER)),
    "call-index-one": called(first('{"a"', 1), fragment(": 1}", 1), calls=(CALL,)),
    "call-no-type": called(fragment('{"a"', id="call_a", name="f"), fragment(": 1}"), calls=(CALL,)),
    "call-object": called(first({"a": 1}), calls=(CALL,)),
    # ---- usage
    "usage-each": whole(
        *[{**one, "usage": USAGE} for one in GOOD[:-1] if isinstance(one, dict)],
        chunk({}, choices=[], usage=USAGE),
        DONE,
    ),
    "usage-then-chunk": whole(*GOOD[:-1], chunk({}, choices=[], usage=USAGE), chunk({}, choices=[]), DONE),
    "usage-after-done": whole(*GOOD, chunk({}, choices=[], usage=USAGE)),
}
