"""What the mock server shows of itself to whoever watches it: /, /metrics, /slots and /health. Knows no request."""

import base64
import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

from conformance.wire.script import Answer, Framing, Send

from . import answering, openapi, routes
from .journal import Entry, Journal

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
"""The content type of Prometheus' text format."""


def metrics(found: Journal) -> Answer:
    """Gauges and a counter in Prometheus' text format, under our names and under vLLM's."""
    running, waiting = found.counts()
    figures = (
        (("streamspec_requests_running", "vllm:num_requests_running"), "gauge", "Requests worked on.", running),
        (("streamspec_requests_waiting", "vllm:num_requests_waiting"), "gauge", "Requests that wait.", waiting),
        (
            ("streamspec_tokens_generated_total", "vllm:generation_tokens_total"),
            "counter",
            "Tokens made.",
            found.produced,
        ),
    )
    text = exposition((name, kind, says, value) for names, kind, says, value in figures for name in names)
    of = f"# Of worker {found.worker} alone.\n" if found.worker else ""
    return Answer(200, (("content-type", PLAIN),), (Send(f"{of}{text}".encode()),), Framing.LENGTH)


def exposition(figures: Iterable[tuple[str, str, str, float]]) -> str:
    """Prometheus' text format: of each figure its name, its kind, what it says, and its value."""
    return "".join(
        f"# HELP {name} {says}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, says, value in figures
    )


def health(state: dict[str, object]) -> Answer:
    """Whether the server is well, and what it has been told to do."""
    return answering.document({"status": "ok", **state}, hashlib.sha256(routes.HEALTH.encode()).hexdigest())


def described() -> Answer:
    """The server as an OpenAPI document."""
    return answering.document(openapi.document(), hashlib.sha256(routes.OPENAPI.encode()).hexdigest())


def journal(document: dict[str, object]) -> Answer:
    """What is on record."""
    return answering.document(document, hashlib.sha256(routes.JOURNAL.encode()).hexdigest())


@functools.cache
def page() -> Answer:
    """The page that draws the journal. It may run its own script and talk to this server, and nothing else."""
    html = files("mockserver").joinpath("page.html").read_bytes()
    allowed = " ".join(
        f"{kind}-src 'sha256-{_digest(html, tag)}';" for kind, tag in (("script", b"script"), ("style", b"style"))
    )
    policy = f"default-src 'none'; {allowed} connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-cache"),
    )
    return Answer(200, headers, (Send(html),), Framing.LENGTH)


def _digest(html: bytes, tag: bytes) -> str:
    """The hash by which a browser knows the one script, or style sheet, that the page may use."""
    found = re.search(b"<%s>(.*)</%s>" % (tag, tag), html, re.DOTALL)
    assert found is not None, tag
    return base64.b64encode(hashlib.sha256(found[1]).digest()).decode()


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
