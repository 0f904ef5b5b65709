"""How long the page of a run takes, measured against judging that run. `pytest -m bench -s` prints the figures."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.judge import judge, timing_of
from conformance.loading import load
from conformance.report import machine, stored
from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.rules import ALL
from conformance.verdicts import Report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

RECORDINGS = Path(__file__).parents[1] / "recordings" / "transformers"
TARGETS = 20
TIMES = 5


def seconds(work: Callable[[], object]) -> float:
    """Processor time of the quickest of a few."""
    taken = []
    for _ in range(TIMES):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def test_a_page_costs_less_than_judging_what_it_shows() -> None:
    exchanges = [loaded.exchange for loaded in load(RECORDINGS) if loaded.exchange]
    report = Report(
        target="t",
        url="http://t/v1",
        model="m",
        dialect="openai",
        verdicts=judge(exchanges),
        timings=tuple(timing_of(exchange) for exchange in exchanges),
    )
    document = machine.of_run([report])
    page = render(columns_of([stored.of_document(document)], [exchanges]))
    judging = seconds(lambda: judge(exchanges))
    one = seconds(lambda: render(columns_of([stored.of_document(document)], [exchanges])))
    many = {**document, "targets": document["targets"] * TARGETS}
    all_of_them = seconds(lambda: render(columns_of([stored.of_document(many)], [exchanges] * TARGETS)))
    print(
        f"\n{len(ALL)} rules, {len(exchanges)} exchanges: judged in {judging:.2f} s, page in {one:.2f} s "
        f"({len(page):,} characters); {TARGETS} targets in {all_of_them:.2f} s"
    )
    assert one < judging
    assert all_of_them < TARGETS * judging
