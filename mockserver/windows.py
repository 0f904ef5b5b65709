"""What the mock server shows of itself to whoever watches it: /metrics, /slots and /health. Knows no request."""

import hashlib
from collections.abc import Sequence

from conformance.wire.script import Answer, Framing, Send

from . import answering, routes
from .journal import Entry, Journal

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of Prometheus' text format."""


def metrics(journal: Journal) -> Answer:
    """Gauges and a counter in Prometheus' text format."""
    running, waiting = journal.counts()
    figures = (
        ("streamspec_requests_running", "gauge", "Requests that are worked on.", running),
        ("streamspec_requests_waiting", "gauge", "Requests that wait for a slot.", waiting),
        ("streamspec_tokens_generated_total", "counter", "Tokens made since the start.", journal.produced),
    )
    text = "".join(
        f"# HELP {name} {says}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, says, value in figures
    )
    return Answer(200, (("content-type", PLAIN),), (Send(text.encode()),), Framing.LENGTH)


def health(scenario: dict[str, object]) -> Answer:
    """Whether the server is well, and what there is to know of its scenario."""
    return answering.document(
        {"status": "ok", "scenario": scenario}, hashlib.sha256(routes.HEALTH.encode()).hexdigest()
    )


def slots(capacity: int, worked_on: Sequence[Entry], leaks: int) -> Answer:
    """The slots as llama.cpp shows them: whether each is at work, and how far."""
    shown: list[dict[str, object]] = []
    for number in range(capacity):
        entry = worked_on[number] if number < len(worked_on) else None
        shown.append(
            {
                "id": number,
                "id_task": entry.number if entry else -1,
                "is_processing": number < len(worked_on) + leaks,
                "next_token": [{"n_decoded": entry.produced if entry else 0}],
            }
        )
    return answering.document(shown, hashlib.sha256(routes.SLOTS.encode()).hexdigest())
