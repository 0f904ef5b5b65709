"""How the lines of a stream are written. Knows nothing of what their data mean."""

from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, show
from conformance.rules.mutate import on_acts, on_body
from conformance.rules.needs import EVENTS
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, HTML, OBSERVED, OPENAPI, SUITE, issue
from conformance.wire.events import Message
from conformance.wire.script import Act, Send

from .unusual import carries_payload, first_of, flawed, is_indented, readable, stray_lines


@on_body
def heartbeat_with_other_ends(body: bytes) -> bytes:
    """A framework writes CRLF, the handler writes LF."""
    return b": ping\r\n\r\n" + body


@on_body
def blank_lines_with_other_ends(body: bytes) -> bytes:
    return body.replace(b"\n\n", b"\r\n\n")


@on_body
def a_lone_carriage_return(body: bytes) -> bytes:
    return body.replace(b"\n\n", b"\r\n\r", 1).replace(b"\n\r", b"\r\r", 1)


@rule(
    id="sse/lines/one-end",
    level=SHOULD,
    says="One kind of line end is used throughout.",
    source=(
        SUITE.at("the standard allows a mixture, hand-written parsers do not"),
        issue("openai/openai-node#2309"),
        issue("hey-api/hey-api#3054"),
    ),
    needs=EVENTS,
    broken_by=(heartbeat_with_other_ends, blank_lines_with_other_ends, a_lone_carriage_return),
)
def one_end(stream: View) -> Iterator[Finding]:
    used = _line_ends(stream)
    if len(used) > 1:
        counted = ", ".join(f"{name} {count} times" for name, count in used.items())
        yield stream.finding("one kind of line end", counted)


@on_body
def carriage_returns(body: bytes) -> bytes:
    return body.replace(b"\n", b"\r")


@rule(
    id="sse/lines/not-bare-cr",
    level=SHOULD,
    says="Lines end in LF or CRLF.",
    source=(
        CLIENTS.at(
            "Portkey 1.15 holds a stream of CR lines back until its end; the usual loop over aiohttp's lines fails"
        ),
        HTML.at("9.2.5: CR is legal"),
    ),
    needs=EVENTS,
    broken_by=(carriage_returns,),
)
def not_bare_cr(stream: View) -> Iterator[Finding]:
    used = _line_ends(stream)
    if list(used) == ["CR"]:
        yield stream.finding("LF or CRLF", f"CR {used['CR']} times")


def _line_ends(stream: View) -> dict[str, int]:
    """How often each kind of line end is used. A CR at a cut may be the half of a CRLF."""
    body = stream.exchange.body
    feeds, returns = body.count(b"\n"), body.count(b"\r")
    if not returns:
        return {"LF": feeds} if feeds else {}
    both = body.count(b"\r\n")
    returns -= body.endswith(b"\r") and not stream.ended
    counted = {"LF": feeds - both, "CRLF": both, "CR": returns - both}
    return {name: count for name, count in counted.items() if count}


@on_body
def space_left_out(body: bytes) -> bytes:
    return body.replace(b"data: ", b"data:")


@on_body
def two_spaces(body: bytes) -> bytes:
    return body.replace(b"data: {", b"data:  {")


@on_body
def tab_for_a_space(body: bytes) -> bytes:
    return body.replace(b"data: {", b"data:\t{", 1)


@rule(
    id="sse/lines/one-space",
    level=SHOULD,
    says="Exactly one space stands between data: and the value.",
    source=(
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 13: the copied line loops cut six bytes off, and give empty text without the space"),
        issue("davidmigloz/langchain_dart#778"),
    ),
    needs=EVENTS,
    broken_by=(space_left_out, two_spaces, tab_for_a_space),
)
def one_space(stream: View) -> Iterator[Finding]:
    places = [(m, show(m.lines[0].raw[:40])) for m in readable(stream) if _badly_spaced(m.lines[0].raw)]
    if b"data:  " in stream.exchange.body:
        wrong = flawed(stream)
        plain = [e for e in stream.exchange.events if isinstance(e, Message) and not e.lines and e.start not in wrong]
        places += [(m, stream.exchange.text((m.start, m.start + 40))) for m in plain if m.data[:1].isspace()]
    yield from first_of(stream, "data: and the value", sorted(places, key=lambda place: place[0].start))


def _badly_spaced(line: bytes) -> bool:
    value = line.removeprefix(b"data:")
    return len(value) < len(line) and (not value.startswith(b" ") or value[1:2].isspace())


@on_body
def field_indented(body: bytes) -> bytes:
    """An event more, so that nothing is missing without it."""
    return b' data: {"choices":[]}\n\n' + body


@on_body
def every_field_indented(body: bytes) -> bytes:
    return body.replace(b"data: ", b"  data: ")


@on_body
def comment_indented(body: bytes) -> bytes:
    return b" : ping\n\n" + body


@rule(
    id="sse/lines/no-indent",
    level=MUST,
    says="A field name stands at the start of its line.",
    source=(
        HTML.at("9.2.6: the field name is everything before the colon"),
        CLIENTS.at("scenario 95: no client sees such an event"),
    ),
    needs=EVENTS,
    broken_by=(field_indented, every_field_indented, comment_indented),
)
def no_indent(stream: View) -> Iterator[Finding]:
    places = [(event, show(line.raw)) for event, line in stray_lines(stream) if is_indented(line)]
    yield from first_of(stream, "the field name at the start of the line", places)


@on_body
def name_in_capitals(body: bytes) -> bytes:
    return b'Data: {"choices":[]}\n\n' + body


@on_body
def error_as_a_field(body: bytes) -> bytes:
    """How llama.cpp once reported errors."""
    return b'error: {"code":500,"message":"slot unavailable"}\n\n' + body


@on_body
def bare_json(body: bytes) -> bytes:
    """A line of the engine's own format slips through."""
    return b'{"response":"","done":false}\n\n' + body


@on_body
def field_name_left_out(body: bytes) -> bytes:
    """NDJSON under the name of an event stream."""
    return body.replace(b"data: ", b"")


@on_body
def mark_inside(body: bytes) -> bytes:
    """Two pieces that each start with a byte order mark are put together."""
    return b'\n\xef\xbb\xbfdata: {"choices":[]}\n\n' + body


@rule(
    id="sse/lines/payload-in-data",
    level=MUST,
    says="Everything meant for the client is in data fields.",
    source=(
        HTML.at("9.2.6: any other field is ignored"),
        CLIENTS.at(
            "finding 7: an error field is dropped by all but two clients; scenario 94: NDJSON is an empty answer"
        ),
        issue("ollama/ollama#4788"),
    ),
    needs=EVENTS,
    broken_by=(name_in_capitals, error_as_a_field, bare_json, field_name_left_out, mark_inside),
)
def payload_in_data(stream: View) -> Iterator[Finding]:
    stray = [(event, line) for event, line in stray_lines(stream) if not is_indented(line)]
    places = [(event, show(line.raw)) for event, line in stray if carries_payload(line)]
    yield from first_of(stream, "a data field", places)


@on_acts
def field_of_our_own(acts: list[Act]) -> list[Act]:
    first = next(act for act in acts if isinstance(act, Send))
    return [Send(b"trace: 4bf92f35\n" + first.data), *acts[acts.index(first) + 1 :]]


@on_body
def text_for_a_comment(body: bytes) -> bytes:
    return b"keep-alive\n\n" + body


@rule(
    id="sse/lines/known-fields",
    level=SHOULD,
    says="Fields are data, event, id or retry.",
    source=(HTML.at("9.2.6"), OPENAPI.at("CreateChatCompletionRequest.stream: data-only server-sent events")),
    needs=EVENTS,
    broken_by=(field_of_our_own, text_for_a_comment),
)
def known_fields(stream: View) -> Iterator[Finding]:
    if not any(isinstance(event, Message) for event in stream.exchange.events):
        return  # no event stream at all
    stray = [(event, line) for event, line in stray_lines(stream) if not is_indented(line)]
    places = [(event, show(line.raw)) for event, line in stray if not carries_payload(line)]
    yield from first_of(stream, "a field that the standard knows", places)


@on_acts
def pretty_printed(acts: list[Act]) -> list[Act]:
    """The JSON is written over several lines, each in a data field of its own."""
    return [Send(act.data.replace(b',"', b',\ndata: "', 1)) if isinstance(act, Send) else act for act in acts]


@on_acts
def one_in_two_lines(acts: list[Act]) -> list[Act]:
    first = next(act for act in acts if isinstance(act, Send))
    return [Send(first.data.replace(b',"', b',\ndata:"', 1)), *acts[acts.index(first) + 1 :]]


@rule(
    id="sse/lines/one-data-line",
    level=SHOULD,
    says="A message has one data line.",
    source=(
        OBSERVED.at("109 of 109"),
        CLIENTS.at("finding 13: the usual loops over lines parse each line on its own"),
        HTML.at("9.2.6: several lines are legal"),
    ),
    needs=EVENTS,
    broken_by=(pretty_printed, one_in_two_lines),
)
def one_data_line(stream: View) -> Iterator[Finding]:
    places = [
        (m, f"{m.data.count(chr(10)) + 1} data lines: {show(m.data)}") for m in readable(stream) if "\n" in m.data
    ]
    yield from first_of(stream, "one data line", places)


RULES = (one_end, not_bare_cr, one_space, no_indent, payload_in_data, known_fields, one_data_line)
