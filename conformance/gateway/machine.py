"""The report of a gateway as JSON, in the format of schemas/gateway.json. Renders; decides nothing."""

from dataclasses import asdict
from typing import Any

from conformance.report.machine import suite

from .leaving import Conclusion, Left
from .running import GatewayReport, Result

FORMAT = 1
"""Version of the format; grows when a member changes its meaning or goes away."""


def document_of(report: GatewayReport) -> dict[str, Any]:
    """The report of `streamspec gateway`."""
    return {
        "gateway_report": FORMAT,
        "suite": suite(),
        "gateway": report.url,
        "model": report.model,
        "upstream": report.upstream,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "red": report.red > 0,
        "situations": [_result(result) for result in report.results],
        "leaving": {
            "class": report.named.value if report.conclusions else None,
            "by": {conclusion.by.value: _conclusion(conclusion) for conclusion in report.conclusions},
            "measured": [_left(left) for left in report.lefts],
        },
        **({"problem": report.problem} if report.problem else {}),
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "situation": result.situation.name,
        "about": result.situation.about.value,
        "says": result.situation.says,
        "red": result.red,
        "forwarded": result.forwarded,
        "outcome": result.outcome,
        "changes": [
            {
                "change": change.sort.name,
                "kind": change.sort.kind.value,
                "red": change.sort.red,
                "says": change.sort.says,
                "upstream": change.upstream,
                "client": change.client,
            }
            for change in result.changes
        ],
        **({"delays": asdict(result.figures)} if result.figures is not None else {}),
    }


def _conclusion(conclusion: Conclusion) -> dict[str, Any]:
    return {"class": conclusion.named.value, "why": conclusion.why, "except_for": list(conclusion.except_for)}


def _left(left: Left) -> dict[str, Any]:
    return {
        "situation": left.leaving.name,
        "letter": left.leaving.letter,
        "by": left.by.value,
        "red": left.red,
        "reached": left.reached,
        "seconds": left.seen,
        "seen_as": left.seen_as,
        "deadline": left.deadline,
        "sent_after": left.sent_after,
        "received": left.received,
        **({"problem": left.problem} if left.problem else {}),
    }
