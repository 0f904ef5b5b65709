"""A recorded exchange as an answer: the same body, byte for byte, at the same pace. Knows no file and no request."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from conformance.protocols.exchange import Ending, Exchange
from conformance.wire import encoder
from conformance.wire.http import GZIP
from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait

OWN = ("transfer-encoding", "content-length", "connection", "keep-alive", "proxy-connection", "upgrade", "trailer")
"""Headers that say how this connection is framed, not the recorded one."""
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile("[\t -~\x80-\xff]*")
"""What may stand in a header (RFC 9110, 5); a recording of HTTP/2 has others, and one that was made up has any."""
LONGEST = 600.0
"""Seconds of the longest silence: a recording may hold any time."""
BODYLESS = (204, 304)


def answer_of(exchange: Exchange, speed: float = 1.0) -> Answer:
    """The answer that was recorded, so many times as fast; at once where `speed` is 0. Needs a head.

    What ended too early ends so again: a recording that was cut, or that its own client left, by a reset.
    """
    assert exchange.head is not None
    status, framing = exchange.head.status, Framing.CHUNKED
    if exchange.transport is not None and exchange.transport.framing is Framing.CLOSE:
        framing = Framing.CLOSE
    elif not exchange.events:
        framing = Framing.LENGTH
    headers = tuple((name, value) for name, value in exchange.head.headers if _stays(name, value, exchange.body))
    acts = tuple(_acts(exchange, _shortened(speed)))
    if exchange.ending is not Ending.EOF:
        acts = (*acts, Reset())
        framing = Framing.CHUNKED if framing is Framing.LENGTH else framing
    before = tuple(_waits(exchange.head_at or 0.0, _shortened(speed)))
    answer = Answer(status, headers, acts, framing, before=before)
    if status in BODYLESS or status < 200:
        return _raw(replace(answer, framing=Framing.RAW), headless=False)
    return _raw(answer, headless=True) if _cut_short(exchange) else answer


def _cut_short(exchange: Exchange) -> bool:
    """The server closed the connection where its framing promised more."""
    transport = exchange.transport
    return exchange.ending is Ending.EOF and transport is not None and not transport.complete


def _raw(answer: Answer, *, headless: bool) -> Answer:
    """The whole response as acts, without what would end the body."""
    framed = replace(answer, framing=Framing.CHUNKED) if headless else answer
    acts = [act for act in encoder.one_by_one(framed) if act != Send(encoder.LAST_CHUNK)]
    if not headless:
        acts.insert(len(answer.before), Send(encoder.head(answer)))
    return Answer(answer.status, (), tuple(acts), Framing.RAW)


def _acts(exchange: Exchange, shortened: Callable[[float], float]) -> Iterator[Act]:
    """A write for each event, when its last byte came; what no event has, with the one before it or alone."""
    sent, now = 0, exchange.head_at or 0.0
    for event in exchange.events:
        if event.end <= sent:
            continue
        if event.at is not None:
            yield from _waits(event.at - now, shortened)
            now = max(now, event.at)
        yield Send(exchange.body[sent : event.end])
        sent = event.end
    if exchange.ended_at is not None and (sent < len(exchange.body) or exchange.ending is not Ending.EOF):
        yield from _waits(exchange.ended_at - now, shortened)
    if sent < len(exchange.body):
        yield Send(exchange.body[sent:])


def _waits(seconds: float, shortened: Callable[[float], float]) -> Iterator[Wait]:
    if (wait := min(shortened(seconds), LONGEST)) > 0:
        yield Wait(wait)


def _shortened(speed: float) -> Callable[[float], float]:
    return lambda seconds: seconds / speed if speed else 0.0


def _stays(name: str, value: str, body: bytes) -> bool:
    """Whether a header is true of the answer, too; of a body that was unpacked its coding is not."""
    if not (NAME.fullmatch(name) and VALUE.fullmatch(value)):
        return False
    name = name.lower()
    return name not in OWN and (name != "content-encoding" or body.startswith(GZIP))
