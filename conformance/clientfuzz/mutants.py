"""Every mutant of every rule that one answer to one chat request can show, as cases. Knows no client."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from conformance.probes.catalogue import PROBES, requests_of
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Act, Answer, Wait, whole
from mockserver.answering import Settings
from mockserver.routes import respond

from .case import STALL, Case

SETTINGS = Settings(keys=frozenset({"proof"}))
KEY = (("authorization", "Bearer proof"),)
LONG = 20.0
"""Seconds: what a mutant waits for longer than this is a silence that outlasts the client."""


@dataclass(frozen=True, slots=True)
class Good:
    """A request and what a server that does everything right answers."""

    request: Request
    answer: Answer
    exchange: Exchange

    @property
    def plain(self) -> bool:
        """Whether a client that asks for one choice expects such an answer: a stream of chat, or a refusal."""
        return self.exchange.protocol == "chat" and (self.exchange.document is None or self.exchange.status >= 400)


@cache
def goods() -> tuple[Good, ...]:
    """What the mock answers to every probe that is one request."""
    found = []
    for probe in PROBES:
        if probe.companion is None:
            headers = KEY if probe.with_key else ()
            request = requests_of(probe, url="http://mock/v1", model="mock", headers=headers)[0]
            answer = whole(respond(request, SETTINGS))
            found.append(Good(request, answer, exchange_of(request, answer, probe=probe.name)))
    return tuple(found)


def cases() -> Iterator[Case]:
    """One case for each mutant that changes such an answer, on the first answer that it changes."""
    for rule in ALL:
        for mutant in rule.broken_by:
            if (found := _broken(rule, mutant)) is not None:
                good, played = found
                yield Case(
                    id=f"mutant/{rule.id}#{name_of(mutant)}",
                    says=rule.says,
                    request=good.request,
                    good=good.answer,
                    played=outlasting(played),
                    authority=rule.authority,
                    level=rule.level.value,
                )


def _broken(rule: Rule, mutant: Mutant) -> tuple[Good, Answer] | None:
    if not rule.needs.alone:
        return None
    for good in goods():
        if good.plain and rule.needs.fits(good.exchange) and (played := mutant(good.answer)) != good.answer:
            return good, whole(played)
    return None


def outlasting(answer: Answer) -> Answer:
    """The answer, its longest silence longer than any client waits."""

    def kept(act: Act) -> Act:
        return Wait(STALL) if isinstance(act, Wait) and act.seconds >= LONG else act

    return Answer(
        answer.status,
        answer.headers,
        tuple(map(kept, answer.acts)),
        answer.framing,
        answer.hangs_up,
        tuple(map(kept, answer.before)),
    )
