"""The suite proves itself: every mutant of every rule against every rule, in memory. Prints nothing.

The good exchanges are the mock server's answers to every probe. A mutant changes the answers to the probes that its
rule needs; then its own rule has to notice, and no other but those named in `also_breaks`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from conformance.judge import findings_of
from conformance.probes.catalogue import PROBES, Companion, Probe, requests_of
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of, hung_up_on
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Answer
from mockserver.answering import Settings
from mockserver.routes import respond

SETTINGS = Settings(keys=frozenset({"proof"}))
KEY = (("authorization", "Bearer proof"),)


@dataclass(frozen=True, slots=True)
class Kill:
    """What one mutant did: which rules found something, on which probes."""

    rule: Rule
    mutant: str
    caught: tuple[str, ...]
    """Probes on which its own rule noticed."""
    missed: tuple[str, ...]
    """Probes whose answer it changed without its own rule noticing."""
    strangers: tuple[tuple[str, str], ...]
    """(rule, probe) of every finding by a rule that is not named in also_breaks."""
    companions: tuple[str, ...]
    """Rules named in also_breaks that did find something."""

    @property
    def name(self) -> str:
        """What the fault is called behind its rule's id."""
        return self.mutant

    @property
    def clean(self) -> bool:
        """Caught, and by nobody else."""
        return bool(self.caught) and not self.strangers


def answered(request: Request) -> Answer:
    """What a server that does everything right answers."""
    return respond(request, SETTINGS)


def exchanges_of(
    probe: Probe,
    mutant: Mutant | None = None,
    *,
    second: bool = False,
    answer: Callable[[Request], Answer] = answered,
) -> Exchange:
    """The exchange of a probe with the mock server, in memory; a mutant may break its answers, or the `second` only."""
    headers = KEY if probe.with_key else ()
    requests = requests_of(probe, url="http://mock/v1", model="mock", headers=headers)
    answers = [answer(request) for request in requests]
    if mutant:
        answers = [*answers[:-1], mutant(answers[-1])] if second else [mutant(good) for good in answers]
    if probe.companion is None:
        return exchange_of(requests[0], answers[0], probe=probe.name)
    first = exchange_of(requests[0], answers[0], probe=f"{probe.name}/first")
    if probe.companion is Companion.BEFORE and answers[0].hangs_up:
        return hung_up_on(requests[1], probe=probe.name, beside=first)
    return exchange_of(requests[1], answers[1], probe=probe.name, beside=first)


@cache
def good_exchanges() -> tuple[tuple[Probe, Exchange], ...]:
    """What a server that does everything right gives to every probe."""
    return tuple((probe, exchanges_of(probe)) for probe in PROBES)


def kill(rule: Rule, mutant: Mutant, rules: Sequence[Rule] = ALL) -> Kill:
    """Play one mutant on every probe that its rule needs, and see who notices."""
    caught: list[str] = []
    missed: list[str] = []
    strangers: list[tuple[str, str]] = []
    companions: set[str] = set()
    for probe, good in good_exchanges():
        if not rule.needs.fits(good):
            continue
        broken = exchanges_of(probe, mutant, second=rule.needs.second is not None)
        if _same(broken, good, beside=not rule.needs.alone):
            continue
        found = {rule_id for rule_id, findings in findings_of(broken, rules).items() if findings}
        (caught if rule.id in found else missed).append(probe.name)
        companions |= found & set(rule.also_breaks)
        strangers += [(other, probe.name) for other in sorted(found - {rule.id} - set(rule.also_breaks))]
    return Kill(rule, name_of(mutant), tuple(caught), tuple(missed), tuple(strangers), tuple(sorted(companions)))


def _same(one: Exchange, other: Exchange, *, beside: bool = True) -> bool:
    """Nothing a client could see differs; `beside` is whether the exchange beside it counts too."""
    return replace(one, beside=None, events=(), steps=()) == replace(other, beside=None, events=(), steps=()) and (
        not beside or one.beside is None or other.beside is None or _same(one.beside, other.beside)
    )


def matrix(rules: Sequence[Rule] = ALL) -> Iterator[Kill]:
    """Every mutant of these rules against every rule there is."""
    for rule in rules:
        for mutant in rule.broken_by:
            yield kill(rule, mutant)


def false_alarms(rules: Sequence[Rule] = ALL) -> list[tuple[str, str]]:
    """(rule, probe) of every finding on a good exchange; there must be none."""
    return [
        (rule_id, probe.name)
        for probe, exchange in good_exchanges()
        for rule_id, findings in findings_of(exchange, rules).items()
        if findings
    ]


def never_tried(rules: Sequence[Rule] = ALL) -> list[str]:
    """Rules with mutants whose needs no good exchange meets."""
    mutable = (r for r in rules if r.broken_by)
    return [r.id for r in mutable if not any(r.needs.fits(exchange) for _, exchange in good_exchanges())]
