"""The file stays small enough to open, however many targets break however much."""

import random

from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.report.stored import StoredFinding, StoredReport, StoredRule, StoredTarget
from conformance.rules import ALL
from conformance.verdicts import Verdict

from .conftest import timed

TARGETS = 20
MOST = 10_000_000
NOISE = random.Random(1)
LETTERS = bytes(97 + number % 26 for number in range(256))


def noise(count):
    return NOISE.randbytes(count // 2).translate(LETTERS).decode("ascii")


def broken(rule, probes):
    """Findings that differ all from one another, as many as a rule can have on a probe."""
    findings = tuple(
        StoredFinding(noise(160), noise(160), Verdict.FAIL, 3, (number, number + 500), 9, "/choices/0", probe)
        for number, probe in enumerate(probes)
    )
    return StoredRule(rule.id, "must", rule.says, Verdict.FAIL, True, rule.authority, findings, noise(160), "", probes)


def test_twenty_targets_that_break_every_rule_everywhere_fit_into_ten_megabytes(open_text):
    probes = tuple(f"probe-{number}" for number in range(8))
    exchanges = [timed("stream", [noise(200_000).encode() + b"\n\n"], [0.1]) for _ in probes]
    named = [[type(one)(**{**_members(one), "probe": probe}) for one, probe in zip(exchanges, probes, strict=True)]]
    targets = tuple(
        StoredTarget(f"target-{number}", tuple(broken(rule, probes) for rule in ALL)) for number in range(TARGETS)
    )
    text = render(columns_of([StoredReport(1, "s", targets)], named * TARGETS))
    assert len(text.encode()) < MOST
    page = open_text(text)
    assert f"{len(ALL)} of {len(ALL)} rules" == page.locator("#shown").inner_text()
    page.locator("#filters [name=text]").fill("done-sent")
    assert page.locator("#matrix tbody tr[data-id]:visible").count() in range(1, 9)


def _members(one):
    return {name: getattr(one, name) for name in type(one).__dataclass_fields__}
