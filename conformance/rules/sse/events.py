"""What stands between two blank lines. Knows nothing of what the data mean."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.protocols.payload import Flaw
from conformance.rules.mutate import on_acts, on_body
from conformance.rules.needs import EVENTS, EVENTS_READ
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, HTML, OBSERVED, OPENAPI, SUITE, issue
from conformance.wire.events import Comment, CutOff, Dataless, Event, Message, Overlong
from conformance.wire.script import Act, Send

from .unusual import KNOWN, first_of, has_messages, name_of, unusual

MEBIBYTE = 1024 * 1024


def _insert(body: bytes, event: bytes) -> bytes:
    """Put an event after the first one."""
    first, _, rest = body.partition(b"\n\n")
    return first + b"\n\n" + event + rest


@on_body
def last_blank_line_left_out(body: bytes) -> bytes:
    return body.removesuffix(b"\n")


@on_body
def last_line_end_left_out(body: bytes) -> bytes:
    return body.removesuffix(b"\n\n")


@on_body
def cut_inside_an_event(body: bytes) -> bytes:
    """The upstream dies in the middle of a line, and the proxy ends the body cleanly."""
    return body[: body.rfind(b"\ndata: {") + 30]


@on_body
def separated_by_one_line_end(body: bytes) -> bytes:
    return body.replace(b"\n\n", b"\n")


@on_body
def line_ends_spelled_out(body: bytes) -> bytes:
    return body.replace(b"\n", b"\\n")


@rule(
    id="sse/events/ended",
    level=MUST,
    says="Every event, the last one too, ends with a blank line.",
    source=(
        HTML.at("9.2.6: an event that is incomplete at the end of the stream is not dispatched"),
        CLIENTS.at("scenarios 37, 81, 96 and 97: the event is lost without a word"),
        issue("kubernetes-sigs/inference-perf#781"),
    ),
    needs=EVENTS_READ,
    broken_by=(
        last_blank_line_left_out,
        last_line_end_left_out,
        cut_inside_an_event,
        separated_by_one_line_end,
        line_ends_spelled_out,
    ),
)
def ended(stream: View) -> Iterator[Finding]:
    last = stream.exchange.events[-1] if stream.exchange.events else None
    if isinstance(last, CutOff) and stream.ended and not _is_told_elsewhere(stream):
        got = f"the end of the body after {show(last.raw[-80:])}"
        yield from first_of(stream, "a blank line before the end", [(last, got)])


def _is_told_elsewhere(stream: View) -> bool:
    """No event was meant to be there, or the end of the body is not where the server thinks it is."""
    transport = stream.exchange.transport
    return not has_messages(stream) or (transport is not None and bool(transport.rest))


@on_body
def retry_alone(body: bytes) -> bytes:
    return b"retry: 3000\n\n" + body


@on_body
def name_alone(body: bytes) -> bytes:
    return _insert(body, b"event: ping\n\n")


@on_body
def id_alone(body: bytes) -> bytes:
    return _insert(body, b"id: 1\n\n")


@rule(
    id="sse/events/carry-data",
    level=SHOULD,
    says="Every event has a data field.",
    source=(
        CLIENTS.at("scenarios 28, 29 and finding 6: openai-python parses an empty text and raises"),
        issue("openai/openai-python#2722"),
        issue("openai/openai-go#621"),
    ),
    needs=EVENTS,
    broken_by=(retry_alone, name_alone, id_alone),
)
def carry_data(stream: View) -> Iterator[Finding]:
    dataless = [event for event in unusual(stream) if isinstance(event, Dataless)]
    bare = [event for event in dataless if all(name_of(line) in KNOWN for line in event.lines[:-1])]
    places: list[tuple[Event, str]] = [(event, stream.exchange.text((event.start, event.end))) for event in bare]
    yield from first_of(stream, "a data field, or a comment", places)


@on_body
def empty_heartbeat(body: bytes) -> bytes:
    return _insert(body, b"data: \n\n")


@on_body
def empty_without_space(body: bytes) -> bytes:
    return _insert(body, b"data:\n\n")


@on_body
def name_without_colon(body: bytes) -> bytes:
    return _insert(body, b"data\n\n")


@on_body
def blanks_alone(body: bytes) -> bytes:
    return _insert(body, b"data:    \n\n")


@rule(
    id="sse/events/not-empty",
    level=MUST,
    says="No data field is empty.",
    source=(
        CLIENTS.at("scenario 30: openai-python and openai-node raise, the AI SDK reports an error"),
        issue("caozhiyuan/copilot-api#88"),
    ),
    needs=EVENTS,
    broken_by=(empty_heartbeat, empty_without_space, name_without_colon, blanks_alone),
)
def not_empty(stream: View) -> Iterator[Finding]:
    yield from first_of(stream, "JSON or [DONE]", _flawed(stream, Flaw.EMPTY))


@on_body
def ping_as_data(body: bytes) -> bytes:
    return _insert(body, b"data: : ping\n\n")


@on_body
def vendor_comment_as_data(body: bytes) -> bytes:
    return b"data: : PROCESSING\n\n" * 3 + body


@on_body
def comment_as_data_without_space(body: bytes) -> bytes:
    return _insert(body, b"data::keepalive\n\n")


@rule(
    id="sse/events/heartbeats",
    level=MUST,
    says="A heart-beat is a comment, never data.",
    source=(
        CLIENTS.at("scenario 31: openai-python and openai-node raise, the AI SDK reports an error"),
        HTML.at("9.2.7: a comment line, one starting with a colon, every 15 seconds or so"),
        issue("mnfst/llm-gateway#2053"),
        issue("anomalyco/opencode#50871"),
    ),
    needs=EVENTS,
    broken_by=(ping_as_data, vendor_comment_as_data, comment_as_data_without_space),
)
def heartbeats(stream: View) -> Iterator[Finding]:
    yield from first_of(stream, "a line that starts with a colon", _flawed(stream, Flaw.HEARTBEAT))


def _flawed(stream: View, flaw: Flaw) -> list[tuple[Event, str]]:
    found = [step.event for step in stream.steps if step.flaw is flaw]
    return [(event, stream.exchange.text((event.start, event.end))) for event in found]


@on_acts
def every_event_named(acts: list[Act]) -> list[Act]:
    return [Send(b"event: message\n" + act.data) if isinstance(act, Send) else act for act in acts]


@on_acts
def done_named(acts: list[Act]) -> list[Act]:
    return [
        Send(act.data.replace(b"data: [", b"event: done\ndata: [")) if isinstance(act, Send) else act for act in acts
    ]


@rule(
    id="sse/events/no-name",
    level=SHOULD,
    says="Events have no event field.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream: data-only server-sent events"),
        OBSERVED.at("109 of 109"),
        HTML.at("9.2.6: a named event goes to the listeners of that name alone"),
    ),
    needs=EVENTS,
    broken_by=(every_event_named, done_named),
)
def no_name(stream: View) -> Iterator[Finding]:
    yield from first_of(stream, "data alone", _with_field(stream, b"event"))


@on_acts
def numbered(acts: list[Act]) -> list[Act]:
    return [Send(b"id: %d\n" % n + act.data) if isinstance(act, Send) else act for n, act in enumerate(acts)]


@on_acts
def numbered_with_a_comment(acts: list[Act]) -> list[Act]:
    """A heart-beat after an id: the blank line behind it dispatches an empty event in openai-python."""
    first = next(act for act in acts if isinstance(act, Send))
    return [Send(b"id: 1\n" + first.data), Send(b": ping\n\n"), *acts[acts.index(first) + 1 :]]


@rule(
    id="sse/events/no-id",
    level=SHOULD,
    says="Events have no id field.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream: data-only server-sent events"),
        CLIENTS.at("scenario 27: once it has seen an id, openai-python raises at the next comment"),
        issue("openai/openai-python#3833"),
    ),
    needs=EVENTS,
    broken_by=(numbered, numbered_with_a_comment),
)
def no_id(stream: View) -> Iterator[Finding]:
    places = _with_field(stream, b"id")
    if places:
        first = places[0][0]
        comment = next((e for e in unusual(stream) if isinstance(e, Comment) and e.start > first.start), None)
        if comment is not None:
            places[0] = (first, f"{places[0][1]}, and after it the comment {show(comment.text)}")
    yield from first_of(stream, "data alone", places)


@on_acts
def retry_everywhere(acts: list[Act]) -> list[Act]:
    return [Send(b"retry: 15000\n" + act.data) if isinstance(act, Send) else act for act in acts]


@on_body
def retry_at_the_start(body: bytes) -> bytes:
    return b"retry: 15000\n" + body


@rule(
    id="sse/events/no-retry",
    level=SHOULD,
    says="Events have no retry field.",
    source=(
        OPENAPI.at("CreateChatCompletionRequest.stream: data-only server-sent events"),
        SUITE.at("a completion cannot be resumed, and a client that reconnects pays for another"),
    ),
    needs=EVENTS,
    broken_by=(retry_everywhere, retry_at_the_start),
)
def no_retry(stream: View) -> Iterator[Finding]:
    yield from first_of(stream, "data alone", _with_field(stream, b"retry"))


def _with_field(stream: View, name: bytes) -> list[tuple[Event, str]]:
    """Messages with a field besides data, and its line."""
    places: list[tuple[Event, str]] = []
    for event in unusual(stream):
        if isinstance(event, Message):
            line = next((line.raw for line in event.lines if name_of(line) == name), None)
            if line is not None:
                places.append((event, show(line)))
    return places


@on_body
def huge_member(body: bytes) -> bytes:
    first, _, rest = body.partition(b"}\n\n")
    return first + b',"obfuscation":"' + MEBIBYTE * b"x" + b'"}\n\n' + rest


@on_body
def huge_comment(body: bytes) -> bytes:
    """Padding against a buffering proxy, overdone."""
    return b":" + MEBIBYTE * b" " + b"\n\n" + body


@rule(
    id="sse/events/small",
    level=SHOULD,
    says="An event is smaller than 1 MiB.",
    source=(
        SUITE.at("1 MiB, which every client that was measured takes"),
        CLIENTS.at("finding 13: aiohttp raises LineTooLong at 5 MB"),
    ),
    needs=EVENTS,
    broken_by=(huge_member, huge_comment),
)
def small(stream: View) -> Iterator[Finding]:
    if len(stream.exchange.body) > MEBIBYTE:
        large = [e for e in stream.exchange.events if e.end - e.start > MEBIBYTE]
        yield from first_of(stream, "less than 1 MiB", [(e, _size(e)) for e in large])


def _size(event: Event) -> str:
    kept = ", of which nothing was kept" if isinstance(event, Overlong) else ""
    return f"{event.end - event.start} bytes{kept}"


RULES = (ended, carry_data, not_empty, heartbeats, no_name, no_id, no_retry, small)
