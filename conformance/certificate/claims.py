"""What a report claims of each rule. Knows no recording, no rule and no certificate.

What is claimed is compared with what the recordings show, before anything is made of it.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from conformance.verdicts import Verdict


class ClaimsError(ValueError):
    """The text is no report on one target; says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a report says of one rule."""

    rule: str
    level: str
    verdict: Verdict
    red: bool
    """It counts against the target: broken, or listed as a known failure and not broken."""
    known: bool = False
    """It is broken, and listed as that."""
    message: str = ""
    reason: str = ""
    findings: tuple[dict[str, Any], ...] = ()

    @property
    def told(self) -> tuple[Any, ...]:
        """What follows from the evidence, whatever words a version of the suite has for it."""
        places = (str((each.get("recording"), each.get("event"), each.get("span"))) for each in self.findings)
        return self.level, self.verdict, self.red, self.known, sorted(places)


@dataclass(frozen=True, slots=True)
class _Target:
    rules: tuple[Claim, ...]
    target: str
    url: str
    model: str
    dialect: str
    started: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Report:
    suite: str
    targets: tuple[_Target, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a report says of one target."""

    head: dict[str, str | float]
    """Who was judged by whom, in the words of the certificate."""
    rules: tuple[Claim, ...]


def read(text: bytes) -> Claims:
    """The claims of a report on one target. Raises ClaimsError."""
    try:
        report = msgspec.convert(msgspec.json.decode(text), _Report)
    except (ValueError, RecursionError) as error:
        raise ClaimsError("it is not the report of a run") from error
    if len(report.targets) != 1:
        raise ClaimsError(f"it is about {len(report.targets)} targets, and a certificate is about one")
    (target,) = report.targets
    if len({claim.rule for claim in target.rules}) != len(target.rules):
        raise ClaimsError("it says twice what it says of a rule")
    head: dict[str, str | float] = {
        "suite": report.suite,
        "target": target.target,
        "url": target.url,
        "model": target.model,
        "dialect": target.dialect,
        "date": target.started,
        "seconds": target.seconds,
    }
    return Claims(head, target.rules)
