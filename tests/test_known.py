"""What known failures excuse, and what is red about their list."""

from dataclasses import replace
from datetime import date

import pytest

from conformance import known_file
from conformance.known import Known, excuse
from conformance.protocols.finding import Finding
from conformance.rules.chat.termination import RULES
from conformance.verdicts import JudgedFinding, Report, RuleVerdict, Verdict

RULE = next(rule for rule in RULES if rule.id == "chat/termination/done-sent")
TODAY = date(2026, 11, 20)
PROBE, OTHER = RULE.needs.probes[:2]


def judged(verdict: Verdict, *probes: str, left_out: str = "") -> Report:
    """A report on one rule, with a finding on each of these probes."""
    found = tuple(JudgedFinding(Finding(wanted="w", got="g"), verdict, probe) for probe in probes)
    rule = replace(RULE, needs=replace(RULE.needs, probes=(left_out,))) if left_out else RULE
    made = () if verdict is Verdict.NOT_APPLICABLE else (PROBE, OTHER)
    verdicts = (RuleVerdict(rule, verdict, found, "feature 'x' is not declared" if not made else "", made),)
    return Report(target="mine", url="", model="", dialect="", verdicts=verdicts, left_out=frozenset({left_out} - {""}))


def entry(**members) -> Known:
    return Known(**{"rule": RULE.id, "reason": "next release", "place": "known.yaml:7", **members})


def excused(verdict: Verdict, *probes: str, left_out: str = "", **members) -> RuleVerdict:
    report = excuse(judged(verdict, *probes, left_out=left_out), [entry(**members)], today=TODAY)
    assert () == report.unmatched
    (found,) = report.verdicts
    assert report.green is not found.red
    return found


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.WARN, Verdict.UNTESTABLE])
def test_what_fails_as_the_list_says_is_not_red(verdict):
    found = excused(verdict, link="https://example.org/1", until=TODAY)
    says = "known failure: next release (https://example.org/1), until 2026-11-20"
    assert (True, False, says) == (found.known, found.red, found.reason)


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.TOLERATED])
def test_an_entry_about_a_rule_that_holds_is_stale_and_red(verdict):
    found = excused(verdict)
    says = f"listed as a known failure, but {verdict.value}; delete known.yaml:7:  - rule: {RULE.id}"
    assert (False, True, says) == (found.known, found.red, found.reason)


def test_an_entry_about_a_rule_that_does_not_apply_is_stale_and_red():
    found = excused(Verdict.NOT_APPLICABLE)
    assert found.red
    assert found.reason.startswith("listed as a known failure, but feature 'x' is not declared; delete known.yaml:7")


def test_an_entry_about_a_rule_that_this_run_left_out_says_nothing():
    found = excused(Verdict.NOT_APPLICABLE, left_out="some-trial")
    assert (False, "feature 'x' is not declared") == (found.red, found.reason)


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.PASS])
def test_an_entry_whose_day_is_past_is_red_whether_it_fails_or_not(verdict):
    found = excused(verdict, until=date(2026, 11, 19))
    says = f"the known failure ended on 2026-11-19: mend it, or delete known.yaml:7:  - rule: {RULE.id}"
    assert (False, True, says) == (found.known, found.red, found.reason)


def test_a_mistake_of_the_suite_is_never_excused():
    assert (False, True) == ((found := excused(Verdict.SUITE_ERROR)).known, found.red)


def test_what_is_known_to_be_flaky_may_fail_or_not_and_is_told():
    failed, passed = excused(Verdict.FAIL, flaky=True), excused(Verdict.PASS, flaky=True)
    assert (True, True, False) == (failed.known, failed.flaky, failed.red)
    assert "known to be flaky: next release" == failed.reason
    assert (False, False, "known to be flaky, and PASS this time: next release") == (
        passed.known,
        passed.red,
        passed.reason,
    )


def test_an_entry_for_a_probe_excuses_what_is_found_there_and_nothing_else():
    assert not excused(Verdict.FAIL, PROBE, probe=PROBE).red
    both = excused(Verdict.FAIL, PROBE, OTHER, probe=PROBE)
    assert (False, True) == (both.known, both.red)
    assert f"known on probe {PROBE}, and found elsewhere too: next release" == both.reason


def test_an_entry_for_a_probe_is_stale_where_it_fails_elsewhere_only():
    found = excused(Verdict.FAIL, OTHER, probe=PROBE)
    assert found.red
    assert f"but it holds on probe {PROBE}; delete known.yaml:7:  - rule: {RULE.id}, probe: {PROBE}" in found.reason


def test_two_entries_for_two_probes_excuse_both():
    report = judged(Verdict.FAIL, PROBE, OTHER)
    assert excuse(report, [entry(probe=PROBE), entry(probe=OTHER)], today=TODAY).green


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"rule": "chat/termination/done-snt"}, "names no rule; write:  rule: chat/termination/done-sent, or delete"),
        ({"rule": "nothing/*"}, "known.yaml:7: the known failure 'nothing/*' names no rule"),
        ({"probe": "sream"}, "is not judged on probe 'sream'; write:  probe: stream, or delete known.yaml:7"),
    ],
)
def test_an_entry_that_names_nothing_is_red_with_the_line_to_delete(members, says):
    report = excuse(judged(Verdict.PASS), [entry(**members)], today=TODAY)
    assert not report.green
    assert says in report.unmatched[0]


def test_an_entry_for_another_target_says_nothing():
    assert excuse(judged(Verdict.PASS), [entry(target="theirs"), entry(target="their*")], today=TODAY).green


def test_the_list_is_looked_up_anew_each_time():
    once = excuse(judged(Verdict.FAIL), [entry()], today=TODAY)
    assert (True, False) == (once.green, excuse(once, [], today=TODAY).green)


FILE = """\
# What our server owes us.
known_failures:
  # done with release 2
  - rule: chat/termination/done-sent # soon
    reason: next release
    until: 2026-12-31

  # nobody knows
  - {rule: chat/role/*, reason: old, target: mine}
known_flaky:
  - rule: chat/timing/one-by-one
    reason: a busy machine
"""


def test_a_file_gives_entries_with_their_lines():
    first, second, third = known_file.parse(FILE, "k.yaml")
    assert ("k.yaml:4", date(2026, 12, 31), False) == (first.place, first.until, first.flaky)
    assert ("k.yaml:9", "mine", "k.yaml:11", True) == (second.place, second.target, third.place, third.flaky)


def test_entries_come_and_go_and_every_other_line_stays():
    first, second, _ = known_file.parse(FILE, "k.yaml")
    new = Known(rule="chat/usage/sent-once", reason="seen: today", target="mine")
    text = known_file.updated(FILE, "k.yaml", gone=[second], found=[new])
    kept = FILE.replace("  - {rule: chat/role/*, reason: old, target: mine}\n", "")
    added = "  - rule: chat/usage/sent-once\n    target: mine\n    reason: 'seen: today'\n"
    assert kept.replace("known_flaky", added + "known_flaky") == text
    assert FILE.replace(
        "  - rule: chat/termination/done-sent # soon\n    reason: next release\n    until: 2026-12-31\n", ""
    ) == known_file.updated(FILE, "k.yaml", gone=[first], found=[])


def test_an_entry_below_its_dash_and_one_in_many_lines_are_taken_out_whole():
    text = (
        "known_failures:\n  -\n    rule: a\n    reason: >\n      long\n\n      longer\n\n  - rule: b\n    reason: c\n"
    )
    first, second = known_file.parse(text, "k.yaml")
    assert "known_failures:\n\n  - rule: b\n    reason: c\n" == known_file.updated(
        text, "k.yaml", gone=[first], found=[]
    )
    assert text.partition("  - rule: b")[0] == known_file.updated(text, "k.yaml", gone=[second], found=[])
    emptied = known_file.updated(text, "k.yaml", gone=[first, second], found=[])
    assert () == known_file.parse(emptied, "k.yaml")


@pytest.mark.parametrize(
    "text",
    ["", "# nothing yet\n", "known_failures: []\n", "known_flaky:\n- {rule: a, reason: b}", "known_failures: []"],
)
def test_a_file_without_known_failures_gets_them_and_can_lose_them_again(text):
    added = known_file.updated(text, "k.yaml", gone=[], found=[Known(rule="a", reason="b", link="https://c")])
    entries = [known for known in known_file.parse(added, "k.yaml") if not known.flaky]
    assert [("a", "b", "https://c")] == [(known.rule, known.reason, known.link) for known in entries]
    emptied = known_file.updated(added, "k.yaml", gone=entries, found=[])
    assert [] == [known for known in known_file.parse(emptied, "k.yaml") if not known.flaky]


def test_a_list_in_one_line_is_not_written_anew():
    text = "known_failures: [{rule: a, reason: b}]\n"
    with pytest.raises(known_file.ConfigurationError, match=r"k\.yaml:1: to be updated, the list has to"):
        known_file.updated(text, "k.yaml", gone=[], found=[])


def test_a_glob_that_is_half_stale_is_told_anew_rule_by_rule():
    glob = entry(rule="chat/termination/*", place="k.yaml:2")
    text = "known_failures:\n  - rule: chat/termination/*\n    reason: next release\n"
    (fails,) = judged(Verdict.FAIL).verdicts
    holds = replace(fails, rule=RULES[1], verdict=Verdict.PASS)
    report = replace(judged(Verdict.FAIL), verdicts=(fails, holds))
    new = known_file.written_anew(text, "k.yaml", [report], [glob], day=TODAY)
    assert f"known_failures:\n  - rule: {RULE.id}\n    target: mine\n    reason: seen on 2026-11-20\n" == new
