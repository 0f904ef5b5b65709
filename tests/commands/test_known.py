"""`streamspec run --known-failures FILE`, and what writes the file anew."""

import json

import pytest
from click.testing import CliRunner

import schemas
from conformance import known_file
from conformance.cli import main
from mockserver.answering import Settings
from mockserver.app import running

FAULT = "chat/termination/done-sent"
ONLY = ("--only", "chat/termination/done-*", "--only", "chat/role/sent-first")
LISTED = f"known_failures:\n  - rule: {FAULT}\n    reason: next release\n"


@pytest.fixture
def run(tmp_path):
    """Judge the mock server, with a fault or without, by a list of known failures."""

    def run(listed: str | None, *arguments: str, fault: str | None = FAULT):
        file = tmp_path / "known.yaml"
        if listed is not None:
            file.write_text(listed)
        with running(Settings(), fault=fault) as url:
            there = ("--url", url, "--model", "mock", *ONLY, "--known-failures", str(file))
            report = ("--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml"))
            return CliRunner().invoke(main, ["run", *there, *report, *arguments])

    return run


def rule_of(folder):
    report = json.loads((folder / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    return report, next(rule for rule in report["targets"][0]["rules"] if rule["rule"] == FAULT)


def test_what_fails_as_listed_is_green_and_told(run, tmp_path):
    result = run(LISTED)
    assert 0 == result.exit_code, result.output
    assert f"FAIL (known)         {FAULT}  known failure: next release" in result.stdout
    report, rule = rule_of(tmp_path)
    assert (False, "FAIL", True, False) == (report["red"], rule["verdict"], rule["known"], rule["red"])
    assert 'failures="0" errors="0" skipped="1"' in (tmp_path / "r.xml").read_text()


@pytest.mark.parametrize(
    ("listed", "fault", "says"),
    [
        (LISTED, None, f"listed as a known failure, but PASS; delete FILE:2:  - rule: {FAULT}"),
        (
            LISTED + "    until: 2001-01-01\n",
            FAULT,
            "the known failure ended on 2001-01-01: mend it, or delete FILE:2:",
        ),
        (LISTED + "  - {rule: chat/gone, reason: x}\n", FAULT, "FILE:4: the known failure 'chat/gone' names no rule;"),
        (LISTED + "    probe: strem\n", None, "is not judged on probe 'strem'; write:  probe: stream"),
    ],
)
def test_what_is_stale_expired_or_unmatched_is_red_with_the_line_to_delete(run, tmp_path, listed, fault, says):
    result = run(listed, fault=fault)
    assert 1 == result.exit_code, result.output
    assert says.replace("FILE", str(tmp_path / "known.yaml")) in result.stdout
    assert rule_of(tmp_path)[0]["red"]
    assert 'failures="0"' not in (tmp_path / "r.xml").read_text()


def test_what_is_flaky_is_green_either_way_and_told(run):
    flaky = LISTED.replace("known_failures", "known_flaky")
    failed, passed = run(flaky), run(flaky, fault=None)
    assert (0, 0) == (failed.exit_code, passed.exit_code), failed.output
    assert f"FAIL (flaky)         {FAULT}  known to be flaky: next release" in failed.stdout
    assert "known to be flaky, and PASS this time: next release" in passed.stdout


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (None, "there is no such file; write there at least\nknown_failures:"),
        (LISTED + "    becuase: x\n", "known.yaml:4: unknown key 'becuase'"),
        ("known_failures:\n  - rule: a\n", "has no 'reason'; write, below it:  reason: 'why it fails'"),
        (
            LISTED + "    until: soon\n",
            "'soon' is not a day, like 2026-12-31; write for instance:  until: '2026-12-31'",
        ),
        (LISTED + "    until: '2026-02-30'\n", "until 2026-02-30: day is out of range for month"),
    ],
)
def test_a_file_that_is_wrong_exits_with_two_and_says_what_to_write(run, listed, says):
    result = run(listed)
    assert (2, "") == (result.exit_code, result.stdout)
    assert says in result.stderr


def test_the_file_is_written_with_what_fails_and_the_next_run_is_green(run, tmp_path):
    first = run(None, "--update-known-failures")
    assert 0 == first.exit_code, first.output
    (entry,) = known_file.read(tmp_path / "known.yaml")
    assert (FAULT, "*") == (entry.rule, entry.target)
    assert "known.yaml: 1 known failures, 0 before" in first.stderr
    assert rule_of(tmp_path)[1]["known"]
    assert 0 == run((tmp_path / "known.yaml").read_text()).exit_code


def test_what_is_stale_is_taken_out_and_remarks_stay(run, tmp_path):
    text = "# ours\n" + LISTED + "  - rule: chat/role/sent-first # why?\n    reason: x\n# the end\n"
    assert 0 == run(text, "--update-known-failures").exit_code
    assert "# ours\n" + LISTED + "# the end\n" == (tmp_path / "known.yaml").read_text()


def test_what_is_expired_or_names_nothing_is_left_to_people(run, tmp_path):
    text = LISTED + "    until: 2001-01-01\n  - rule: chat/gone\n    reason: x\n"
    result = run(text, "--update-known-failures")
    assert 1 == result.exit_code
    assert text == (tmp_path / "known.yaml").read_text()


def test_to_write_a_file_one_has_to_be_named_and_to_be_writable(run, tmp_path):
    unnamed = CliRunner().invoke(main, ["run", "--update-known-failures"])
    assert (2, True) == (unnamed.exit_code, "write  --known-failures known.yaml" in unnamed.stderr)
    there = ("--known-failures", "/dev/null/known.yaml")
    unwritable = run(None, *there, "--update-known-failures")
    assert 2 == unwritable.exit_code
    assert "cannot write /dev/null/known.yaml: Not a directory" in unwritable.stderr
    assert f"FAIL         MUST   {FAULT}" in unwritable.stdout
