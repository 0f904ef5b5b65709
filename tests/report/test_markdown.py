"""Reports as Markdown: the worst first, and nothing of a target's acts on the page."""

import re

from conformance.report.markdown import code, of_reports
from conformance.report.stored import StoredFinding, StoredReport, StoredRule, StoredTarget
from conformance.verdicts import RED, Verdict


def rule(name, verdict, says="It holds.", level="must", findings=(), reason=""):
    return StoredRule(name, level, says, verdict, verdict in RED, "openai", tuple(findings), reason, "", ("stream",))


def report(*rules, target="mine"):
    return StoredReport(1, "s", (StoredTarget(target, rules),))


FOUND = StoredFinding("[DONE]", "nothing", Verdict.FAIL, 3, (10, 20), 3, "/id", "stream")
BROKEN = rule("chat/termination/done-sent", Verdict.FAIL, "A stream ends.", findings=[FOUND])


def test_it_says_how_it_went_what_is_red_and_where():
    text = of_reports([report(BROKEN, rule("chat/x/y", Verdict.WARN, level="should"), rule("chat/x/z", Verdict.PASS))])
    assert text.startswith("## ❌ streamspec: 1 rule that must hold is broken on `mine`\n")
    assert "| `mine` | 1 | 1 FAIL, 1 WARN, 1 PASS |  |  |  |" in text
    assert "- ❌ **MUST** `chat/termination/done-sent` A stream ends." in text
    assert "wanted `[DONE]`, got `nothing`" in text
    assert "`probe stream, event 3 of 3, bytes 10-20`" in text
    assert "<summary>1 not red</summary>\n\n- ⚠️ SHOULD `chat/x/y`" in text


def test_nothing_red_is_said_in_the_heading():
    assert "## ✅ streamspec: Nothing is red on `mine`" in of_reports([report(rule("a/b", Verdict.PASS))])


def test_what_changed_since_the_earlier_report_is_listed():
    before = report(rule("a/fixed", Verdict.FAIL), rule("a/broken", Verdict.PASS), rule("a/same", Verdict.FAIL))
    now = report(rule("a/fixed", Verdict.PASS), rule("a/broken", Verdict.FAIL), rule("a/same", Verdict.FAIL))
    text = of_reports([now], before)
    assert "### Since the earlier report: 1 new, 1 still there, 1 fixed" in text
    assert "- new: `a/broken` PASS → FAIL" in text
    assert "- fixed: `a/fixed` FAIL → PASS" in text
    assert "a/same` FAIL →" not in text


def test_what_could_not_be_judged_for_one_reason_is_one_line():
    reason = "needs a stream, but status 404 (stream, usage)"
    text = of_reports([report(*(rule(f"a/{name}", Verdict.UNTESTABLE, reason=reason) for name in "bcd"))])
    assert "- ❓ 3 rules could not be judged: `status 404`" in text


def test_no_text_of_a_target_leaves_its_code_span():
    evil = "`` ` ![x](https://e.example/) | <script> @everyone \n# heading \u202e"
    found = StoredFinding(evil, evil, Verdict.FAIL, None, None, None, "", evil)
    text = of_reports([report(rule(evil, Verdict.FAIL, evil, findings=[found]), target=evil)])
    without_code = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    without_escapes = re.sub(r"\\.", "", without_code)
    assert not re.search(r"<script|!\[|@everyone|\u202e|^# ", without_escapes, re.MULTILINE)


def test_a_code_span_holds_backticks_pipes_and_nothing():
    assert ["`a`", "`` a`b ``", "``` a``b ```", "`a¦b`", "` `", "`\\n`"] == [
        code(text) for text in ("a", "a`b", "a``b", "a|b", "", "\n")
    ]


def test_a_hundred_troubles_are_listed_and_the_rest_counted():
    rules = [rule(f"a/r{number}", Verdict.WARN, level="should") for number in range(150)]
    text = of_reports([report(*rules)])
    assert 100 == text.count("- ⚠️")
    assert "and 50 more" in text


def test_a_run_that_is_red_for_another_reason_is_not_called_green():
    target = StoredTarget("mine", (rule("a/b", Verdict.PASS),), red=True, problem="it died", unmatched=("a/x",))
    text = of_reports([StoredReport(1, "s", (target,))])
    assert text.startswith("## ❌ streamspec: The run is red for another reason than its rules on `mine`")
    assert "- `mine`: `it died`" in text
    assert "`the known failure a/x names nothing`" in text
