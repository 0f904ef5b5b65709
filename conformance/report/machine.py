"""Reports as JSON, in the formats of schemas/report.json and schemas/check.json. Renders; decides nothing."""

from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from conformance.report import figures, leaving
from conformance.verdicts import Checked, JudgedFinding, Measure, Report, RuleVerdict, Verdict

FORMAT = 1
"""Version of both formats; grows when a member changes its meaning or goes away."""


def suite() -> str:
    """Name and version of the suite, as reports and requests carry it."""
    try:
        return f"streamspec {version('streamspec')}"
    except PackageNotFoundError:
        return "streamspec (not installed)"


def of_run(reports: Sequence[Report], problems: Sequence[str] = ()) -> dict[str, Any]:
    """The report of `streamspec run`. `problems`: why further targets have no report."""
    return {
        "report": FORMAT,
        "suite": suite(),
        "red": not all(report.green for report in reports),
        "targets": [_target(report) for report in reports],
        **({"problems": list(problems)} if problems else {}),
    }


def of_check(results: Iterable[Checked]) -> dict[str, Any]:
    """The report of `streamspec check`."""
    return {"report": FORMAT, "suite": suite(), "results": [_result(checked) for checked in results]}


def finding(verdict: RuleVerdict, judged: JudgedFinding) -> dict[str, Any]:
    """One finding, with the words of its rule."""
    found = judged.finding
    members = {
        "rule": verdict.rule.id,
        "level": verdict.rule.level.value,
        "verdict": judged.verdict.value,
        "message": verdict.rule.says,
        "wanted": found.wanted,
        "got": found.got,
        "event": found.event,
        "span": list(found.span) if found.span else None,
    }
    more = {
        "events": found.events,
        "pointer": found.pointer,
        "probe": judged.probe,
        "recording": judged.recording,
        "reason": judged.reason,
        "link": judged.link,
        "silent_failure": verdict.silent_failure,
        "candidate": verdict.candidate,
    }
    return {**members, **{key: value for key, value in more.items() if value}}


def _target(report: Report) -> dict[str, Any]:
    return {
        "target": report.target,
        "url": report.url,
        "model": report.model,
        "dialect": report.dialect,
        **({"dialect_reason": report.dialect_reason} if report.dialect_reason else {}),
        **({"profile": _measure(report.measure)} if report.measure else {}),
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "red": not report.green,
        "counts": {verdict.value: report.counts[verdict] for verdict in Verdict},
        "rules": [_rule(verdict) for verdict in report.verdicts],
        "timings": [figures.exchange_as_json(timing) for timing in report.timings],
        **({"figures": figures.as_json(found)} if (found := figures.figures_of(report.timings)) else {}),
        **({"cancellation": leaving.as_json(report.cancellation)} if report.cancellation else {}),
        "unused_tolerances": list(report.unused_tolerances),
        **({"unmatched": list(report.unmatched)} if report.unmatched else {}),
        **({"problem": report.problem} if report.problem else {}),
        **({"again": report.again} if report.again else {}),
    }


def _measure(measure: Measure) -> dict[str, Any]:
    return {"name": measure.profile, "digest": f"sha256:{measure.digest}", "moved": list(measure.moved)}


def _rule(verdict: RuleVerdict) -> dict[str, Any]:
    members: dict[str, Any] = {
        "rule": verdict.rule.id,
        "version": verdict.rule.version,
        "level": verdict.rule.level.value,
        "authority": verdict.rule.authority,
        "message": verdict.rule.says,
        "verdict": verdict.verdict.value,
        "red": verdict.red,
        "findings": [finding(verdict, judged) for judged in verdict.findings],
    }
    if verdict.candidate:
        members["candidate"] = True
    if verdict.known:
        members["known"] = True
    if verdict.flaky:
        members["flaky"] = True
    if verdict.reason:
        members["reason"] = verdict.reason
    if verdict.silent_failure:
        members["silent_failure"] = verdict.silent_failure
    if verdict.probes:
        members["probe"] = verdict.probes[0]
        members["probes"] = list(verdict.probes)
    return members


def _result(checked: Checked) -> dict[str, Any]:
    members: dict[str, Any] = {
        "path": checked.path,
        "verdict": checked.verdict.value,
        "dialect": checked.dialect,
        **({"dialect_reason": checked.dialect_reason} if checked.dialect_reason else {}),
        "findings": [finding(verdict, judged) for verdict, judged in checked.findings],
    }
    errors = [{"rule": v.rule.id, "reason": v.reason} for v in checked.verdicts if v.verdict is Verdict.SUITE_ERROR]
    if errors:
        members["suite_errors"] = errors
    return {**members, **({"reason": checked.reason} if checked.reason else {})}
