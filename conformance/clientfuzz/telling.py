"""The same said in other chunks, under other heads and in other framings, as the protocols and real servers have it.

Knows chunks of chat and HTTP; nothing of lines, and no client.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Send, Wait, whole
from mockserver import chaos, dialects
from mockserver.answering import Settings
from mockserver.routes import respond

from .streams import CALLS, HEADERS, TEXT, TOOL, USAGE, WORDS, Stream, chunk, of_chunks, says, text_of

SEEDS = 24
"""Streams of chaos: each another mixture of what is allowed."""
LONG = 300_000
"""Characters of a long piece: several reads of any client."""
PIECES = 400
SLOW = 0.05


@dataclass(frozen=True, slots=True)
class Variation:
    """A good stream, and the same one in another form."""

    name: str
    says: str
    authority: str
    good: Stream
    played: Answer
    fixed: bool = False
    """It is framed as it is on purpose, and not cut into other pieces."""


def tellings() -> Iterator[Variation]:
    """All of them."""
    yield from _chunked()
    yield from _called()
    yield from _large()
    yield from _headed()
    yield from _framed()
    yield from _paced()
    yield from _by_vendors()
    yield from _by_chance()


def _same(name: str, explanation: str, authority: str, stream: Stream) -> Variation:
    return Variation(name, explanation, authority, stream, stream.answer)


ROLE = {"role": "assistant", "content": ""}


def _chunked() -> Iterator[Variation]:
    """Which chunk says what."""
    first, end = chunk(says(ROLE)), chunk(says({}, "stop"))
    middle = [chunk(says({"content": word})) for word in WORDS]
    empty = chunk(says({}))
    counted = chunk(usage=USAGE)
    yield _same("chunks/one", "all in one chunk", "openai", of_chunks(chunk(says({**ROLE, "content": "Hi"}, "stop"))))
    yield _same(
        "chunks/role-with-text",
        "the role comes with the first text",
        "openai",
        of_chunks(chunk(says({"role": "assistant", "content": "Hi"})), *middle, end),
    )
    yield _same(
        "chunks/text-with-finish",
        "the last text comes with the finish_reason",
        "openai",
        of_chunks(first, *middle, chunk(says({"content": " Bye."}, "stop"))),
    )
    yield _same(
        "chunks/empty-deltas", "deltas without anything", "openai", of_chunks(first, empty, *middle, empty, end)
    )
    yield _same(
        "chunks/empty-content",
        "content that is empty, or null",
        "openai",
        of_chunks(first, chunk(says({"content": ""})), *middle, chunk(says({"content": None})), end),
    )
    yield _same(
        "chunks/metadata-first",
        "a first chunk without choices, as Azure sends it",
        "openai",
        of_chunks(chunk(prompt_filter_results=[]), first, *middle, end),
    )
    yield _same(
        "chunks/usage-null", "usage null up to the chunk that has it", "openai",
        of_chunks(chunk(says(ROLE), usage=None), *(chunk(says({"content": word}), usage=None) for word in WORDS),
                  chunk(says({}, "stop"), usage=None), counted, usage=True),
    )  # fmt: skip
    yield _same(
        "chunks/usage-with-finish",
        "the usage comes with the finish_reason",
        "clients",
        of_chunks(first, *middle, chunk(says({}, "stop"), usage=USAGE), usage=True),
    )
    running = [chunk(says({"content": word}), usage=_so_far(count)) for count, word in enumerate(WORDS, start=2)]
    yield _same(
        "chunks/usage-so-far",
        "each chunk has the usage up to there, as vLLM and SGLang send it on request",
        "clients",
        of_chunks(chunk(says(ROLE), usage=_so_far(1)), *running, chunk(says({}, "stop"), usage=USAGE), usage=True),
    )
    yield _same("chunks/error-null", "error null beside the choices", "clients",
                of_chunks(first, *(chunk(says({"content": word}), error=None) for word in WORDS), end))  # fmt: skip
    unknown = [chunk(says({"content": word, "x": 1}, y=[None]), z={"a": {}}) for word in WORDS]
    yield _same("chunks/unknown-members", "members that nobody knows", "openai", of_chunks(first, *unknown, end))
    yield _same(
        "chunks/obfuscated",
        "padding in a member of its own, as OpenAI sends it",
        "openai",
        of_chunks(first, *(chunk(says({"content": word}), obfuscation="aZ3") for word in WORDS), end),
    )
    yield _same("chunks/no-finish-null", "no finish_reason where it would be null", "clients",
                of_chunks(first, *(_without(says({"content": word}), "finish_reason", "logprobs") for word in WORDS),
                          end),
                )  # fmt: skip
    yield _same("chunks/length", "the finish_reason is length", "openai",
                of_chunks(first, *middle, chunk(says({}, "length"))))  # fmt: skip
    yield _same("chunks/content-filter", "the finish_reason is content_filter", "openai",
                of_chunks(first, *middle, chunk(says({}, "content_filter"))))  # fmt: skip
    yield _same("chunks/reasoning", "reasoning before the text", "clients",
                of_chunks(first, chunk(says({"reasoning_content": "Hm."})), *middle, end))  # fmt: skip


def _so_far(count: int) -> dict[str, int]:
    return {"prompt_tokens": 5, "completion_tokens": count, "total_tokens": 5 + count}


def _without(choice: dict[str, Any], *names: str) -> str:
    return chunk({name: value for name, value in choice.items() if name not in names})


def _fragment(index: int, **members: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, **members}]}


def _called() -> Iterator[Variation]:
    """How calls of tools come."""
    end = chunk(says({}, "tool_calls"))
    first = {"role": "assistant", "content": None}
    whole_calls = [
        {"index": n, "id": call.id, "type": "function",
         "function": {"name": call.name, "arguments": "".join(call.pieces)}}
        for n, call in enumerate(CALLS)
    ]  # fmt: skip
    yield _same("tools/whole", "each call in one piece", "openai",
                of_chunks(chunk(says(first)), *(chunk(says({"tool_calls": [call]})) for call in whole_calls), end,
                          tools=True))  # fmt: skip
    yield _same("tools/together", "two calls in one chunk", "openai",
                of_chunks(chunk(says({**first, "tool_calls": whole_calls})), end, tools=True))  # fmt: skip
    heads = [
        chunk(says(_fragment(n, id=c.id, type="function", function={"name": c.name, "arguments": ""})))
        for n, c in enumerate(CALLS)
    ]
    rounds = max(len(call.pieces) for call in CALLS)
    turns = [
        chunk(says(_fragment(n, function={"arguments": call.pieces[turn]})))
        for turn in range(1, rounds)
        for n, call in enumerate(CALLS)
        if turn < len(call.pieces)
    ]
    yield _same("tools/in-turn", "pieces of two calls in turn", "openai",
                of_chunks(chunk(says(first)), *heads, *turns, end, tools=True))  # fmt: skip
    plain = [chunk(says(_fragment(0, function={"arguments": piece}))) for piece in CALLS[0].pieces]
    nulls = [
        chunk(says(_fragment(0, id=None, type=None, function={"name": None, "arguments": piece})))
        for piece in CALLS[0].pieces
    ]
    yield _same("tools/after-text", "text, and then a call", "openai",
                of_chunks(chunk(says({"role": "assistant", "content": "Let me see."})), heads[0], *plain, end,
                          tools=True))  # fmt: skip
    yield _same("tools/nulls", "id, type and name are null in the later pieces of a call", "clients",
                of_chunks(chunk(says(first)), heads[0], *nulls, end, tools=True))  # fmt: skip
    nothing = chunk(says(_fragment(0, id="call_a", type="function", function={"name": "get_time", "arguments": "{}"})))
    yield _same("tools/no-arguments", "a call of a function that takes nothing", "openai",
                of_chunks(chunk(says(first)), nothing, end, tools=True))  # fmt: skip


def _large() -> Iterator[Variation]:
    """What is long."""
    yield _same("long/event", f"an event of {LONG} characters", "sse", text_of("x" * LONG, "\u00fc"))
    yield _same("long/many", f"{PIECES} pieces of text", "openai", text_of(*(f" {n}" for n in range(PIECES))))
    pieces = ['{"a":"', *("\u00e9" * 1000 for _ in range(100)), '"}']
    head = chunk(says(_fragment(0, id="call_a", type="function", function={"name": "get_time", "arguments": ""})))
    parts = [chunk(says(_fragment(0, function={"arguments": piece}))) for piece in pieces]
    yield _same("long/arguments", "arguments of 100,000 characters", "openai",
                of_chunks(chunk(says({"role": "assistant", "content": None})), head, *parts,
                          chunk(says({}, "tool_calls")), tools=True))  # fmt: skip


def _headed() -> Iterator[Variation]:
    """What stands in the head."""

    def under(name: str, explanation: str, authority: str, *headers: tuple[str, str]) -> Variation:
        return Variation(
            f"head/{name}", explanation, authority, TEXT, replace(TEXT.answer, headers=headers), fixed=True
        )

    yield under("no-charset", "Content-Type without a charset", "sse", ("content-type", "text/event-stream"))
    yield under("charset-in-capitals", "the charset in capitals", "http",
                ("content-type", 'text/event-stream; charset="UTF-8"'))  # fmt: skip
    yield under("type-in-capitals", "media types know no case", "http", ("Content-Type", "Text/Event-Stream"))
    yield under("latin", "another charset is named: an event stream is UTF-8 all the same", "sse",
                ("content-type", "text/event-stream; charset=iso-8859-1"))  # fmt: skip
    yield under("names-in-capitals", "header names know no case", "http",
                *((name.upper(), value) for name, value in HEADERS))  # fmt: skip
    many = tuple((f"x-header-{number}", "v" * 60) for number in range(60))
    yield under("many", "sixty headers more", "http", *HEADERS, *many)
    yield under("close", "the connection is to be closed", "http", *HEADERS, ("connection", "close"))


def _framed() -> Iterator[Variation]:
    """How HTTP says where the body ends."""
    good = TEXT.answer
    yield Variation("framing/close", "the end of the connection is the end of the body", "http", TEXT,
                  replace(good, framing=Framing.CLOSE))  # fmt: skip
    yield Variation("framing/length", "Content-Length", "http", TEXT, replace(good, framing=Framing.LENGTH), fixed=True)

    def raw(name: str, explanation: str, *acts: Act) -> Variation:
        return Variation(f"framing/{name}", explanation, "http", TEXT, Answer(200, (), acts, Framing.RAW), fixed=True)

    head = Send(encoder.head(good))
    pieces = [act.data for act in good.acts if isinstance(act, Send)]
    chunks = [Send(encoder.chunk(piece)) for piece in pieces]
    last = Send(encoder.LAST_CHUNK)
    yield raw("extensions", "chunk extensions", head,
              *(Send(b"%x;a=b\r\n%s\r\n" % (len(piece), piece)) for piece in pieces), last)  # fmt: skip
    yield raw("sizes-in-capitals", "chunk sizes in capitals, with zeros", head,
              *(Send(b"0%X\r\n%s\r\n" % (len(piece), piece)) for piece in pieces), last)  # fmt: skip
    yield raw("trailers", "fields behind the last chunk", head, *chunks, Send(b"0\r\nx-checksum: 1\r\n\r\n"))
    before = Send(b"HTTP/1.1 100 Continue\r\n\r\n")
    yield raw("continue", "a response 100 before the real one", before, head, *chunks, last)
    yield raw("no-reason", "no reason phrase",
              Send(head.data.replace(b"200 OK", b"200 ", 1)), *chunks, last)  # fmt: skip
    yield raw(
        "head-apart", "the head in two pieces", Send(head.data[:30]), Wait(SLOW), Send(head.data[30:]), *chunks, last
    )


def _paced() -> Iterator[Variation]:
    """What takes its time."""
    acts = TEXT.answer.acts
    pings = tuple(Send(encoder.comment("ping")) for _ in acts)
    slow = tuple(act for pair in zip(acts, (Wait(SLOW) for _ in acts), strict=False) for act in pair)
    beating = tuple(
        act for one, ping in zip(acts, pings, strict=True) for act in (ping, Wait(SLOW), ping, Wait(SLOW), one)
    )
    yield Variation(
        "pace/slow", "the events come one after the other", "http", TEXT, replace(TEXT.answer, acts=slow), True
    )
    yield Variation("pace/pings", "pings while nothing is said", "sse", TEXT, replace(TEXT.answer, acts=beating), True)
    halves = tuple(act for one in acts if isinstance(one, Send) for act in _halves(one))
    yield Variation(
        "pace/half-events", "a pause within each event", "http", TEXT, replace(TEXT.answer, acts=halves), True
    )


def _halves(act: Send) -> tuple[Act, ...]:
    middle = len(act.data) // 2
    return Send(act.data[:middle]), Wait(0.02), Send(act.data[middle:])


def _by_vendors() -> Iterator[Variation]:
    """As servers in wide use write it."""
    for name in dialects.NAMES:
        for kind, stream in (("text", TEXT), ("tools", TOOL)):
            answer = _in_dialect(stream, name)
            good = Stream(stream.request, answer)
            yield Variation(f"vendor/{name}/{kind}", f"written as {name} writes", "clients", good, answer)


def _in_dialect(stream: Stream, name: str) -> Answer:
    return whole(respond(stream.request, Settings(dialect=name)))


def _by_chance() -> Iterator[Variation]:
    """Mixtures of all that is allowed."""
    for seed in range(SEEDS):
        stream = TOOL if seed % 4 == 3 else TEXT
        habits = chaos.habits_of(seed, stream.request.url)
        answer = whole(chaos.spelled(chaos.varied(stream.answer, habits), habits))
        yield Variation(
            f"chaos/{seed}", "whatever the protocol leaves open, done otherwise", "openai", stream, answer, True
        )
