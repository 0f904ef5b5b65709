"""`streamspec diff OLD NEW`: what it tells, and what it exits with."""

import json

import pytest
from click.testing import CliRunner

import schemas
from conformance.cli import main
from mockserver.answering import Settings
from mockserver.app import running

DONE, ROLE = "chat/termination/done-sent", "chat/role/sent-first"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports of servers with different faults, by their fault."""
    folder = tmp_path_factory.mktemp("reports")
    for name, fault in (("good", None), ("done", DONE), ("role", ROLE)):
        with running(Settings(), fault=fault) as url:
            there = ("--url", url, "--model", "mock", "--only", "chat/role/*", "--only", "chat/termination/done-*")
            CliRunner().invoke(main, ["run", *there, "--json", str(folder / f"{name}.json")])
    return folder


def diff(folder, old: str, new: str, *arguments: str):
    return CliRunner().invoke(main, ["diff", str(folder / f"{old}.json"), str(folder / f"{new}.json"), *arguments])


@pytest.mark.parametrize(
    ("old", "new", "status", "says"),
    [
        ("good", "good", 0, "no difference; nothing turned red"),
        ("done", "done", 0, "still there; nothing turned red"),
        ("done", "good", 0, "fixed; nothing turned red"),
        ("good", "done", 1, "1 turned red"),
        ("role", "done", 1, "1 turned red"),
    ],
)
def test_what_turned_red_makes_it_1_and_nothing_else_does(reports, old, new, status, says):
    result = diff(reports, old, new)
    assert (status, True) == (result.exit_code, says in result.stdout), result.output


def test_what_is_new_is_told_with_wanted_and_got(reports):
    lines = diff(reports, "good", "done").stdout.splitlines()
    start = next(
        n for n, line in enumerate(lines) if line.startswith(f"new                  {DONE}  PASS -> FAIL (turned")
    )
    assert "   wanted  [DONE] as the last message" == lines[start + 1]


def test_what_was_not_the_same_when_it_was_judged_is_told(reports, tmp_path):
    other = json.loads((reports / "good.json").read_text())
    profile = {"name": "ours", "digest": f"sha256:{'ab' * 32}", "moved": []}
    other["targets"][0] |= {"profile": profile, "dialect": "vllm"}
    (reports / "other.json").write_text(json.dumps(other))
    result = diff(reports, "good", "other", "--json", str(tmp_path / "d.json"))
    assert 0 == result.exit_code
    assert "not the same profile: none, then ours (sha256:abababababab)" in result.stdout
    assert "not the same dialect: openai, then vllm" in result.stdout
    document = json.loads((tmp_path / "d.json").read_text())
    assert [] == [error.message for error in schemas.explain("diff").iter_errors(document)]
    assert ["profile", "dialect"] == [each["what"] for each in document["otherwise"]]
    assert "not the same" not in diff(reports, "other", "other").stdout


def test_the_json_fits_its_schema_and_says_the_same(reports, tmp_path):
    assert 1 == diff(reports, "role", "done", "--json", str(tmp_path / "d.json")).exit_code
    document = json.loads((tmp_path / "d.json").read_text())
    assert [] == [error.message for error in schemas.explain("diff").iter_errors(document)]
    changes = {change["rule"]: change for change in document["changes"]}
    assert (True, "new", "FAIL", True) == (
        document["red"],
        changes[DONE]["change"],
        changes[DONE]["now"],
        changes[DONE]["turned_red"],
    )
    assert ("fixed", "PASS") == (changes[ROLE]["change"], changes[ROLE]["now"])


def changed(reports, name, change):
    document = json.loads((reports / "done.json").read_text())
    change(document["targets"][0])
    (reports / f"{name}.json").write_text(json.dumps(document))
    return name


def test_what_became_a_known_failure_is_still_there_and_not_red(reports):
    def known(target):
        for rule in target["rules"]:
            rule.update({"red": False, "known": True} if rule["red"] else {})

    listed = changed(reports, "listed", known)
    assert 0 == diff(reports, "done", listed).exit_code
    back = diff(reports, listed, "done")
    assert (1, True) == (back.exit_code, "still there" in back.stdout)


def test_what_held_and_was_not_judged_again_is_told(reports):
    def fewer(target):
        target["rules"] = [rule for rule in target["rules"] if rule["rule"] != ROLE]

    few = changed(reports, "few", fewer)
    result = diff(reports, "done", few, "-v")
    assert (0, True) == (result.exit_code, "1 that held not judged again" in result.stdout)
    assert f"held, not judged again   {ROLE}" in result.stdout


def test_reports_that_have_no_rule_in_common_are_2(reports):
    other = changed(reports, "other", lambda target: target.update(rules=target["rules"][:1]))
    document = json.loads((reports / "other.json").read_text())
    document["targets"][0]["rules"][0]["rule"] = "chat/another/rule"
    (reports / "other.json").write_text(json.dumps(document))
    result = diff(reports, "done", other)
    assert (2, True) == (result.exit_code, "nothing was compared" in result.stderr)


@pytest.mark.parametrize("text", ["", "{}", '{"report": 99, "targets": []}', "[" * 5000, '{"report": 1, "targets": 3}'])
def test_what_is_no_report_is_2(reports, text):
    (reports / "broken.json").write_text(text)
    for pair in (("broken", "good"), ("good", "broken"), ("good", "missing")):
        assert (2, "") == ((result := diff(reports, *pair)).exit_code, result.stdout)


def test_what_holds_and_is_still_listed_as_a_known_failure_is_fixed_and_red(reports):
    def stale(target):
        for rule in target["rules"]:
            rule.update({"red": True, "verdict": "PASS", "findings": []} if rule["rule"] == DONE else {})

    def known(target):
        for rule in target["rules"]:
            rule.update({"red": False, "known": True} if rule["red"] else {})

    result = diff(reports, changed(reports, "excused", known), changed(reports, "stale", stale))
    assert 1 == result.exit_code
    assert f"fixed                {DONE}  FAIL -> PASS (turned red: listed as a known failure)" in result.stdout
