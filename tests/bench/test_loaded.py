"""A loaded machine, real sockets: each class that the mock imitates is named rightly, and no good server is blamed.

    pytest tests/bench/test_loaded.py -m bench -s -p no:cacheprovider

Two processes do nothing but count meanwhile. Takes about twenty minutes; STREAMSPEC_TIMES=2 is a fifth of it.
"""

import asyncio
import os
import time
from collections import Counter

import pytest

from conformance.cancellation import Manner
from conformance.rules import ALL
from conformance.running import Order, run_target
from conformance.targets import ASSUMED, Target, Watched
from conformance.verdicts import Report, Verdict
from mockserver.answering import Settings
from mockserver.app import running

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("busy"), pytest.mark.timeout(3600)]
TIMES = int(os.environ.get("STREAMSPEC_TIMES", "10"))
RULES = tuple(rule for rule in ALL if rule.id.startswith("chat/cancellation/"))
BAD = (Verdict.FAIL, Verdict.WARN, Verdict.SUITE_ERROR)
CLASSES = {
    "stops-mid-stream#goes-on": ({"stops-mid-stream"}, Manner.NEVER),
    "stops-mid-stream#goes-on-after-fin": ({"stops-mid-stream"}, Manner.NEVER),
    "stops-mid-stream#goes-on-after-rst": ({"stops-mid-stream"}, Manner.NEVER),
    "stops-in-silence#stops-at-the-next-write": ({"stops-in-silence"}, Manner.WRITE_DETECTOR),
    "stops-promptly#stops-late": ({"stops-promptly"}, Manner.WATCHER),
    "stops-when-not-streamed#goes-on": ({"stops-when-not-streamed"}, Manner.WATCHER),
    "gauge-returns#stays-counted": ({"gauge-returns"}, Manner.WATCHER),
    "again#goes-on-where-the-other-left": ({"again"}, Manner.WATCHER),
    "survives#dies-after-twenty": ({"survives"}, None),
}
"""Rules that find something, and the class; None where the server does not live long enough to tell."""


def judged(fault: str | None, observer: str) -> Report:
    """A run of the cancellation part against the mock server, on a port of its own."""
    with running(Settings(slots=2), fault=f"chat/cancellation/{fault}" if fault else None) as url:
        watched = Watched(name=observer)
        target = Target(name="loaded", url=url, model="mock", features=ASSUMED, slots=2, observer=watched, timeout=20)
        return asyncio.run(run_target(target, key=None, order=Order(rules=RULES)))


def named(report: Report) -> tuple[frozenset[str], Manner | None]:
    found = frozenset(v.rule.id.split("/")[-1] for v in report.verdicts if v.verdict in BAD)
    return found, report.cancellation.manner if report.cancellation else None


@pytest.mark.parametrize("observer", ["journal", "prometheus"])
@pytest.mark.parametrize("fault", CLASSES)
def test_each_class_is_named_rightly_every_time(fault, observer):
    rules, manner = CLASSES[fault]
    began = time.monotonic()
    came = Counter(named(judged(fault, observer)) for _ in range(TIMES))
    print(f"\n{fault} by {observer}: {came} in {time.monotonic() - began:.0f} s")
    assert {frozenset(rules)} == {found for found, _ in came}
    assert manner is None or {manner} == {seen for _, seen in came}


@pytest.mark.parametrize("observer", ["journal", "prometheus"])
def test_a_good_server_is_never_blamed(observer):
    began = time.monotonic()
    reports = [judged(None, observer) for _ in range(2 * TIMES)]
    came = Counter(named(report) for report in reports)
    print(f"\ngood server by {observer}: {came} in {time.monotonic() - began:.0f} s")
    assert {(frozenset(), Manner.WATCHER): 2 * TIMES} == came
    assert [] == [str(v.rule.id) for report in reports for v in report.red]
