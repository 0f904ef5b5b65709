"""Results as JSON values, in the format of schemas/fuzz-client.json. Knows no file."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

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
        "not_judged": made.can.lacking,
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
        "report": result.report.known if result.report is not None else None,
        "recording": kept.get("recording"),
        "scenario": kept.get("scenario"),
    }
