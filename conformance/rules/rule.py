"""What a rule is. `@rule` makes a Rule out of a check; it registers nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from conformance.protocols.finding import Finding
from conformance.wire.script import Answer

from .behaviour import Behaviour
from .need import Need
from .sources import Source

Mutant = Callable[[Answer], Answer]
"""Breaks a good answer; gives the answer back unchanged where it does not apply."""
Check = Callable[[Any], Iterator[Finding]]
"""Looks at an Exchange (needs without a protocol) or at the protocol's view, and yields what is broken."""


class Level(Enum):
    """How strong a rule is."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A statement, how strong it is, who says so, how to break it, and how to notice."""

    id: str
    level: Level
    says: str
    source: tuple[Source, ...]
    needs: Need
    broken_by: tuple[Mutant, ...]
    also_breaks: tuple[str, ...]
    check: Check
    ignored: str = ""
    """The request parameter that was accepted and ignored where this rule is broken; "" where a breach shows no such
    thing."""
    broken_when: tuple[Behaviour, ...] = ()
    """Servers that break it in a way that no single answer shows."""
    version: int = 1
    """Of its meaning: grows with its statement, its level, or what it takes for a breach (docs/versioning.md)."""

    @property
    def authority(self) -> str:
        """Who says so: openai, sse, http, clients or suite."""
        return self.source[0].authority

    def findings(self, subject: Any) -> list[Finding]:
        """What this rule finds in an exchange or view that fits its needs."""
        return [replace(finding, rule=self.id) for finding in self.check(subject)]


def rule(
    *,
    id: str,  # noqa: A002 - the word of the design, and of every report
    level: Level,
    says: str,
    source: tuple[Source, ...],
    needs: Need,
    broken_by: tuple[Mutant, ...] = (),
    broken_when: tuple[Behaviour, ...] = (),
    also_breaks: tuple[str, ...] = (),
    ignored: str = "",
    version: int = 1,
) -> Callable[[Check], Rule]:
    """Make a rule of the check below it. `also_breaks` names the rules that its mutants cannot help breaking."""

    def make(check: Check) -> Rule:
        return Rule(
            id=id,
            level=level,
            says=says,
            source=source,
            needs=needs,
            broken_by=broken_by,
            also_breaks=also_breaks,
            check=check,
            ignored=ignored,
            broken_when=broken_when,
            version=version,
        )

    return make
