"""Exchanges with times, judged, and the page that is made of them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conformance.judge import judge, timing_of
from conformance.probes.catalogue import find
from conformance.proof import exchanges_of
from conformance.protocols.exchange import Ending, Exchange
from conformance.protocols.reading import ExchangeReader
from conformance.report import machine, stored
from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.verdicts import Report
from conformance.wire.script import Answer

HEAD = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/event-stream\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
FEATURES = frozenset({"usage", "stop"})


def timed(probe: str, pieces: Sequence[bytes], times: Sequence[float]) -> Exchange:
    """The exchange of a probe whose body came in these pieces, at these seconds."""
    request = exchanges_of(find(probe)).request
    reader = ExchangeReader(request)
    reader.feed(HEAD, times[0] / 2)
    for at, piece in zip(times, pieces, strict=True):
        reader.feed(b"%x\r\n%s\r\n" % (len(piece), piece), at)
    reader.feed(b"0\r\n\r\n", times[-1])
    return reader.close(Ending.EOF, times[-1] + 0.01, probe=probe)


def events_of(probe: str, mutant: Callable[[Answer], Answer] | None = None) -> list[bytes]:
    """What the mock server says to a probe, event by event."""
    exchange = exchanges_of(find(probe), mutant)
    return [exchange.body[event.start : event.end] for event in exchange.events]


def judged(exchanges: Sequence[Exchange], target: str = "mine", **members: Any) -> Report:
    """The report of a target that answered so."""
    return Report(
        target=target,
        url="http://127.0.0.1:8000/v1",
        model="my-model",
        dialect="openai",
        verdicts=judge(exchanges, features=FEATURES),
        timings=tuple(timing_of(exchange) for exchange in exchanges),
        started="2026-01-01T00:00:00+00:00",
        again=f"streamspec run {target}",
        **members,
    )


def as_stored(*reports: Report) -> stored.StoredReport:
    """What would be read back of them."""
    return stored.of_document(machine.of_run(reports))


@pytest.fixture
def show(open_text: Callable[..., Any]) -> Callable[..., Any]:
    """Opens the page of these targets, given as (report, exchanges), once it is at work."""

    def show(*targets: tuple[Report, Sequence[Exchange]], before: Sequence[Report] = (), fragment: str = "") -> Any:
        report = as_stored(*(report for report, _ in targets))
        against = as_stored(*before) if before else None
        columns = columns_of([report], [exchanges for _, exchanges in targets], against)
        return open_text(render(columns, against="old.json" if before else ""), fragment)

    return show


@pytest.fixture
def open_text(open_page: Callable[[str], Any], tmp_path: Path) -> Callable[..., Any]:
    """Opens HTML from a file, and waits until it is at work."""

    def open_text(text: str, fragment: str = "") -> Any:
        file = tmp_path / "report.html"
        file.write_text(text, "utf-8")
        page = open_page(file.as_uri() + fragment)
        page.wait_for_selector("html[data-ready]")
        return page

    return open_text
