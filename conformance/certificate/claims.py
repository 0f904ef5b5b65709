"""What a report claims of the target that a certificate is about. Knows no recording, no rule and no certificate.

What is claimed is compared with what the recordings show, before anything is made of it.
"""

from dataclasses import dataclass

from conformance.report import stored
from conformance.report.stored import StoredReportError, StoredRule


class ClaimsError(ValueError):
    """The text is no report on one target; says why."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a report says of one target."""

    head: dict[str, str | float]
    """Who was judged by whom, by the names that the facts of a certificate have."""
    rules: tuple[StoredRule, ...]


def read(text: bytes) -> Claims:
    """The claims of a report on one target. Raises ClaimsError."""
    try:
        report = stored.read(text)
    except StoredReportError as error:
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
