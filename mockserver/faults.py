"""Faults of the server are the mutants and the behaviours of the rules: "rule" or "rule#name". Looks them up."""

from dataclasses import replace
from difflib import get_close_matches

from conformance.protocols.exchange import Request
from conformance.protocols.reading import exchange_of, protocol_of
from conformance.rules import ALL
from conformance.rules.behaviour import Behaviour
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Answer, whole

Fault = tuple[Rule, Mutant | Behaviour]

HEADER = "x-streamspec-fault"
PROBE_LIKE = {
    ("chat", 200): "stream",
    ("chat", 401): "key-missing",
    ("chat", 404): "model-unknown",
    ("completions", 200): "completions-stream",
}
"""Some needs go by the name of the probe. The status of our own good answer says which probe sends such a request."""


def find(name: str) -> Fault:
    """The rule and what breaks it; without "#name" the first that does. Raises LookupError, with what to write."""
    rule_id, _, wanted = name.partition("#")
    for rule in ALL:
        if rule.id == rule_id:
            faults: tuple[Mutant | Behaviour, ...] = (*rule.broken_by, *rule.broken_when)
            for fault in faults:
                if wanted in ("", fault_name(fault)):
                    return rule, fault
            known = ", ".join(map(fault_name, faults))
            raise LookupError(f"rule {rule_id} has no mutant {wanted!r}; it has {known}")
    ids = [rule.id for rule in ALL]
    near = [known for known in ids if known.endswith(f"/{rule_id}")] or get_close_matches(rule_id, ids, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise LookupError(f"no rule {rule_id!r}{hint} (`streamspec rules` lists them all)")


def fault_name(fault: Mutant | Behaviour) -> str:
    """What it is called behind the rule's id."""
    return fault.name if isinstance(fault, Behaviour) else name_of(fault)


def split(request: Request) -> tuple[Request, str]:
    """The request without the fault it asks for, and the name of that fault, "" for none.

    It is asked for in a header, or after the model: "mock#rule" or "mock#rule#mutant".
    """
    named = request.header(HEADER) or ""
    body = request.body
    if isinstance(body, dict) and isinstance(model := body.get("model"), str):
        plain, _, after = model.partition("#")
        return replace(request, body={**body, "model": plain}), named or after
    return request, named


def apply(fault: Fault, request: Request, answer: Answer) -> Answer:
    """The answer with the fault in it, where the rule has something to say about this request; else as it was."""
    rule, mutant = fault
    if isinstance(mutant, Behaviour):
        return answer
    answer = whole(answer)
    if not rule.needs.alone:
        # Such rules compare two answers, both of them good ones: each is broken alike.
        return mutant(answer) if answer.status == 200 else answer
    exchange = exchange_of(request, answer, probe=PROBE_LIKE.get((protocol_of(request), answer.status), ""))
    return mutant(answer) if rule.needs.fits(exchange) else answer
