"""Stored reports that hold what a hostile target could say. Used by the tests of the formats."""

from conformance.report.stored import StoredFinding, StoredReport, StoredRule, StoredTarget
from conformance.verdicts import Verdict

HOSTILE = (
    "\x1b[31m::error::pwned\r\n::add-mask::x ##[error]y %0A::set-output name=a::b <script>alert(1)</script> "
    "]]> [link](javascript:alert(1)) | `pipe` \u202egnp.exe \x00\ud800 100% , :"
)


def finding(text: str = HOSTILE, verdict: Verdict = Verdict.FAIL) -> StoredFinding:
    return StoredFinding(
        wanted="a",
        got=text,
        verdict=verdict,
        event=3,
        span=(10, 20),
        events=9,
        probe="stream",
        recording="r e c.jsonl#1",
    )


def rule(name: str = "chat/termination/done-sent", verdict: Verdict = Verdict.FAIL, **members) -> StoredRule:
    said = {"red": verdict is Verdict.FAIL, "findings": (finding(verdict=verdict),), "probes": ("stream",)} | members
    return StoredRule(rule=name, level="must", message="It holds.", verdict=verdict, authority="openai", **said)


def report(*rules: StoredRule, **members) -> StoredReport:
    target = StoredTarget(target="mine", rules=rules, **members)
    return StoredReport(report=1, suite="streamspec 1.2.3", targets=(target,))
