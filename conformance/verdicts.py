"""What a judgement consists of. Records only: no rule is run here and nothing is rendered."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from conformance.cancellation import Cancellation
from conformance.protocols.chat.dialects import Tolerance
from conformance.protocols.finding import Finding
from conformance.rules.rule import Rule


class Verdict(Enum):
    """What is said of a rule on a target, or of a recording."""

    PASS = "PASS"  # noqa: S105 - not a password
    FAIL = "FAIL"
    WARN = "WARN"
    TOLERATED = "TOLERATED"
    NOT_APPLICABLE = "NOT-APPLICABLE"
    UNTESTABLE = "UNTESTABLE"
    SUITE_ERROR = "SUITE-ERROR"


RED = frozenset({Verdict.FAIL, Verdict.UNTESTABLE, Verdict.SUITE_ERROR})
"""Verdicts that make a run red."""
BY_WEIGHT = (
    Verdict.SUITE_ERROR,
    Verdict.FAIL,
    Verdict.UNTESTABLE,
    Verdict.WARN,
    Verdict.TOLERATED,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)
"""Worst first."""


@dataclass(frozen=True, slots=True)
class JudgedFinding:
    """A finding with the verdict on it, and where it was made."""

    finding: Finding
    verdict: Verdict
    probe: str = ""
    recording: str = ""
    tolerance: Tolerance | None = None
    """What excuses it, where it is tolerated."""

    @property
    def reason(self) -> str:
        """Why it is tolerated, "" where it is not."""
        return self.tolerance.reason if self.tolerance else ""

    @property
    def link(self) -> str:
        """Where to read why it is tolerated."""
        return self.tolerance.link if self.tolerance else ""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule on one target (or one recording)."""

    rule: Rule
    verdict: Verdict
    findings: tuple[JudgedFinding, ...] = ()
    reason: str = ""
    """Why it could not be judged, is tolerated, or is red (or not red) against its verdict."""
    probes: tuple[str, ...] = ()
    """Probes whose exchanges it was judged on."""
    known: bool = False
    """It fails, as a list of known failures says."""
    flaky: bool = False
    """It fails, and the list says that it may or may not."""
    overdue: bool = False
    """An entry of that list is stale, or its day is past: red whatever the verdict."""
    candidate: bool = False
    """The profile of the run does not list it: it is reported, and not scored."""

    @property
    def red(self) -> bool:
        """Whether this makes the run red. A known failure has to fail (or warn); one that passes is red."""
        return self.overdue or (self.verdict in RED and not self.known and not self.candidate)

    @property
    def silent_failure(self) -> str:
        """The request parameter that was accepted and ignored, "" where none was."""
        broken = self.verdict in (Verdict.FAIL, Verdict.WARN)
        return self.rule.ignored if broken and not all(found.finding.obeyed for found in self.findings) else ""


@dataclass(frozen=True, slots=True)
class Timing:
    """When things came in one exchange; seconds since the request was sent, None where they never came."""

    probe: str
    status: int
    headers: float | None
    first_message: float | None
    end: float | None
    messages: int
    bytes: int
    ending: str
    first_content: float | None = None
    tokens: int = 0
    """As usage counts them; where there is none, the pieces of the answer."""
    arrivals: tuple[float, ...] = ()
    """When each piece of the answer came."""
    late: float = 0.0
    """For how long something may have lain there before our client read it, at worst."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The profile that a target was judged by."""

    profile: str
    digest: str
    """SHA-256 of its file, in hexadecimal digits."""
    moved: tuple[str, ...] = ()
    """Why rules that it lists were not scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that is said of one target."""

    target: str
    url: str
    model: str
    dialect: str
    verdicts: tuple[RuleVerdict, ...]
    dialect_reason: str = ""
    """Why this dialect, where it was guessed."""
    timings: tuple[Timing, ...] = ()
    unused_tolerances: tuple[str, ...] = ()
    seconds: float = 0.0
    started: str = ""
    """When the run began, ISO 8601 in UTC."""
    again: str = ""
    """The command that runs this again, up to `--only`."""
    problem: str = ""
    """Why the run could not be made whole, where it could not."""
    cancellation: Cancellation | None = None
    """What the target does for clients that have left, where some have."""
    measure: Measure | None = None
    """The profile, where one was asked for; None: every rule counts."""
    plain: tuple[RuleVerdict, ...] = ()
    """The verdicts before known failures were looked up; () where they were not."""
    unmatched: tuple[str, ...] = ()
    """What is wrong with known failures that name no rule; each makes the run red."""
    left_out: frozenset[str] = frozenset()
    """Probes that this run did not make."""

    @property
    def red(self) -> tuple[RuleVerdict, ...]:
        """The verdicts that make the run red."""
        return tuple(v for v in self.verdicts if v.red)

    @property
    def green(self) -> bool:
        """Whether nothing is red: no verdict, and no known failure that names nothing."""
        return not self.red and not self.unmatched

    @property
    def counts(self) -> Counter[Verdict]:
        """How many rules got which verdict."""
        return Counter(v.verdict for v in self.verdicts)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is said of one recording."""

    path: str
    verdict: Verdict
    dialect: str
    verdicts: tuple[RuleVerdict, ...]
    reason: str = ""
    dialect_reason: str = ""
    """Why this dialect, where it was guessed."""
    unused_tolerances: tuple[str, ...] = ()
    """What the dialect tolerates and nothing here needed, though it was looked at."""

    @property
    def findings(self) -> list[tuple[RuleVerdict, JudgedFinding]]:
        """Every finding with its rule, in the order of the rules."""
        return [(verdict, finding) for verdict in self.verdicts for finding in verdict.findings]

    @property
    def red(self) -> bool:
        """Whether this recording makes the check red."""
        return any(verdict.red for verdict in self.verdicts)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on the whole; NOT-APPLICABLE where nothing was judged."""
    found = set(verdicts)
    return next((verdict for verdict in BY_WEIGHT if verdict in found), Verdict.NOT_APPLICABLE)
