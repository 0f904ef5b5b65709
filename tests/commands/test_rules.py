"""`streamspec rules`, `explain` and `--help`."""

import json

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.rules import ALL


def call(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_every_rule_is_listed():
    shown = call("rules").output
    mutants, behaviours = sum(len(r.broken_by) for r in ALL), sum(len(r.broken_when) for r in ALL)
    assert shown.splitlines()[-1] == f"{len(ALL)} rules, {mutants} mutants, {behaviours} behaviours"


def test_the_json_list_has_what_tools_need():
    listed = json.loads(call("rules", "chat/termination/*", "--json").output)
    assert [r.id for r in ALL if r.id.startswith("chat/termination/")] == [r["id"] for r in listed]
    assert {"id", "level", "authority", "statement", "sources", "features", "mutants"} <= set(listed[0])


def test_a_pattern_that_matches_nothing_is_an_error():
    assert 2 == call("rules", "chat/nothing/*").exit_code


def test_explain_takes_the_last_part_of_an_id():
    shown = call("explain", "done-sent").output
    for part in ("chat/termination/done-sent", "MUST", "openai", "streamspec mock --fault"):
        assert part in shown


def test_explain_of_no_rule_is_an_error():
    assert 2 == call("explain", "no-such-rule").exit_code


def test_the_kill_matrix_is_printed_and_clean():
    result = call("rules", "chat/termination/*", "--kill-matrix")
    assert 0 == result.exit_code, result.output
    assert "caught  chat/termination/done-sent#left-out" in result.output


def test_behaviours_are_in_the_kill_matrix():
    result = call("rules", "http/timing/*", "--kill-matrix")
    assert 0 == result.exit_code, result.output
    assert "caught  http/timing/head-first#head-held  on 1 trial" in result.output


@pytest.mark.parametrize("command", [[], ["run"], ["check"], ["rules"], ["explain"], ["mock"]])
def test_help_teaches(command):
    result = call(*command, "--help")
    assert 0 == result.exit_code
    assert "Usage:" in result.output


def test_a_mock_with_a_fault_that_does_not_exist_says_what_there_is():
    result = call("mock", "--port", "0", "--fault", "chat/termination/done-sent#nope")
    assert 2 == result.exit_code
    assert "left-out" in result.stderr
