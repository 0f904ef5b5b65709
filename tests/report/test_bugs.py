"""The thirty bugs: each has a fault that exists, or says why not."""

import re
from pathlib import Path

import pytest

from conformance import proof, trial_proof
from conformance.report.bugs import bugs, markdown
from conformance.rules.behaviour import Behaviour
from mockserver.faults import find

BUGS = bugs()
PAGE = Path(__file__).parent.parent.parent / "docs" / "bugs.md"


def test_the_page_is_fresh():
    """`python -m conformance.report.bugs > docs/bugs.md` makes it so."""
    assert markdown() == PAGE.read_text("utf-8")


def test_there_are_thirty_in_their_order():
    assert list(range(1, 31)) == [bug.rank for bug in BUGS]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.rank))
def test_each_has_faults_that_exist_or_says_what_is_missing(bug):
    assert bug.faults or bug.missing
    for fault in bug.faults:
        rule, _ = find(fault)
        assert "#" in fault, "the mutant has to be named"
        assert rule.id == fault.partition("#")[0]


@pytest.mark.parametrize("bug", [bug for bug in BUGS if bug.faults], ids=lambda bug: str(bug.rank))
def test_each_fault_is_caught_by_the_rule_that_the_page_names(bug):
    assert [] == [fault for fault in bug.faults if not _kill(fault).caught]


def _kill(fault: str) -> proof.Kill | trial_proof.Kill:
    rule, broken = find(fault)
    return trial_proof.kill(rule, broken) if isinstance(broken, Behaviour) else proof.kill(rule, broken)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.rank))
def test_each_was_filed_by_somebody(bug):
    assert bug.reports
    assert [] == [r for r in bug.reports if not re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", r)]


def test_the_same_rule_has_a_place_in_the_reference():
    headings = re.findall(r"^### (\S+)$", (PAGE.parent / "rules.md").read_text("utf-8"), re.MULTILINE)
    linked = re.findall(r"\]\(rules\.md#([\w-]+)\)", PAGE.read_text("utf-8"))
    assert set(linked) <= {heading.replace("/", "") for heading in headings}
