import pytest

from conformance.report.comparing import Change, compare
from conformance.report.stored import StoredReport, StoredRule, StoredTarget
from conformance.verdicts import RED, Verdict

PASS, FAIL, WARN = Verdict.PASS, Verdict.FAIL, Verdict.WARN
NOT_APPLICABLE, UNTESTABLE, TOLERATED = Verdict.NOT_APPLICABLE, Verdict.UNTESTABLE, Verdict.TOLERATED


def rule(verdict, name="chat/usage/one", red=None):
    return StoredRule(name, "must", "It holds.", verdict, verdict in RED if red is None else red)


def report(*rules, target="vllm"):
    return StoredReport(1, "streamspec 0", (StoredTarget(target, rules),))


def both(before, now):
    comparison = compare(report(*before), report(*now))
    return [(changed.change, changed.turned_red) for changed in comparison.changes]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (PASS, FAIL, [(Change.NEW, True)]),
        (PASS, WARN, [(Change.NEW, False)]),
        (NOT_APPLICABLE, FAIL, [(Change.NEW, True)]),
        (PASS, UNTESTABLE, [(Change.NEW, True)]),
        (FAIL, PASS, [(Change.FIXED, False)]),
        (FAIL, TOLERATED, [(Change.FIXED, False)]),
        (UNTESTABLE, PASS, [(Change.FIXED, False)]),
        (FAIL, FAIL, [(Change.STILL, False)]),
        (WARN, FAIL, [(Change.STILL, True)]),
        (FAIL, WARN, [(Change.STILL, False)]),
        (FAIL, NOT_APPLICABLE, [(Change.UNJUDGED, False)]),
        (PASS, PASS, []),
        (PASS, NOT_APPLICABLE, []),
        (TOLERATED, PASS, []),
    ],
)
def test_what_became_of_a_rule_follows_from_both_verdicts(before, now, expected):
    assert expected == both([rule(before)], [rule(now)])


def test_a_rule_that_is_gone_is_not_fixed():
    assert [(Change.UNJUDGED, False)] == both([rule(FAIL)], [rule(PASS, "chat/usage/another")])


def test_a_rule_that_was_not_there_before_is_new():
    (changed,) = compare(report(), report(rule(FAIL))).changes
    assert (Change.NEW, None, True) == (changed.change, changed.before, changed.turned_red)


def test_a_known_failure_that_is_one_no_more_turns_red():
    comparison = compare(report(rule(FAIL, red=False)), report(rule(FAIL)))
    assert [(Change.STILL, True)] == [(each.change, each.turned_red) for each in comparison.changes]
    assert comparison.red


def test_a_known_failure_that_passes_is_fixed_and_red_until_it_is_taken_off_the_list():
    assert [(Change.FIXED, True)] == both([rule(FAIL, red=False)], [rule(PASS, red=True)])


def test_what_held_and_was_not_judged_again_is_told_besides():
    before, now = (
        report(rule(PASS), rule(TOLERATED, "a/b"), rule(PASS, "a/c")),
        report(rule(PASS), rule(NOT_APPLICABLE, "a/c")),
    )
    comparison = compare(before, now)
    assert ((), (("vllm", "a/b"), ("vllm", "a/c")), 1) == (comparison.changes, comparison.lost, comparison.judged)


def test_one_target_each_go_together_whatever_they_are_called():
    comparison = compare(report(rule(PASS), target="0.6"), report(rule(FAIL), target="0.7"))
    assert [("0.7", Change.NEW)] == [(changed.target, changed.change) for changed in comparison.changes]
    assert ((), ()) == (comparison.targets_added, comparison.targets_gone)


def test_several_targets_go_together_by_name_and_the_others_are_told():
    before = StoredReport(1, "s", (StoredTarget("a", (rule(FAIL),)), StoredTarget("b", (rule(FAIL),))))
    now = StoredReport(1, "s", (StoredTarget("b", (rule(PASS),)), StoredTarget("c", (rule(FAIL),))))
    comparison = compare(before, now)
    assert [("b", Change.FIXED)] == [(changed.target, changed.change) for changed in comparison.changes]
    assert (("c",), ("a",)) == (comparison.targets_added, comparison.targets_gone)
    assert not comparison.red


def test_what_turned_red_comes_first():
    before = [rule(FAIL, "a/still"), rule(PASS, "a/warned"), rule(PASS, "a/broken")]
    now = [rule(FAIL, "a/still"), rule(WARN, "a/warned"), rule(FAIL, "a/broken")]
    assert ["a/broken", "a/warned", "a/still"] == [each.rule for each in compare(report(*before), report(*now)).changes]


def test_what_became_of_rules_can_be_asked_for_by_kind():
    comparison = compare(report(rule(FAIL, "a/x"), rule(PASS, "a/y")), report(rule(PASS, "a/x"), rule(FAIL, "a/y")))
    assert (["a/x"], ["a/y"]) == (
        [each.rule for each in comparison.of(Change.FIXED)],
        [each.rule for each in comparison.of(Change.NEW)],
    )
