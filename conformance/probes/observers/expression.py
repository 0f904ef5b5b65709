"""A sum of Prometheus metrics, `name{label="value"} + name`, and what it is in a document. Knows no server's names."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from prometheus_client.parser import text_string_to_metric_families

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
MATCHER = r'\s*[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"[^"\\]*"\s*'
TERM = rf"\s*{NAME}(\s*\{{({MATCHER}(,{MATCHER})*)?,?\s*\}})?\s*"
EXPRESSION = re.compile(rf"{TERM}(\+{TERM})*")
LINES = 1000
"""Samples of one metric that are read; real servers have one for each model or rank."""
LINE = 1000
"""Characters of one; the library takes its time over longer ones."""


@dataclass(frozen=True)
class Expression:
    """A sum of metrics, each over all labels that are not named. Raises ValueError for text that is none."""

    text: str

    def __post_init__(self) -> None:
        if not EXPRESSION.fullmatch(self.text):
            raise ValueError(f"{self.text!r} is no metric name, nor several of them joined by +")

    @cached_property
    def _terms(self) -> tuple[tuple[str, Mapping[str, str]], ...]:
        found = re.finditer(rf"\s*({NAME})\s*(?:\{{([^}}]*)\}})?\s*(?:\+|$)", _hidden(self.text))
        return tuple((term[1], _matchers(self.text[slice(*term.span(2))])) for term in found)

    def value(self, document: str) -> float | None:
        """The sum in a document in Prometheus' text format; None where a term is missing, or is no sensible number.

        Only lines that begin with one of the names are parsed: what else a server writes does not matter.
        """
        values = [_sum(document, name, matchers) for name, matchers in self._terms]
        return None if None in values else sum(value for value in values if value is not None)


def _hidden(text: str) -> str:
    """The same text with what is quoted blotted out, so that braces and pluses in it mean nothing."""
    return re.sub(r'"[^"]*"', lambda quoted: '"' + "_" * (len(quoted[0]) - 2) + '"', text)


def _matchers(text: str) -> dict[str, str]:
    return dict(re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"([^"]*)"', text))


def _sum(document: str, name: str, matchers: Mapping[str, str]) -> float | None:
    """The sum of a metric's samples that have these labels."""
    found = re.finditer(rf"^{re.escape(name)}(?=[{{ \t])[^\n]{{0,{LINE}}}$", document, re.MULTILINE)
    values = []
    for _, line in zip(range(LINES), found, strict=False):
        value = _sample(line[0], matchers)
        if value is None:
            continue
        if not math.isfinite(value) or value < 0:
            return None
        values.append(value)
    return sum(values) if values else None


def _sample(line: str, matchers: Mapping[str, str]) -> float | None:
    """The value of a sample that has these labels; None for another one, and for a line that is broken."""
    try:
        for family in text_string_to_metric_families(line):
            for sample in family.samples:
                if all(sample.labels.get(label) == value for label, value in matchers.items()):
                    return float(sample.value)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError):  # it has no word for lines that are broken
        pass
    return None
