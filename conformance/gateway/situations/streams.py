"""Good streams of every sort, and unusual ones that are as good: the client ought to get what the upstream sent."""

from collections.abc import Callable, Iterator

from conformance.protocols.exchange import Request
from conformance.wire.script import Act, Send, Wait
from mockserver.upstream import Plan

from .situation import About, Situation
from .telling import (
    DONE,
    GAP,
    OPENED,
    SSE,
    USAGE,
    WORDS,
    Chunk,
    choice,
    chunk,
    data,
    good,
    role,
    stream,
    usage_asked,
    usage_chunk,
    written,
)

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ARGUMENTS = ('{"', "city", '":"', "Paris", '"}')
BIG = 500
"""Events of a burst."""
UNHURRIED = 0.16
"""Seconds between two events. TCP holds back for 200 ms what a proxy marks as incomplete, then sends two of these."""


def _good(request: Request) -> Plan:
    return stream(written(good(request)))


def _two(request: Request) -> Plan:
    def told() -> Iterator[Chunk]:
        yield chunk(request, role(0))
        yield chunk(request, role(1))
        for word in WORDS:
            yield chunk(request, choice({"content": word}, index=0))
            yield chunk(request, choice({"content": word.upper()}, index=1))
        yield chunk(request, choice({}, "stop", 0))
        yield chunk(request, choice({}, "stop", 1))
        if usage_asked(request):
            yield usage_chunk(request)

    return stream(written(told()), GAP / 2)


def _tools(request: Request) -> Plan:
    def told() -> Iterator[Chunk]:
        yield chunk(request, choice({"role": "assistant", "content": None, "refusal": None}))
        for number, name in enumerate(("get_weather", "get_time")):
            first = {"index": number, "id": f"call_streamspec{number}", "type": "function"}
            yield chunk(request, choice({"tool_calls": [{**first, "function": {"name": name, "arguments": ""}}]}))
            for piece in ARGUMENTS:
                yield chunk(request, choice({"tool_calls": [{"index": number, "function": {"arguments": piece}}]}))
        yield chunk(request, choice({}, "tool_calls"))
        if usage_asked(request):
            yield usage_chunk(request)

    return stream(written(told()), GAP / 2)


def _usage_on_finish(request: Request) -> Plan:
    chunks = [c for c in good(request) if c["choices"]]
    chunks[-1] = {**chunks[-1], "usage": USAGE}
    return stream(written(chunks))


def _usage_always(request: Request) -> Plan:
    chunks = []
    for count, told in enumerate(c for c in good(request) if c["choices"]):
        so_far = min(max(0, count), len(WORDS))
        chunks.append({**told, "usage": {**USAGE, "completion_tokens": so_far, "total_tokens": 7 + so_far}})
    return stream(written([*chunks, chunk(request, usage=USAGE)]))


def _reasoning(request: Request) -> Plan:
    def told() -> Iterator[Chunk]:
        yield chunk(request, role())
        for word in ("Let", " me", " think", "."):
            yield chunk(request, choice({"reasoning_content": word}))
        yield from list(good(request))[1:]

    return stream(written(told()))


def _unknown(request: Request) -> Plan:
    chunks = [{**c, "x_vendor": {"shard": 3}, "obfuscation": "aaaa"} for c in good(request)]
    for told in chunks:
        told["choices"] = [{**each, "token_ids": [1, 2]} for each in told["choices"]]
    return stream(written(chunks), headers=(*SSE, ("x-vendor-cost", "0.25")))


def _azure(request: Request) -> Plan:
    filtered = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
    first = {**chunk(request), "id": "", "object": "", "created": 0, "model": "", "prompt_filter_results": filtered}
    return stream(written([first, *good(request)]))


def _finish_twice(request: Request) -> Plan:
    chunks = list(good(request))
    at = next(number for number, told in enumerate(chunks) if told["choices"][0]["finish_reason"])
    return stream(written([*chunks[: at + 1], chunks[at], *chunks[at + 1 :]]))


def _role_repeated(request: Request) -> Plan:
    chunks = list(good(request))
    for told in chunks[1:-1]:
        for each in told["choices"]:
            each["delta"] = {"role": "assistant", **each["delta"]}
    return stream(written(chunks))


def _role_absent(request: Request) -> Plan:
    return stream(written(list(good(request))[1:]))


def _comments(request: Request) -> Plan:
    events = written(good(request))
    return stream([events[0], b": ping\n\n", *events[1:4], b": OPENROUTER PROCESSING\n\n", *events[4:]])


def _fields(request: Request) -> Plan:
    events = written(good(request))
    numbered = [b"id: %d\n%s" % (number, event) for number, event in enumerate(events, start=1)]
    return stream([b"retry: 3000\n\n", *numbered])


def _comment_after_id(request: Request) -> Plan:
    events = written(good(request))
    return stream([*events[:3], b"id: 3\n: ping\n\n", *events[3:]])


def _lines(ending: bytes) -> Callable[[Request], Plan]:
    def respond(request: Request) -> Plan:
        return stream([event.replace(b"\n", ending) for event in written(good(request))], OPENED)

    return respond


def _split_data(request: Request) -> Plan:
    events = [data(told).replace(b',"choices"', b',\ndata: "choices"') for told in good(request)]
    return stream([*events, DONE])


def _no_space(request: Request) -> Plan:
    return stream([event.replace(b"data: ", b"data:") for event in written(good(request))])


def _bom(request: Request) -> Plan:
    first, *rest = written(good(request))
    return stream([b"\xef\xbb\xbf" + first, *rest])


def _split_letters(request: Request) -> Plan:
    acts: list[Act] = []
    for event in written(good(request, ("Grüße", " 你好", " 🙂", ".")), done=True):
        cuts = [at for at in range(1, len(event)) if event[at] & 0xC0 == 0x80][:4]  # inside a letter
        for start, end in zip([0, *cuts], [*cuts, len(event)], strict=True):
            acts += [Send(event[start:end]), Wait(0.005)]
    return stream((), then=tuple(acts))


def _burst(request: Request) -> Plan:
    return stream(written(good(request, (f" {number}" for number in range(BIG)))), 0.0)


def _json_type(request: Request) -> Plan:
    headers = (("content-type", "application/json"), *SSE[1:])
    return stream(written(good(request)), headers=headers)


def _no_done(request: Request) -> Plan:
    return stream(written(good(request), done=False))


def _slow(request: Request) -> Plan:
    return stream(written(good(request, (*WORDS, " Bye", "."))), UNHURRIED)


def _late(request: Request) -> Plan:
    return stream(written(good(request)), first=1.5)


INCLUDE = {"stream_options": {"include_usage": True}}
CONTINUOUS = {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}

GOOD = tuple(
    Situation(about=About.STREAM, name=name, says=says, respond=respond, body=body)
    for name, says, respond, body in (
        ("good", "a good stream", _good, {}),
        ("usage", "a good stream with usage, which the client asks for", _good, INCLUDE),
        ("two-choices", "two choices, token by token in turn", _two, {"n": 2}),
        ("tools", "two tool calls, the arguments in pieces", _tools, {"tools": [TOOL]}),
        ("reasoning", "reasoning_content before the content", _reasoning, {}),
        ("burst", f"{BIG} tokens as fast as they can be written", _burst, {}),
    )
)

UNUSUAL = tuple(
    Situation(about=About.UNUSUAL, name=name, says=says, respond=respond, body=body)
    for name, says, respond, body in (
        (
            "usage-on-finish",
            "usage on the chunk with the finish_reason; the client asks for it",
            _usage_on_finish,
            INCLUDE,
        ),
        ("usage-on-finish-unasked", "the same, and the client does not ask for it", _usage_on_finish, {}),
        ("usage-continuous", "usage on every chunk, as the client asks", _usage_always, CONTINUOUS),
        ("unknown-members", "members and a header that OpenAI does not have", _unknown, {}),
        ("azure-first-chunk", "a first chunk without choices, as Azure sends it", _azure, {}),
        ("finish-twice", "the chunk with the finish_reason twice", _finish_twice, {}),
        ("role-repeated", "the role on every chunk", _role_repeated, {}),
        ("role-absent", "no role at all", _role_absent, {}),
        ("no-done", "a whole answer, and no [DONE] behind it", _no_done, {}),
        ("comments", "comments between events, as heart-beats are", _comments, {}),
        ("id-and-retry", "`id` and `retry` fields", _fields, {}),
        ("comment-after-id", "an event of only `id` and a comment", _comment_after_id, {}),
        ("crlf", "lines that end in CRLF", _lines(b"\r\n"), {}),
        ("cr", "lines that end in CR", _lines(b"\r"), {}),
        ("split-data", "one JSON text over two `data` lines", _split_data, {}),
        ("no-space", "no space behind `data:`", _no_space, {}),
        ("bom", "a byte order mark at the start", _bom, {}),
        ("split-letters", "letters whose bytes are in different writes", _split_letters, {}),
        ("json-type", "a stream whose content-type says application/json", _json_type, {}),
    )
)

PACE = tuple(
    Situation(about=About.PACE, name=name, says=says, respond=respond, headers=headers, timed=True)
    for name, says, respond, headers in (
        ("slow", "an event every 160 ms", _slow, ()),
        ("slow-gzip", "the same, to a client that takes gzip", _slow, (("accept-encoding", "gzip"),)),
        ("late", "the head at once, the first event after 1.5 s", _late, ()),
    )
)
