"""A rule of chat, stated of text completions: the same fact and check, with an id, sources and a need of its own."""

from dataclasses import replace

from conformance.rules.mutate import Mutant
from conformance.rules.need import Need
from conformance.rules.rule import Level, Rule
from conformance.rules.sources import Source

from .mutate import in_text

SAME_TEXT, LIMIT_KEPT = "completions/twin/same-text", "completions/limits/limit-kept"
OFFSETS, TOKENS = "completions/logprobs/offsets-continue", "completions/logprobs/tokens-are-the-text"
"""Text that is wrong, or comes twice, also differs from its logprobs."""
ALWAYS = Source("openai", "genuine recordings of api.openai.com", place="15 of 15 text completions")


def of_chat(
    rule: Rule,
    *source: Source,
    needs: Need,
    says: str = "",
    level: Level | None = None,
    broken_by: tuple[Mutant, ...] = (),
    also_breaks: tuple[str, ...] | None = None,
) -> Rule:
    """The twin of a rule of chat, with the other's mutants and company, or its own where not all of them apply."""
    return replace(
        rule,
        id=_twin(rule.id),
        source=source or rule.source,
        needs=needs,
        says=says or rule.says,
        level=level or rule.level,
        broken_by=broken_by or tuple(in_text(mutant) for mutant in rule.broken_by),
        also_breaks=tuple(map(_twin, rule.also_breaks)) if also_breaks is None else also_breaks,
    )


def _twin(rule_id: str) -> str:
    return rule_id.replace("chat/", "completions/", 1)
