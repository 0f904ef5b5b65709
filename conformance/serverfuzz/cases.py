"""One case: a request, perhaps with one thing wrong, or a pair of them; drawn by hypothesis, then performed and judged.

Knows no campaign: what is done about a fault is the business of others.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from conformance.probes.way import Way
from conformance.protocols.exchange import Exchange

from . import relations, wrongs
from .asking import Asker
from .judging import Court
from .oracles import Fault
from .relations import RELATIONS, limit_kept
from .requests import Body, Offer, requests

PLAIN: Body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}


@dataclass(frozen=True, slots=True)
class Case:
    """What is sent: a request; with `wrong`, broken in that way; with `relation`, another one after it."""

    body: Body
    wrong: str = ""
    relation: str = ""
    number: int = 0
    """Chooses what the relation leaves open."""

    def sent(self, offer: Offer) -> object:
        """The body that goes out first: JSON, or text that is sent as it is."""
        if self.wrong:
            return wrongs.find(self.wrong).breaks(self.body)
        return relations.find(self.relation).first(self.body, offer) if self.relation else self.body

    @property
    def says(self) -> str:
        """What is done, in words."""
        if self.wrong:
            return f"a request with one thing wrong: {self.wrong}"
        return relations.find(self.relation).says if self.relation else "a valid request"


@dataclass(slots=True)
class Seen:
    """What came of a case: its requests in order, and what is wrong with the answers."""

    exchanges: list[Exchange] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    """How each request was sent."""

    def kinds(self) -> list[str]:
        """The kinds of what counts."""
        return list(dict.fromkeys(fault.kind for fault in self.faults if fault.red))


@st.composite
def cases(draw: st.DrawFn, offer: Offer) -> Case:
    """A valid request, one of a pair, or one with one thing wrong; the simplest says Hello."""
    match draw(st.sampled_from(["valid", "valid", "valid", "pair", "pair", "pair", "pair", "wrong"])):
        case "pair":
            fitting = [name for one in RELATIONS if one.applies(offer) for name in [one.name] * one.weight]
            return Case(draw(requests(offer)), relation=draw(st.sampled_from(fitting)), number=draw(NUMBER))
        case "wrong":
            names = [wrong.name for wrong in wrongs.WRONGS if wrong.concerns(offer)]
            return with_wrong(draw(st.sampled_from(names)), streamed=draw(st.booleans()))
        case _:
            return Case(draw(requests(offer)))


def with_wrong(name: str, *, streamed: bool) -> Case:
    """The plainest request, with one thing wrong."""
    return Case({**PLAIN, "stream": True} if streamed else PLAIN, wrong=name)


def with_corner(corner: Body) -> Case:
    """The plainest request, with one thing in it that is unusual."""
    return Case({**PLAIN, **corner})


def plain_pair(name: str, offer: Offer, chance: Random) -> Case:
    """The plainest request whose answer has several words, and what a relation makes of it."""
    body: Body = {"messages": [{"role": "user", "content": relations.find(name).prompt}]}
    body["max_tokens"] = min(SOME, offer.tokens)
    return Case(body, relation=name, number=chance.randrange(1000))


NUMBER = st.integers(0, 999)


def perform(asker: Asker, court: Court, offer: Offer, case: Case, record_to: Path | None = None) -> Seen:
    """Send what a case has to send, and judge what comes. With `record_to`, the folder of its recordings."""
    seen = Seen()
    files = (record_to / "first.jsonl", record_to / "second.jsonl") if record_to else (None, None)
    body = case.sent(offer)
    relation = relations.find(case.relation) if case.relation else None
    if relation is not None and relation.second(_asked(body), None, case.number) is None:
        relation = None
    one = asker.ask(body, record_to=files[0])
    seen.exchanges, seen.ways = [one], [Way.WHOLE]
    seen.faults = [*court.faults_of(one, case.wrong), *(limit_kept(one) if not case.wrong else ())]
    if case.wrong and wrongs.find(case.wrong).unbounded:
        seen.faults = [fault for fault in seen.faults if fault.rule not in UNBOUNDED]
    if relation is None or seen.kinds() or one.status != 200:
        return seen
    again = relation.second(_asked(body), one, case.number)
    if again is None:
        return seen
    probe, way = relation.sent_by(again, case.number)
    beside, name = (one, "first.jsonl") if probe else (None, "")
    other = asker.ask(again, way=way, probe=probe, beside=beside, record_to=files[1], beside_file=name)
    seen.exchanges.append(other)
    seen.ways.append(way)
    seen.faults += [*court.faults_of(other), *limit_kept(other), *relation.compare(one, other)]
    return seen


UNBOUNDED = ("fuzz/bounded", "fuzz/in-time")


def _asked(body: object) -> Body:
    return body if isinstance(body, dict) else {}


SOME = 8
"""Tokens: fewer than the plainest prompts have answers, so that the limit ends them."""


def smaller(case: Case, seen: Seen) -> Iterator[Case]:
    """The same case with one thing less: the other request of a pair, a member, a message, a text."""
    if case.relation:
        for exchange in seen.exchanges:
            body = {name: value for name, value in _asked(exchange.request.body).items() if name != "model"}
            yield Case(body)
    for name in case.body:
        if name != "messages":
            yield replace(case, body={key: value for key, value in case.body.items() if key != name})
    limit = case.body.get("max_tokens")
    for less in (1, 2):
        if isinstance(limit, int) and less < limit:
            yield replace(case, body={**case.body, "max_tokens": less})
    for messages in _fewer(case.body["messages"]):
        yield replace(case, body={**case.body, "messages": messages})


def _fewer(messages: list[Body]) -> Iterator[list[Body]]:
    """One message less; a plainer text."""
    for place, message in enumerate(messages):
        if len(messages) > 1:
            yield [*messages[:place], *messages[place + 1 :]]
        if message["content"] != "Hello" and isinstance(message["content"], str):
            yield [*messages[:place], {**message, "content": "Hello"}, *messages[place + 1 :]]
