"""The bytes of a good answer, written another way: line ends, comments, JSON, writes, framing, names of headers.

Knows events and JSON, and nothing of what they mean. Only an answer in the plainest form can be spelled: whoever puts
a fault in at a certain byte leaves the spelling be.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.protocols.chat import emitter
from conformance.wire.script import Act, Answer, Framing, Send, body

from .habits import CASES, Habits
from .varying import shuffled

END = b"\n\n"
COMMENTS = (b":", b": ping", b":keep-alive", b": \xf0\x9f\x91\x8b data: not this")
LARGEST = 64 * 1024
"""Bytes that are written at once, where writes are joined."""


def spelled(answer: Answer, habits: Habits) -> Answer:
    """The answer, written another way. A body of JSON is written anew, and a stream event by event."""
    case = CASES[habits.case]
    headers = tuple((case(name), value) for name, value in answer.headers)
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    answer = replace(answer, headers=headers)
    if answer.framing is Framing.CHUNKED and kind.startswith("text/event-stream"):
        framing = Framing.CLOSE if habits.closes else Framing.CHUNKED
        return replace(answer, framing=framing, acts=(), told=lambda: _told(answer, habits))
    if answer.framing is Framing.LENGTH and kind.startswith("application/json"):
        return replace(answer, acts=(Send(_document(body(answer.acts), habits)),))
    return answer


def _document(plain: bytes, habits: Habits) -> bytes:
    value = json.loads(plain)
    return _json(shuffled(value, habits.chance("document")) if habits.shuffles else value, habits).encode()


def _told(answer: Answer, habits: Habits) -> Iterator[Act]:
    chance = habits.chance("spelling")
    acts = _events(answer.played(), habits, chance)
    return _cut(_joined(acts, habits, chance), habits, chance)


def _events(acts: Iterator[Act], habits: Habits, chance: random.Random) -> Iterator[Act]:
    """Every event, spelled."""
    for act in acts:
        if not isinstance(act, Send) or not act.data.endswith(END):
            yield act
            continue
        lines = _lines(act.data, habits)
        if chance.random() < habits.comments:
            comment = chance.choice(COMMENTS)
            lines = [comment, b"", *lines] if chance.random() < 0.5 else [comment, *lines]
        if chance.random() < habits.blank_lines:
            lines.append(b"")
        yield Send(b"".join(line + habits.line_end for line in [*lines, b""]))


def _lines(event: bytes, habits: Habits) -> list[bytes]:
    """The lines of an event in the plainest form."""
    text = event.removesuffix(END)
    colon = b"data: " if habits.space else b"data:"
    if not text.startswith(b"data: {"):
        return [colon + line[len(b"data: ") :] if line.startswith(b"data: ") else line for line in text.split(b"\n")]
    written = _json(json.loads(text[len(b"data: ") :]), habits)
    return [colon + line.encode() for line in written.split("\n")]


def _json(value: Any, habits: Habits) -> str:
    """JSON in this style; where it has several lines, they may as well be several data fields."""
    match habits.style:
        case "compact" if not habits.escapes:
            return emitter.dumps(value)
        case "lines":
            text = json.dumps(value, ensure_ascii=habits.escapes, indent=1)
        case "spaced":
            text = json.dumps(value, ensure_ascii=habits.escapes)
        case _:
            text = json.dumps(value, ensure_ascii=habits.escapes, separators=(",", ":"))
    if habits.style == "broken":
        text = text[:1] + "\n" + text[1:]
    return text.translate(emitter.SEPARATORS)


def _joined(acts: Iterator[Act], habits: Habits, chance: random.Random) -> Iterator[Act]:
    """Some events in one write; none waits for another that is not there yet."""
    held = b""
    for act in acts:
        if isinstance(act, Send):
            held += act.data
            if len(held) < LARGEST and chance.random() < habits.joins:
                continue
            yield Send(held)
            held = b""
            continue
        if held:
            yield Send(held)
            held = b""
        yield act
    if held:
        yield Send(held)


def _cut(acts: Iterator[Act], habits: Habits, chance: random.Random) -> Iterator[Act]:
    """Some writes in two or three, wherever, also inside a character."""
    for act in acts:
        if not isinstance(act, Send) or len(act.data) < 2 or chance.random() >= habits.cuts:
            yield act
            continue
        places = sorted({chance.randrange(1, len(act.data)) for _ in range(chance.randrange(1, 3))})
        for start, end in zip([0, *places], [*places, len(act.data)], strict=True):
            yield Send(act.data[start:end])
