"""Whose dialect is spoken, guessed from the bytes; the guess says why. Knows no vendor: their marks are data.

Each vendor lists clues (dialect.py); the clues found in what was sent are weighed, and the heaviest vendor wins. All
vendors speak like OpenAI most of the time, so that sounding like OpenAI speaks against nobody: without a clue of some
weight the guess is "openai". The URL is no evidence: recordings and proxies have any.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from conformance.protocols.exchange import Exchange

from .dialect import Clue, Dialect
from .facts import facts

AUTO = "auto"
"""The name that asks for a guess."""
ENOUGH = 3
"""The least weight that leaves the default: one weak sign, or two, is none."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A dialect and the evidence for it."""

    dialect: Dialect
    why: str
    """The clues in words, each with the bytes; "" where the dialect was asked for by its name."""
    weight: int = 0


def weigh(exchanges: Iterable[Exchange], dialects: Sequence[Dialect], default: Dialect) -> Guess:
    """The dialect that these exchanges speak, all of the same peer."""
    text = "\n".join(dict.fromkeys(fact for exchange in exchanges for fact in facts(exchange)))
    found = {dialect.name: _found(dialect, text) for dialect in dialects}
    best = max(dialects, key=lambda dialect: _weight(found[dialect.name]))
    weight = _weight(found[best.name])
    if weight < ENOUGH:
        return Guess(default, "no clue to any vendor")
    evidence = sorted(found[best.name], key=lambda pair: -pair[0].weight)
    return Guess(best, "; ".join(f"{clue.says}: {fact}" for clue, fact in evidence[:3]), weight)


def _found(dialect: Dialect, text: str) -> list[tuple[Clue, str]]:
    """The clues that are there, each with the first fact that shows it."""
    matches = ((clue, _pattern(clue.fact).search(text)) for clue in dialect.clues)
    return [(clue, match.group()) for clue, match in matches if match]


def _weight(found: list[tuple[Clue, str]]) -> int:
    return sum(clue.weight for clue, _ in found)


@cache
def _pattern(fact: str) -> re.Pattern[str]:
    return re.compile(f"^(?:{fact})$", re.MULTILINE)
