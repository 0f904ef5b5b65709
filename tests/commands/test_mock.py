"""`streamspec mock`: what it says of scenarios before it serves."""

import json
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

from click.testing import CliRunner

import schemas
from conformance.cli import main


def call(*arguments: str):
    return CliRunner().invoke(main, ["mock", "--port", "0", *arguments])


def test_the_schema_of_scenarios_is_printed():
    assert schemas.load("scenario") == json.loads(call("--scenario-schema").output)


def test_a_scenario_with_mistakes_is_told_with_the_line_to_write(tmp_path):
    (tmp_path / "s.yaml").write_text("scenario:\n  - replie: Hello\n")
    result = call("--scenario", str(tmp_path / "s.yaml"))
    assert 2 == result.exit_code
    assert "s.yaml:2: unknown key 'replie' in scenario.0; write:  replies: [{error: 429}, Hello!]" in result.stderr


def test_a_scenario_that_is_not_there_is_told_with_one_to_write(tmp_path):
    result = call("--scenario", str(tmp_path / "s.yaml"))
    assert (2, True) == (result.exit_code, "- when: {message: Hello}" in result.stderr)


def test_a_file_that_breaks_while_it_is_served_is_told_on_the_terminal(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("scenario: [{name: it, reply: Hello}]")
    command = [sys.executable, "-m", "conformance.cli", "mock", "--port", "0", "--scenario", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().split()[3].removesuffix("/v1")
        time.sleep(0.02)  # a file system may not tell two moments apart
        file.write_text("scenario: [{name: it, replie: Hello}]")
        with urlopen(f"{url}/health") as got:
            assert ["it"] == json.load(got)["scenario"]["entries"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert "the scenario stays as it was:" in said
    assert "unknown key 'replie'" in said
