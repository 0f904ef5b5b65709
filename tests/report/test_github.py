"""Annotations: one command for each line, whatever a target sends."""

import re

from conformance.report import github
from conformance.verdicts import Verdict

from .stored_reports import HOSTILE, report, rule


def test_what_a_target_sends_stays_within_its_command():
    lines = github.of_report(report(rule(), rule("chat/a/b", Verdict.WARN, reason=HOSTILE), problem=HOSTILE))
    assert ["error", "error", "warning"] == [re.match(r"::(\w+) title=[^:]*::", line).group(1) for line in lines]
    for line in lines:
        assert line.isprintable()
        assert "::error::pwned" not in line.split("::", 2)[1]
    assert "%250A::set-output" in lines[1]


def test_a_title_holds_no_sign_that_ends_it():
    (line,) = github.of_report(report(rule()))
    assert line.startswith("::error title=FAIL chat/termination/done-sent (mine)::It holds.%0Awanted a%0Agot ")
    assert "::error title=run::a: b, c" == github.of_report(report(), ["a: b, c"])[0]


def test_ten_errors_and_ten_warnings_are_shown_and_the_rest_is_counted():
    many = [rule(f"chat/a/b{n}") for n in range(12)] + [rule(f"chat/c/d{n}", Verdict.WARN) for n in range(13)]
    lines = github.of_report(report(*many, rule("chat/e/f", known=True, red=False)))
    assert (10, 10) == (sum(x.startswith("::error") for x in lines), sum(x.startswith("::warning") for x in lines))
    assert "::notice title=streamspec::2 more are red, 3 more warn, 1 are known failures or candidates" in lines[-1]


def test_a_known_failure_that_names_nothing_is_an_error():
    assert ["::error title=known failure::k.yaml:2: no rule"] == github.of_report(
        report(unmatched=("k.yaml:2: no rule",))
    )


def test_commands_are_stopped_by_a_token_and_resumed_by_the_same():
    assert ("::stop-commands::abc", "::abc::") == (github.stopped("abc"), github.resumed("abc"))


def test_a_summary_is_no_longer_than_github_takes():
    short, long = github.summary("ä" * 10), github.summary("ä" * github.SUMMARY)
    assert "ä" * 10 == short
    assert github.SUMMARY >= len(long.encode()) > github.SUMMARY - 200
    assert long.endswith("the report has the rest._\n")
