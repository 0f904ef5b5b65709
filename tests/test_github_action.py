"""The GitHub Action and the files of other CI systems: they fit their schemas, and the steps do what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mockserver.answering import Settings
from mockserver.app import running

ROOT = Path(__file__).parent.parent
ACTION = ROOT / ".github/actions/streamspec/action.yml"
FAULT = "chat/termination/done-sent"
ONLY = "--only\nchat/termination/done-*\n--only\nchat/role/sent-first"


def step(name: str):
    """One of the action's steps."""
    steps = yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]
    return next(each for each in steps if each.get("name") == name)


@pytest.fixture
def judge(tmp_path):
    """Run the step that judges as a runner would: its shell, its environment, its files."""
    tool = tmp_path / "streamspec/bin/streamspec"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m conformance.cli "$@"\n')
    tool.chmod(0o755)

    def judge(**inputs: str):
        names = dict.fromkeys(step("Judge")["env"], "") | {"DECIDES": "true", "ARGUMENTS": ONLY} | inputs
        files = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step("Judge")["run"]],
            env={**kept, **files, **names, "RUNNER_TEMP": str(tmp_path), "GITHUB_ACTIONS": "true"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        said = dict(line.split("=", 1) for line in (tmp_path / "GITHUB_OUTPUT").read_text().splitlines())
        return done, said, tmp_path / "streamspec-report"

    return judge


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-actions", ACTION),
        ("vendor.github-workflows", ROOT / ".github/workflows/example.yml"),
        ("vendor.gitlab-ci", ROOT / "docs/ci/gitlab.yml"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_file_fits_the_schema_of_those_who_read_it(schema, file):
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


def test_no_input_is_put_into_a_script():
    """What is between ${{ and }} becomes part of the program: it stands in environments alone."""
    steps = yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]
    assert [] == [each["name"] for each in steps if "${{" in each.get("run", "")]


def test_every_input_reaches_a_step_and_every_example_names_inputs_that_exist():
    text = ACTION.read_text("utf-8")
    inputs = yaml.safe_load(text)["inputs"]
    assert [] == [name for name in inputs if f"inputs.{name} " not in text]
    workflow = yaml.safe_load((ROOT / ".github/workflows/example.yml").read_text("utf-8"))
    uses = [each for job in workflow["jobs"].values() for each in job["steps"] if "streamspec" in each.get("uses", "")]
    assert len(uses) == 2
    assert set() == {name for use in uses for name in use["with"]} - inputs.keys()


def test_a_good_server_passes_and_leaves_every_report(judge):
    with running(Settings()) as url:
        done, said, folder = judge(URL=url, MODEL="mock", PROFILE="chat-core-2026.1")
    assert (0, "0") == (done.returncode, said["status"]), done.stdout + done.stderr
    assert {"report.json", "report.html", "report.xml", "report.sarif", "badge.svg", "recordings"} == {
        path.name for path in folder.iterdir()
    }
    assert "chat-core-2026.1" == json.loads((folder / "report.json").read_text())["targets"][0]["profile"]["name"]
    assert "Nothing is red" in (folder.parent / "GITHUB_STEP_SUMMARY").read_text()


def test_a_broken_server_fails_the_step_and_is_annotated(judge):
    with running(Settings(), fault=FAULT) as url:
        done, said, folder = judge(URL=url, MODEL="mock", PROFILE="quick", FEATURES="choices tools")
    assert (1, "1") == (done.returncode, said["status"]), done.stdout + done.stderr
    assert f"::error title=FAIL {FAULT} (url)::" in done.stdout
    assert FAULT in (folder.parent / "GITHUB_STEP_SUMMARY").read_text()


def test_an_upgrade_that_does_not_decide_is_told_and_passes(judge):
    with running(Settings(), fault=FAULT) as url:
        done, said, _ = judge(URL=url, MODEL="mock", PROFILE="quick", DECIDES="false")
    assert (0, "1") == (done.returncode, said["status"]), done.stdout + done.stderr
    assert "::notice title=streamspec::exit status 1, which does not decide here" in done.stdout


def test_known_failures_come_from_the_file(judge, tmp_path):
    (tmp_path / "known.yaml").write_text(f"known_failures:\n  - {{rule: {FAULT}, reason: next release}}\n")
    with running(Settings(), fault=FAULT) as url:
        done, _, _ = judge(URL=url, MODEL="mock", PROFILE="quick", KNOWN_FAILURES=str(tmp_path / "known.yaml"))
    assert 0 == done.returncode, done.stdout + done.stderr


def test_an_input_is_never_a_program(judge, tmp_path):
    done, said, _ = judge(URL=f"http://x/v1; touch {tmp_path}/a $(touch {tmp_path}/b)", MODEL="`touch c`")
    assert (2, "2") == (done.returncode, said["status"])
    assert not [name for name in ("a", "b") if (tmp_path / name).exists()]


def test_whatever_is_printed_of_a_target_lies_between_the_tokens(judge, tmp_path):
    target = "targets:\n  'a':\n    url: http://127.0.0.1:9/v1\n    model: \"m\\n::error::pwned\"\n"
    (tmp_path / "t.yaml").write_text(target)
    done, _, _ = judge(TARGET="a", ARGUMENTS=f"--targets\n{tmp_path}/t.yaml")
    assert 2 == done.returncode
    assert not [line for line in done.stdout.splitlines() if line.startswith("::error::pwned")]
