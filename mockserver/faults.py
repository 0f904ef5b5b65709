"""Faults of the server are the mutants of the rules: "rule" or "rule#mutant". Looks them up; breaks nothing itself."""

from conformance.protocols.exchange import Request
from conformance.protocols.reading import exchange_of
from conformance.rules import ALL
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Answer


def find(name: str) -> tuple[Rule, Mutant]:
    """The rule and mutant of a fault; without "#mutant" the first mutant. Raises LookupError, with what to write."""
    rule_id, _, wanted = name.partition("#")
    for rule in ALL:
        if rule.id == rule_id:
            for mutant in rule.broken_by:
                if not wanted or name_of(mutant) == wanted:
                    return rule, mutant
            known = ", ".join(name_of(mutant) for mutant in rule.broken_by)
            raise LookupError(f"rule {rule_id} has no mutant {wanted!r}; it has {known}")
    raise LookupError(f"no rule {rule_id!r}; `streamspec rules` lists them")


def apply(rule: Rule, mutant: Mutant, request: Request, answer: Answer) -> Answer:
    """The answer with the fault in it, where the rule has something to say about this request; else as it was."""
    if not rule.needs.alone:
        return mutant(answer)
    exchange = exchange_of(request, answer, probe=rule.needs.probes[0])
    return mutant(answer) if rule.needs.fits(exchange) else answer
