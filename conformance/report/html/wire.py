"""An exchange as the page shows it: the request, the head, and the body byte for byte around what was found in it.

Bounded: of a long body its beginning, its end and the surroundings of each span are kept. Knows no HTML; the page
turns the bytes into text, so that what is marked there is what the span says.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from conformance.protocols.credentials import (
    without_credentials,
    without_credentials_in_body,
    without_credentials_in_url,
)
from conformance.protocols.exchange import Exchange
from conformance.rules.pace import first_piece
from conformance.wire.events import Comment, CutOff, Dataless, Event, Message, Overlong

Span = tuple[int, int]

KINDS = {Message: "message", Comment: "comment", Dataless: "no data", CutOff: "cut off", Overlong: "too long"}
SPANS = 40
"""Places in one exchange around which its bytes are kept."""
POINTS = 400
"""Arrivals that are kept of one exchange."""
EVENTS = 500
"""Events that are told of one exchange."""
HEAD = 4000
"""Characters of a request's body, or of a header, that are kept."""


def wire_of(exchange: Exchange, spans: Sequence[Span], limit: int) -> dict[str, Any]:
    """What is shown of an exchange whose findings are at these spans; `limit` bytes are kept without a second thought.

    Byte offsets count from the start of the body, times are seconds since the request.
    """
    size = len(exchange.body)
    kept = [(0, size)] if size <= limit else _around(exchange.body, spans, limit)
    shown = [
        (number, event)
        for number, event in _numbered(exchange)
        if any(event.start < end and start < event.end for start, end in kept)
    ]
    facts = {
        "asked": _asked(exchange),
        "head": _head(exchange),
        "size": size,
        "pieces": [_piece(exchange.body, start, end) for start, end in kept],
        "events": [
            [KINDS[type(event)], number, event.start, event.end, _rounded(event.at)] for number, event in shown[:EVENTS]
        ],
        "total": len(exchange.events),
        "ending": exchange.ending.value,
        "flaw": exchange.transport.flaw if exchange.transport else "",
        "beside": exchange.beside.probe if exchange.beside else "",
    }
    return {**times_of(exchange), **{name: value for name, value in facts.items() if value}}


def times_of(exchange: Exchange) -> dict[str, Any]:
    """When the head, the first piece of the answer, each event and the end came; arrivals as steps of 0.1 ms."""
    arrivals = [event.at for event in exchange.events if event.at is not None]
    step = -(-len(arrivals) // POINTS) or 1
    ticks = [round(at * 10_000) for at in [0.0, *arrivals[::-1][::step][::-1]]]
    times = {"head_at": exchange.head_at, "first": first_piece(exchange), "end_at": exchange.ended_at}
    return {
        "arrivals": [later - earlier for earlier, later in pairwise(ticks)],
        **({"every": step} if step > 1 else {}),
        **{name: _rounded(at) for name, at in times.items() if at is not None},
    }


def by_probe(exchanges: Sequence[Exchange]) -> Mapping[str, Exchange]:
    """Exchanges and those that belong to them, by the name of their probe."""
    found: dict[str, Exchange] = {}
    for exchange in exchanges:
        for each in (exchange, *exchange.group, *([exchange.beside] if exchange.beside else [])):
            found.setdefault(each.probe or each.source, each)
    return found


def _asked(exchange: Exchange) -> dict[str, str]:
    request = exchange.request
    body = without_credentials_in_body(request.body)
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False) if body is not None else ""
    return {
        "line": f"{request.method} {without_credentials_in_url(request.url)}"[:HEAD],
        "body": f"{text[:HEAD]}…" if len(text) > HEAD else text,
    }


def _head(exchange: Exchange) -> list[str]:
    if exchange.head is None:
        return []
    head = exchange.head
    named = [f"{name}: {value}" for name, value in without_credentials(head.headers)[:100]]
    return [line[:HEAD] for line in (f"HTTP/{head.version} {head.status} {head.reason}".rstrip(), *named)]


def _numbered(exchange: Exchange) -> list[tuple[int, Event]]:
    """Events, messages with the numbers that findings give them; 0 for the others."""
    numbers = {id(step.event): step.number for step in exchange.steps}
    return [(numbers.get(id(event), 0), event) for event in exchange.events]


def _around(body: bytes, spans: Sequence[Span], limit: int) -> list[Span]:
    """What is kept of a long body, in order and without overlaps."""
    size, beside = len(body), limit // 16
    wanted = [(0, limit // 8), (size - beside, size)]
    for start, end in list(dict.fromkeys(spans))[:SPANS]:
        if end - start <= limit // 4:
            wanted.append((start - beside, end + beside))
        else:
            wanted += [(start - beside, start + beside), (end - beside, end + beside)]
    merged: list[Span] = []
    for start, end in sorted((_character(body, start), _character(body, end)) for start, end in wanted):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def _character(body: bytes, at: int) -> int:
    """The first byte of the character that this byte is in, as far as the body is UTF-8."""
    at = max(0, min(at, len(body)))
    for back in range(4):
        if at - back <= 0 or at == len(body) or body[at - back] & 0xC0 != 0x80:
            return max(0, at - back)
    return at


def _piece(body: bytes, start: int, end: int) -> list[Any]:
    """Where it starts and its bytes: as text where they are UTF-8, else as base64 behind an empty text."""
    data = body[start:end]
    try:
        return [start, data.decode()]
    except UnicodeDecodeError:
        return [start, "", base64.b64encode(data).decode("ascii")]


def _rounded(at: float | None) -> float | None:
    return None if at is None else round(at, 4)
