"""Events that are not written in the plainest form, `data: ...` and two LF. Knows no rule.

Rules about writing look at these alone: a stream of ten thousand plain events costs them one pass.
"""

import re
from collections.abc import Iterator, Sequence

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.wire.decoder import BOM
from conformance.wire.events import CutOff, Dataless, Event, Line, Message, Overlong

DATA = re.compile(rb"(?:^|[\r\n]|\\n)[ \t]*data", re.IGNORECASE)
"""Where a data field begins, also behind a line end that is spelled out."""
KNOWN = (b"data", b"event", b"id", b"retry")
"""Field names of the standard; a client ignores any other."""


def unusual(stream: View) -> list[Event]:
    """Every event that is not in the plainest form: comments, too."""
    return [e for e in stream.exchange.events if type(e) is not Message or e.lines]


def is_page(stream: View) -> bool:
    """HTML that calls itself an event stream. That it brings no messages is said once, and nothing of its lines."""
    exchange = stream.exchange
    return exchange.body[:64].lstrip()[:1] == b"<" and not any(isinstance(event, Message) for event in exchange.events)


def name_of(line: Line) -> bytes:
    """The field name of a line: what stands before the first colon."""
    return line.raw.partition(b":")[0]


def flawed(stream: View) -> set[int]:
    """Where the messages start whose data are wrong: rules about the data speak of those, and no other."""
    return {step.event.start for step in stream.steps if step.flaw is not None}


def readable(stream: View) -> list[Message]:
    """Messages in an unusual form whose data are right."""
    messages = [event for event in unusual(stream) if isinstance(event, Message)]
    wrong = flawed(stream) if messages else set()
    return [message for message in messages if message.start not in wrong]


def stray_lines(stream: View) -> Iterator[tuple[Event, Line]]:
    """Lines whose field name the standard does not know.

    Not those inside a message that cannot be read: there they are the rest of a text that was not split into fields.
    """
    events = [e for e in unusual(stream) if isinstance(e, Message | Dataless)] if not is_page(stream) else []
    wrong = flawed(stream) if events else set()
    for event in events:
        if event.start not in wrong:
            for line in event.lines[:-1]:
                if name_of(line) not in KNOWN:
                    yield event, line


def is_indented(line: Line) -> bool:
    """A known field, or a comment, behind white space."""
    name = name_of(line)
    return name[:1].isspace() and name.strip() in (*KNOWN, b"")


def carries_payload(line: Line) -> bool:
    """A line that was meant to be data."""
    meant = name_of(line).removeprefix(BOM).strip().lower() in (b"data", b"error")
    return meant or b"{" in line.raw or b"[DONE]" in line.raw


def has_messages(stream: View) -> bool:
    """Something that is, or was meant to be, a message; rules about lines and events say what is wrong with it."""
    if any(isinstance(event, Message | Overlong) for event in stream.exchange.events):
        return True
    head = stream.exchange.head
    if head is None or head.media_type != "text/event-stream" or is_page(stream):
        return False
    cut = any(isinstance(event, CutOff) and DATA.search(event.raw) for event in stream.exchange.events)
    return cut or any(carries_payload(line) for _, line in stray_lines(stream))


def first_of(stream: View, wanted: str, places: Sequence[tuple[Event, str]]) -> Iterator[Finding]:
    """One finding for what happens in many events: the first place, and in how many more."""
    if not places:
        return
    event, got = places[0]
    more = len({place.start for place, _ in places}) - 1
    step = next((s for s in stream.steps if s.event.start == event.start), None)
    text = f"{got} (and in {more} more events)" if more else got
    yield stream.finding(wanted, text, step, span=(event.start, event.end))
