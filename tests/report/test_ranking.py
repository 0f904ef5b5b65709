"""The worst comes first, and what cannot be judged for one reason is one thing to mend."""

from conformance.report.ranking import troubles_of
from conformance.report.stored import StoredFinding, StoredRule, StoredTarget
from conformance.verdicts import RED, Verdict

FAIL, WARN, UNTESTABLE, PASS = Verdict.FAIL, Verdict.WARN, Verdict.UNTESTABLE, Verdict.PASS


def rule(name, verdict=FAIL, probes=1, authority="openai", level="must", **members):
    found = tuple(StoredFinding("w", "g", verdict, probe=f"p{number}") for number in range(probes))
    red = members.pop("red", verdict in RED)
    return StoredRule(name, level, "It holds.", verdict, red, authority, found, **members)


def order(*targets):
    columns = [StoredTarget(str(number), rules) for number, rules in enumerate(targets)]
    return [trouble.rules[0] for trouble in troubles_of(columns)]


def test_failures_come_before_what_could_not_be_judged_before_warnings_before_known_failures():
    rules = (
        rule("known", red=False, known=True),
        rule("warn", WARN, level="should"),
        rule("unseen", UNTESTABLE, 0, reason="needs a stream, but status 500 (stream)"),
        rule("broken"),
        rule("holds", PASS, 0),
    )
    assert ["broken", "unseen", "warn", "known"] == order(rules)


def test_more_targets_come_before_more_probes_before_who_says_so():
    both = rule("on-both", authority="suite")
    rules = (rule("openai"), rule("many", probes=9, authority="suite"), rule("suite", authority="suite"), both)
    assert ["on-both", "many", "openai", "suite"] == order(rules, (both,))


def test_what_could_not_be_judged_for_one_reason_is_one_trouble():
    reasons = ("status 404 (stream, usage)", "status 404 (stream)", "no response (timeout) (stream)")
    rules = tuple(
        rule(f"r{number}", UNTESTABLE, 0, reason=f"needs a stream, but {reason}")
        for number, reason in enumerate(reasons)
    )
    troubles = troubles_of([StoredTarget("t", rules)])
    assert [("status 404", 2), ("no response (timeout)", 1)] == [(each.says, len(each.rules)) for each in troubles]


def test_a_known_failure_that_holds_is_red_and_told():
    (trouble,) = troubles_of([StoredTarget("t", (rule("stale", PASS, 0, red=True, reason="listed, but PASS"),))])
    assert (True, "listed, but PASS") == (trouble.red, trouble.reason)
