"""Events that are not written in the plainest form, `data: ...` and two LF. Knows no rule.

Rules about writing look at these alone: a stream of ten thousand plain events costs them one pass.
"""

from collections.abc import Iterator, Sequence

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding
from conformance.wire.events import Dataless, Event, Line, Message, field

KNOWN = ("data", "event", "id", "retry")
"""Field names of the standard; a client ignores any other."""


def unusual(stream: View) -> list[Event]:
    """Every event that is not in the plainest form: comments, too."""
    return [e for e in stream.exchange.events if type(e) is not Message or e.lines]


def fields(event: Event) -> list[tuple[str, str]]:
    """The fields of an event, in order; none where only the data were kept."""
    lines = event.lines if isinstance(event, Message | Dataless) else ()
    return [field(line) for line in lines[:-1]]


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
    events = [event for event in unusual(stream) if isinstance(event, Message | Dataless)]
    wrong = flawed(stream) if events else set()
    for event in events:
        if event.start not in wrong:
            for line in event.lines[:-1]:
                if field(line)[0] not in KNOWN:
                    yield event, line


def is_indented(line: Line) -> bool:
    """A known field, or a comment, behind white space."""
    name = field(line)[0]
    return name[:1].isspace() and name.strip() in (*KNOWN, "")


def carries_payload(line: Line) -> bool:
    """A line that was meant to be data."""
    name = field(line)[0].strip(" \t\ufeff").lower()
    return name in ("data", "error") or b"{" in line.raw or b"[DONE]" in line.raw


def first_of(stream: View, wanted: str, places: Sequence[tuple[Event, str]]) -> Iterator[Finding]:
    """One finding for what happens in many events: the first place, and in how many more."""
    if not places:
        return
    event, got = places[0]
    more = len({place.start for place, _ in places}) - 1
    step = next((s for s in stream.steps if s.event.start == event.start), None)
    text = f"{got} (and in {more} more events)" if more else got
    yield stream.finding(wanted, text, step, span=(event.start, event.end))
