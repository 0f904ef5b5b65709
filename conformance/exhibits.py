"""Every fault of the mock server with what it sends: `python -m conformance.exhibits docs` writes the pages.

The good answers and the broken ones are those with which the suite proves itself, so that nothing here is described
by hand. Judges nothing.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from conformance.probes.catalogue import Probe, requests_of
from conformance.proof import KEY, SETTINGS, good_exchanges
from conformance.report.faults import Exhibit, Shown, pages
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Answer
from mockserver.routes import respond


def exhibits() -> Iterator[Exhibit]:
    """All there is to show, in the order of the rules."""
    served = [(probe, exchange, _answers(probe)) for probe, exchange in good_exchanges()]
    for rule in ALL:
        for mutant in rule.broken_by:
            fitting = ((probe, answers) for probe, exchange, answers in served if rule.needs.fits(exchange))
            yield Exhibit(rule, name_of(mutant), shown=_first(rule, mutant, fitting))
        for behaviour in rule.broken_when:
            yield Exhibit(rule, behaviour.name, behaviour=behaviour)


def _answers(probe: Probe) -> list[Answer]:
    """The good answers to the requests of a probe: its own is the last."""
    headers = KEY if probe.with_key else ()
    requests = requests_of(probe, url="http://mock/v1", model="mock", headers=headers)
    return [respond(request, SETTINGS) for request in requests]


def _first(rule: Rule, mutant: Mutant, served: Iterator[tuple[Probe, list[Answer]]]) -> Shown | None:
    """What the mutant makes of the first probe whose answers it changes."""
    for probe, good in served:
        broken = [*good[:-1], mutant(good[-1])] if rule.needs.second else [mutant(answer) for answer in good]
        for one, other in reversed(list(zip(good, broken, strict=True))):
            if one != other:
                return Shown(probe.name, one, other)
    return None


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for name, text in pages(list(exhibits())).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
