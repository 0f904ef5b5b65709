"""Answers that a client leaves: a fast stream, a slow one, silence, nothing yet, and only a head."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conformance.probes.connection import By
from conformance.protocols.exchange import Request
from conformance.wire.script import Act, Answer, Send, Wait
from mockserver.upstream import Plan

from .telling import SSE, choice, chunk, data, role

AFTER = 3
"""Events after which the client leaves."""
AT_LATEST = 4.0
"""Seconds after which it leaves where they do not come."""
WAYS = (By.FIN, By.RST)
WAITED = 1.0
"""Seconds after which it leaves where there is nothing to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """An answer that the client leaves before its end."""

    name: str
    says: str
    letter: str
    gap: float
    """Seconds between two events of the upstream."""
    respond: Callable[[float], Callable[[Request], Plan]]
    """Given the seconds for which the upstream has to go on."""
    events: bool = True
    """The client leaves after events; else after a time."""


def _words(request: Request) -> Iterator[bytes]:
    yield data(chunk(request, role()))
    number = 0
    while True:
        number += 1
        yield data(chunk(request, choice({"content": f" {number}"})))


def _every(gap: float) -> Callable[[float], Callable[[Request], Plan]]:
    def lasting(seconds: float) -> Callable[[Request], Plan]:
        def respond(request: Request) -> Plan:
            acts: list[Act] = []
            for _, event in zip(range(int(seconds / gap) + 2), _words(request), strict=False):
                acts += [Send(event), Wait(gap)]
            return Plan(Answer(200, SSE, tuple(acts)))

        return respond

    return lasting


def _silent(before: int) -> Callable[[float], Callable[[Request], Plan]]:
    """Some events, then nothing for long, then one more."""

    def lasting(seconds: float) -> Callable[[Request], Plan]:
        def respond(request: Request) -> Plan:
            words = _words(request)
            acts: list[Act] = [Send(next(words)) for _ in range(before)]
            return Plan(Answer(200, SSE, (*acts, Wait(seconds), Send(next(words)))))

        return respond

    return lasting


def _headless(seconds: float) -> Callable[[Request], Plan]:
    """Not even a head for long."""

    def respond(request: Request) -> Plan:
        return Plan(Answer(200, SSE, (Send(next(_words(request))),)), before=seconds)

    return respond


LEAVINGS = (
    Leaving(name="fast", letter="E", says="a token every 20 ms", gap=0.02, respond=_every(0.02)),
    Leaving(name="slow", letter="S", says="a token every second", gap=1.0, respond=_every(1.0)),
    Leaving(name="silent", letter="Q", says="silence after three events", gap=0.0, respond=_silent(AFTER)),
    Leaving(name="nothing-yet", letter="T", says="no byte yet", gap=0.0, respond=_headless, events=False),
    Leaving(name="head-only", letter="H", says="the head, and no event yet", gap=0.0, respond=_silent(0), events=False),
)
