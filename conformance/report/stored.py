"""The report of `run --json` as records, read back from its text. Knows no file, and judges nothing anew.

Members that this version does not know are passed over, so that the report of a later version can be read, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from conformance.verdicts import Verdict

from .machine import FORMAT

TROUBLE = frozenset({Verdict.FAIL, Verdict.WARN, Verdict.UNTESTABLE, Verdict.SUITE_ERROR})
"""Verdicts that somebody has to look at."""


class StoredReportError(ValueError):
    """The text is no report that can be read here; says what was wanted, and where."""


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """One finding, with the words of its rule."""

    wanted: str
    got: str
    verdict: Verdict
    event: int | None = None
    span: tuple[int, int] | None = None
    """First byte and the byte after the last one, in the response body."""
    events: int | None = None
    pointer: str = ""
    probe: str = ""
    recording: str = ""
    reason: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class StoredRule:
    """What was said of one rule on one target."""

    rule: str
    level: Literal["must", "should", "may"]
    message: str
    verdict: Verdict
    red: bool
    authority: str = ""
    findings: tuple[StoredFinding, ...] = ()
    reason: str = ""
    silent_failure: str = ""
    probes: tuple[str, ...] = ()
    version: int = 1
    candidate: bool = False
    """The profile does not list it: it is reported, and not scored."""
    known: bool = False
    """It fails, as a list of known failures says."""
    flaky: bool = False
    """It fails, and that list says that it may or may not."""

    @property
    def standing(self) -> str:
        """Why it does not count although it is in trouble: "candidate", "flaky", "known", or ""."""
        if self.red or not self.trouble:
            return ""
        return "candidate" if self.candidate else "flaky" if self.flaky else "known" if self.known else ""

    @property
    def stale(self) -> bool:
        """Whether it is red only because a list says that it fails: it does not."""
        return self.red and self.verdict not in TROUBLE

    @property
    def trouble(self) -> bool:
        """Whether somebody has to look at it."""
        return self.red or self.verdict in TROUBLE

    @property
    def feature(self) -> str:
        """The group of the rule: its id without the last part, "chat/usage" for instance."""
        return self.rule.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """What was said of one target."""

    target: str
    rules: tuple[StoredRule, ...]
    url: str = ""
    model: str = ""
    dialect: str = ""
    dialect_reason: str = ""
    started: str = ""
    seconds: float = 0.0
    red: bool = False
    """Whether the run is, by its rules or for another reason."""
    problem: str = ""
    """Why the run could not be made whole."""
    unmatched: tuple[str, ...] = ()
    """Known failures that name nothing."""
    profile: Mapping[str, Any] = field(default_factory=dict)
    again: str = ""
    """The command that runs this again, up to `--only`."""
    timings: tuple[Mapping[str, Any], ...] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    cancellation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def red_rules(self) -> tuple[StoredRule, ...]:
        """The rules that make the run red."""
        return tuple(rule for rule in self.rules if rule.red)

    def rule(self, rule_id: str) -> StoredRule | None:
        """What was said of the rule with this id."""
        return next((rule for rule in self.rules if rule.rule == rule_id), None)


@dataclass(frozen=True, slots=True)
class StoredReport:
    """One run: what `run --json` has written."""

    report: int
    """The version of the format."""
    suite: str
    targets: tuple[StoredTarget, ...]


def read(text: bytes | str) -> StoredReport:
    """The report in this JSON text. Raises StoredReportError."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        raise StoredReportError(f"wanted the JSON that `run --json` writes, got none: {problem}") from problem
    return of_document(value)


def of_document(value: object) -> StoredReport:
    """The report that this JSON value is. Raises StoredReportError."""
    if not isinstance(value, dict) or "targets" not in value:
        raise StoredReportError("wanted the report of `run --json`, an object with `report` and `targets`")
    if not value["targets"]:
        raise StoredReportError("wanted a report with a target, got one of nothing")
    if value.get("report") != FORMAT:
        raise StoredReportError(f"wanted a report of format {FORMAT}, got {str(value.get('report'))[:40]}")
    try:
        return msgspec.convert(value, StoredReport)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise StoredReportError(f"wanted the report of `run --json`: {problem}") from problem
