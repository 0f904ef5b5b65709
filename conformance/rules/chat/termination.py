"""How a stream ends. Knows nothing of what was said before."""

from collections.abc import Iterator

from conformance.protocols.chat.states import Kind, State
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending
from conformance.protocols.finding import Finding
from conformance.protocols.payload import Flaw
from conformance.rules.mutate import DONE, Chunk, on_acts, on_body, on_chunks, on_messages
from conformance.rules.needs import READ_ALL, TIMED
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, OBSERVED, OPENAPI, SUITE, issue
from conformance.wire.script import Act, Wait

SOON = 1.0
"""Seconds between [DONE] and the end of the body; openai-node 6.49 waits for the end of the body."""


@on_messages
def left_out(messages: list[str]) -> list[str]:
    return messages[:-1]


@on_messages
def left_out_with_the_finish(messages: list[str]) -> list[str]:
    """The stream just stops, as when an upstream dies and the proxy ends the body cleanly."""
    return messages[:3]


@on_body
def in_another_field(body: bytes) -> bytes:
    """The terminator is the name of an event without data, which nobody is told of."""
    return body.replace(b"data: [DONE]", b"event: [DONE]")


@rule(
    id="chat/termination/done-sent",
    level=MUST,
    says="A stream that completes ends with data: [DONE].",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream"),
        OBSERVED.at("109 of 109"),
        issue("huggingface/text-generation-inference#1896"),
    ),
    needs=READ_ALL,
    broken_by=(left_out, left_out_with_the_finish, in_another_field),
    also_breaks=("sse/events/carry-data",),
)
def done_sent(stream: View) -> Iterator[Finding]:
    if stream.completed and stream.last and not stream.of(Kind.TERMINATOR):
        yield stream.finding("[DONE] as the last message", f"a {stream.last.kind.value}, then the end", stream.last)


@on_messages
def sent_twice(messages: list[str]) -> list[str]:
    return [*messages, DONE]


@rule(
    id="chat/termination/done-once",
    level=MUST,
    says="[DONE] is sent once.",
    source=(OPENAPI.at("CreateChatCompletionRequest.stream"), issue("ray-project/ray#62246")),
    needs=READ_ALL,
    broken_by=(sent_twice,),
)
def done_once(stream: View) -> Iterator[Finding]:
    yield from stream.first_of(stream.of(Kind.TERMINATOR)[1:], "one [DONE]", lambda _: "another [DONE]")


@on_messages
def chunk_after(messages: list[str]) -> list[str]:
    return [*messages, messages[1]]


@on_messages
def junk_after(messages: list[str]) -> list[str]:
    return [*messages, "{}"]


@rule(
    id="chat/termination/nothing-after-done",
    level=MUST,
    says="No message follows [DONE].",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream"),
        CLIENTS.at("scenario 40: the AI SDK appends text sent after [DONE]"),
    ),
    needs=READ_ALL,
    broken_by=(chunk_after, junk_after),
)
def nothing_after_done(stream: View) -> Iterator[Finding]:
    late = [s for s in stream.steps if s.before is State.DONE and s.kind is not Kind.TERMINATOR]
    yield from stream.first_of(late, "the end of the body", lambda step: f"a {step.kind.value}")


@on_messages
def lower_case(messages: list[str]) -> list[str]:
    return [*messages[:-1], "[done]"]


@on_messages
def with_trailing_space(messages: list[str]) -> list[str]:
    return [*messages[:-1], "[DONE] "]


@on_messages
def with_something_behind(messages: list[str]) -> list[str]:
    return [*messages[:-1], "[DONE] request 71"]


@on_messages
def in_quotes(messages: list[str]) -> list[str]:
    return [*messages[:-1], '"[DONE]"']


@rule(
    id="chat/termination/done-exact",
    level=MUST,
    says="The terminator is exactly [DONE].",
    source=(CLIENTS.at("scenarios 41, 98, 99: openai-node and the AI SDK compare the whole text"),),
    needs=READ_ALL,
    broken_by=(lower_case, with_trailing_space, with_something_behind, in_quotes),
)
def done_exact(stream: View) -> Iterator[Finding]:
    yield from stream.first_of([s for s in stream.of(Kind.TERMINATOR) if s.flaw is Flaw.INEXACT_DONE], "[DONE]")


@on_chunks
def finish_left_out(chunks: list[Chunk]) -> list[Chunk]:
    for chunk in chunks:
        for choice in chunk["choices"]:
            choice["finish_reason"] = None
    return chunks


@on_chunks
def finish_chunk_left_out(chunks: list[Chunk]) -> list[Chunk]:
    return [c for c in chunks if not any(choice["finish_reason"] for choice in c["choices"])]


@rule(
    id="chat/termination/finish-before-done",
    level=MUST,
    says="Every choice has had its finish_reason before [DONE].",
    source=(
        OPENAPI.at("CreateChatCompletionStreamResponse.choices.finish_reason"),
        OBSERVED.at("109 of 109"),
        issue("openclaw/openclaw#23013"),
    ),
    needs=READ_ALL,
    broken_by=(finish_left_out, finish_chunk_left_out),
)
def finish_before_done(stream: View) -> Iterator[Finding]:
    for step in stream.of(Kind.TERMINATOR):
        if step.before is State.OPEN and stream.completed:
            unfinished = [str(choice.index) for choice in stream.choices.values() if not choice.finishes]
            if unfinished:
                yield stream.finding(
                    "a finish_reason first", f"[DONE] while choice {', '.join(unfinished[:9])} is open", step
                )


@on_acts
def body_left_open(acts: list[Act]) -> list[Act]:
    return [*acts, Wait(4.0)]


@rule(
    id="chat/termination/body-ends-soon",
    level=SHOULD,
    says="The body ends within a second of [DONE].",
    source=(CLIENTS.at("scenario 76: openai-node 6.49 waits for the end of the body"), SUITE.at("1 s")),
    needs=TIMED,
    broken_by=(body_left_open,),
)
def body_ends_soon(stream: View) -> Iterator[Finding]:
    step = stream.last
    if step is None or step.kind is not Kind.TERMINATOR:
        return
    ended, sent = stream.exchange.ended_at, step.event.at
    if stream.ended and ended is not None and sent is not None and ended - sent > SOON:
        yield stream.finding(f"the end of the body within {SOON:.0f} s", f"{ended - sent:.1f} s without it", step)


@on_acts
def goes_silent(acts: list[Act]) -> list[Act]:
    return [*acts[:3], Wait(1e6), *acts[3:]]


@on_acts
def silent_after_done(acts: list[Act]) -> list[Act]:
    return [*acts, Wait(1e6)]


@rule(
    id="chat/termination/ends",
    level=MUST,
    says="A stream ends within the time allowed for it.",
    source=(SUITE.at("60 s unless the target says otherwise"), CLIENTS.at("openai-node never times out inside a body")),
    needs=READ_ALL,
    broken_by=(goes_silent, silent_after_done),
)
def ends(stream: View) -> Iterator[Finding]:
    if stream.exchange.ending is Ending.TIMEOUT:
        last = stream.last
        got = f"{len(stream.steps)} messages, then silence" if last else "no message at all"
        yield stream.finding("the end of the stream", got, last)


RULES = (
    done_sent,
    done_once,
    nothing_after_done,
    done_exact,
    finish_before_done,
    body_ends_soon,
    ends,
)
