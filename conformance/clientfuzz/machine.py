"""Results as JSON values, in the format of schemas/fuzz-client.json. Knows no file."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .contract import Report
from .playing import Result
from .running import Made

VERSION = 1


def document_of(made: Made) -> dict[str, Any]:
    """Everything that a campaign came to."""
    results = made.all
    return {
        "fuzz_client": VERSION,
        "command": list(made.plan.command.words),
        "client": dict(made.said),
        "seed": made.plan.seed,
        "interrupted": made.interrupted,
        "outcomes": dict(Counter(result.outcome.value for result in results)),
        "verdicts": dict(Counter(result.verdict.value for result in results)),
        "examples": made.examples.document() if made.examples is not None else None,
        "cases": [case_of(result, made.kept.get(result.case.id, {})) for result in results],
    }


def case_of(result: Result, kept: Mapping[str, str]) -> dict[str, Any]:
    """One case."""
    expectation, judgement = result.expectation, result.judgement
    return {
        "case": result.case.id,
        "expectation": expectation.word.value,
        "authority": expectation.authority,
        "because": expectation.because,
        "outcome": judgement.outcome.value,
        "verdict": judgement.verdict.value,
        "says": judgement.says,
        "requests": len(result.requests),
        "report": _reported(result.report),
        "recording": kept.get("recording"),
        "scenario": kept.get("scenario"),
    }


LONGEST = 2000
"""Characters of a text that stands in a report of ours."""


def _reported(report: Report | None) -> dict[str, Any] | None:
    """What the client printed, long texts cut in the middle."""
    return {name: _cut(value) for name, value in report.known.items()} if report is not None else None


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        sound = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return sound if len(sound) <= LONGEST else f"{sound[: LONGEST // 2]}\u2026{sound[-LONGEST // 2 :]}"
    if isinstance(value, list):
        return [_cut(item) for item in value[:200]]
    if isinstance(value, dict):
        return {str(name): _cut(item) for name, item in list(value.items())[:200]}
    return value
