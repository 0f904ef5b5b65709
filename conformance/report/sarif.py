"""Stored reports as SARIF 2.1.0, what code scanning reads. Renders; decides nothing.

A stream has no line in a source file: a result names the recording where there is one, else the target and the probe,
and the bytes in its message and properties. What the target sent stands in plain text alone, never in Markdown.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from conformance.protocols.finding import printable
from conformance.verdicts import Verdict

from .stored import StoredFinding, StoredReport, StoredRule, StoredTarget

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    Verdict.FAIL: "error",
    Verdict.UNTESTABLE: "error",
    Verdict.SUITE_ERROR: "error",
    Verdict.WARN: "warning",
}
"""How strong a result is, by its verdict; what is weaker is a note."""


def of_report(report: StoredReport) -> str:
    """The SARIF document: a run for each target."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report, target) for target in report.targets]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _run(report: StoredReport, target: StoredTarget) -> dict[str, Any]:
    shown = [rule for rule in target.rules if rule.trouble]
    name, _, version = report.suite.partition(" ")
    invocation: dict[str, Any] = {"executionSuccessful": not target.problem}
    if target.problem:
        invocation["toolExecutionNotifications"] = [{"level": "error", "message": {"text": _plain(target.problem)}}]
    if target.unmatched:
        told = [{"level": "error", "message": {"text": _plain(each)}} for each in target.unmatched]
        invocation["toolConfigurationNotifications"] = told
    driver = {"name": name or "streamspec", "version": version, "rules": [_rule(rule) for rule in shown]}
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"streamspec/{target.target}/"},
        "invocations": [invocation],
        "results": [result for number, rule in enumerate(shown) for result in _results(target, rule, number)],
    }


def _rule(rule: StoredRule) -> dict[str, Any]:
    return {
        "id": rule.rule,
        "shortDescription": {"text": rule.message},
        "defaultConfiguration": {"level": {"must": "error", "should": "warning"}.get(rule.level, "note")},
        "properties": {"level": rule.level, "authority": rule.authority, "version": rule.version},
    }


def _results(target: StoredTarget, rule: StoredRule, number: int) -> Iterator[dict[str, Any]]:
    level = "note" if rule.candidate and not rule.red else LEVELS.get(rule.verdict, "error" if rule.red else "note")
    for finding in rule.findings or (None,):
        place = _place(target, rule, finding)
        result: dict[str, Any] = {
            "ruleId": rule.rule,
            "ruleIndex": number,
            "level": level,
            "message": {"text": _message(rule, finding)},
            "locations": [place],
            "partialFingerprints": {"streamspec/v1": _fingerprint(target, rule, finding)},
            "properties": _properties(rule, finding),
        }
        if rule.known:
            result["suppressions"] = [{"kind": "external", "justification": _plain(rule.reason)}]
        yield result


def _place(target: StoredTarget, rule: StoredRule, finding: StoredFinding | None) -> dict[str, Any]:
    probe = (finding.probe if finding else "") or next(iter(rule.probes), "")
    recording = (finding.recording if finding else "") or "/".join(filter(None, ("streamspec", target.target, probe)))
    name = f"{target.target}/{probe}" if probe else target.target
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(recording, safe="/#.-_~")},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": _plain(name), "kind": "resource"}],
    }


def _message(rule: StoredRule, finding: StoredFinding | None) -> str:
    said = [rule.message]
    if finding is not None:
        where = [f"probe {finding.probe}"] if finding.probe else []
        where += [f"event {finding.event}"] if finding.event else []
        where += [f"bytes {finding.span[0]}-{finding.span[1]}"] if finding.span else []
        said.append(f"Wanted {finding.wanted}; got {finding.got}" + (f" ({', '.join(where)})" if where else ""))
    if rule.reason:
        said.append(rule.reason)
    return _plain(" - ".join(said))


def _properties(rule: StoredRule, finding: StoredFinding | None) -> dict[str, Any]:
    members: dict[str, Any] = {"verdict": rule.verdict.value, "red": rule.red}
    if finding is not None:
        members |= {"event": finding.event, "span": finding.span, "pointer": finding.pointer, "probe": finding.probe}
    return {key: value for key, value in members.items() if value not in (None, "")}


def _fingerprint(target: StoredTarget, rule: StoredRule, finding: StoredFinding | None) -> str:
    """The same for the same mistake in another run: without bytes, which move."""
    said = [target.target, rule.rule, finding.probe if finding else "", finding.wanted if finding else ""]
    return hashlib.sha256("\0".join(said).encode("utf-8", "replace")).hexdigest()[:32]


def _plain(text: str) -> str:
    """Text that no viewer takes for a link, [text](target), which SARIF's plain text may hold, or for control codes."""
    return printable(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") or "nothing"
