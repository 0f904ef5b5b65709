"""`streamspec profiles`, and `--profile` in run and check."""

import json

import pytest
from click.testing import CliRunner

import schemas
from conformance import profiles
from conformance.cli import main
from conformance.rules import ALL
from mockserver.answering import Settings
from mockserver.app import running

FAULT = "chat/termination/done-sent"


def streamspec(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def without(rule_id: str, folder):
    """A file that lists chat-core but for one rule."""
    lines = profiles.load("chat-core-2026.1").text.splitlines(keepends=True)
    path = folder / "ours.yaml"
    path.write_text("".join(line for line in lines if not line.startswith(f"  {rule_id}:")))
    return str(path)


def test_the_profiles_are_listed_and_one_of_them_shows_its_rules():
    listed = streamspec("profiles").stdout
    assert list(profiles.NAMES) == [line.split()[0] for line in listed.splitlines()]
    assert "(218 rules; demands stop, tools, usage)" in listed
    shown = streamspec("profiles", "chat-core-2026.1").stdout
    assert len(profiles.load("chat-core-2026.1").rules) == len(shown.splitlines()) - 1
    assert FAULT in shown


def test_a_profile_in_yaml_is_one_that_can_be_read_again(tmp_path):
    (tmp_path / "ours.yaml").write_text(streamspec("profiles", "chat-core-2026.1", "--yaml").stdout)
    (told,) = json.loads(streamspec("profiles", str(tmp_path / "ours.yaml"), "--json").stdout)
    assert f"sha256:{profiles.load('chat-core-2026.1').digest}" == told["digest"]
    assert profiles.load("chat-core-2026.1").rules == told["rules"]


@pytest.mark.parametrize("arguments", [["profiles", "nobody"], ["profiles", "--yaml"], ["profiles", "no/file.yaml"]])
def test_a_profile_that_is_none_exits_with_two(arguments):
    result = streamspec(*arguments)
    assert (2, "") == (result.exit_code, result.stdout)


@pytest.mark.parametrize("name", profiles.NAMES)
def test_the_mock_server_meets_a_profile_and_the_report_names_it(name, tmp_path):
    result = streamspec("run", "--profile", name, "--json", str(tmp_path / "r.json"))
    assert 0 == result.exit_code, result.output
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    (target,) = report["targets"]
    profile = profiles.load(name)
    assert {"name": name, "digest": f"sha256:{profile.digest}", "moved": []} == target["profile"]
    assert profile.rules == {rule["rule"]: rule["version"] for rule in target["rules"]}
    assert f"profile {name}" in result.stdout.splitlines()[0]


def test_what_a_profile_demands_is_judged_though_the_target_does_not_declare_it():
    with running(Settings()) as url:
        there = ("--url", url, "--model", "mock", "--only", "chat/tool-choice/required")
        declared = streamspec("run", *there, "--profile", "chat-tools-2026.1")
        full = streamspec("run", *there)
    assert (0, 2) == (declared.exit_code, full.exit_code), declared.output + full.output
    assert "1 rule in" in declared.stdout
    assert "no rule could be judged" in full.stderr


def test_a_candidate_that_fails_is_reported_and_leaves_the_run_green(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "listed", lambda: frozenset(rule.id for rule in ALL) - {FAULT})
    with running(Settings(), fault=FAULT) as url:
        there = ("run", "--url", url, "--model", "mock", "--only", FAULT, "--only", "chat/role/*")
        files = ("--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml"))
        unscored = streamspec(*there, "--profile", without(FAULT, tmp_path), *files)
        scored = streamspec(*there, "--profile", "chat-core-2026.1")
    assert (0, 1) == (unscored.exit_code, scored.exit_code), unscored.output
    assert f"candidate, not scored: FAIL {FAULT}" in unscored.stdout
    assert "3 rules in" in unscored.stdout
    assert "3 PASS; nothing red; 1 candidate not scored" in unscored.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    (rule,) = [rule for rule in report["targets"][0]["rules"] if rule["rule"] == FAULT]
    assert ("FAIL", False, True) == (rule["verdict"], rule["red"], rule["candidate"])
    assert 'failures="0" errors="0" skipped="1"' in (tmp_path / "r.xml").read_text()
    assert "candidate, not scored: FAIL" in (tmp_path / "r.xml").read_text()


def test_candidates_alone_are_nothing_that_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "listed", lambda: frozenset(rule.id for rule in ALL) - {FAULT})
    result = streamspec("run", "--profile", without(FAULT, tmp_path), "--only", FAULT)
    assert 2 == result.exit_code
    assert "matches --only; nothing would count" in result.stderr


def test_recordings_are_checked_by_the_rules_of_a_profile(tmp_path, monkeypatch):
    with running(Settings(), fault=FAULT) as url:
        streamspec("run", "--url", url, "--model", "mock", "--only", FAULT, "--record", str(tmp_path / "rec"))
    monkeypatch.setattr(profiles, "listed", lambda: frozenset(rule.id for rule in ALL) - {FAULT})
    check = ("check", str(tmp_path / "rec"), "--profile")
    scored = streamspec(*check, "chat-core-2026.1")
    unscored = streamspec(*check, without(FAULT, tmp_path))
    assert (1, 0) == (scored.exit_code, unscored.exit_code), unscored.output
    assert f"--profile chat-core-2026.1 {tmp_path}" in scored.stdout
    assert 2 == streamspec(*check, "nobody").exit_code
    findings = json.loads(streamspec(*check, without(FAULT, tmp_path), "--format", "json").stdout)["results"]
    assert {True} == {finding["candidate"] for result in findings for finding in result["findings"]}
    assert f"FAIL (candidate) MUST   {FAULT}" in unscored.stdout
