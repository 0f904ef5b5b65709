"""`pytest --pyargs conformance`: one item per target and rule, in a folder that knows nothing of us."""

import os
import subprocess
import sys

import pytest

from conformance.probes.catalogue import PROBES
from conformance.rules import ALL
from mockserver.answering import Settings
from mockserver.app import running


@pytest.fixture
def call(tmp_path):
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "conformance"]
        return subprocess.run(
            [*command, "--target-profile", "quick", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_ADDOPTS": "", "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_every_rule_is_an_item_and_the_built_in_mock_passes(call):
    done = call("-q")
    probed = [rule for rule in ALL if {*rule.needs.probes} & {probe.name for probe in PROBES}]
    left_out = len(ALL) - len(probed)
    assert f"{len(probed)} passed, {left_out} skipped" in done.stdout.splitlines()[-1], done.stdout
    assert 0 == done.returncode


def test_a_fault_fails_the_item_of_its_rule_with_wanted_and_got(call):
    with running(Settings(), fault="chat/termination/done-sent") as url:
        done = call("-q", "--target-url", url, "--target-model", "mock", "-n", "2")
    assert 1 == done.returncode, done.stdout
    assert "test_rule[url-chat/termination/done-sent]" in done.stdout
    assert "wanted [DONE] as the last message" in done.stdout


def test_workers_share_one_set_of_probes(call):
    import json
    from urllib.request import urlopen

    with running(Settings()) as url:
        call("-q", "--target-url", url, "--target-model", "mock", "-n", "3")
        with urlopen(url.removesuffix("/v1") + "/journal") as answer:
            journal = json.load(answer)
    requests = journal["requests"] if isinstance(journal, dict) else journal
    plain = [r for r in requests if "Write a long list" in json.dumps(r)]
    assert 1 == len(plain)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--target", "nobody"], "cannot read"),
        (["--target-url", "http://127.0.0.1:9/v1"], "--target-model"),
        (["--target-url", "ftp://x", "--target-model", "m"], "url"),
    ],
)
def test_a_target_that_cannot_be_used_is_a_usage_error(call, arguments, says):
    done = call("-q", *arguments)
    assert done.returncode in (2, 4), done.stdout
    assert says in done.stdout + done.stderr


def test_workers_say_why_a_target_cannot_be_reached_and_leave_nothing_behind(call, tmp_path):
    done = call("-q", "-n", "2", "--target-url", "http://no-such-host.invalid/v1", "--target-model", "m")
    assert 1 == done.returncode, done.stdout
    assert "no-such-host.invalid" in done.stdout
    assert "crashed" not in done.stdout
    assert [] == [path.name for path in tmp_path.iterdir() if path.name.startswith("streamspec-")]


def test_a_target_that_cannot_be_reached_is_no_pass(call):
    done = call("-q", "--target-url", "http://no-such-host.invalid/v1", "--target-model", "m")
    assert 2 == done.returncode, done.stdout
    assert "no-such-host.invalid" in done.stdout + done.stderr


def test_a_profile_gives_items_for_its_rules_alone(call):
    done = call("-q", "--target-profile", "chat-core-2026.1", "-k", "termination")
    assert (0, True) == (done.returncode, "7 passed" in done.stdout), done.stdout
    unknown = call("--target-profile", "chat-cor")
    assert unknown.returncode in (2, 4), unknown.stdout
    assert "no profile 'chat-cor'; write:  chat-core-2026.1" in unknown.stdout + unknown.stderr


def test_known_failures_of_a_file_are_xfails_and_one_that_names_nothing_ends_the_session(call, tmp_path):
    fault = "chat/termination/done-sent"
    with running(Settings(), fault=fault) as url:
        there = ("-q", "--target-url", url, "--target-model", "mock", "-k", "done-sent")
        (tmp_path / "known.yaml").write_text(f"known_failures: [{{rule: {fault}, reason: next release}}]")
        listed = call(*there, "--target-known-failures", "known.yaml")
        (tmp_path / "known.yaml").write_text("known_failures: [{rule: chat/gone/for-good, reason: x}]")
        gone = call(*there, "--target-known-failures", "known.yaml")
    assert (0, True) == (listed.returncode, "1 xfailed" in listed.stdout), listed.stdout
    assert (2, True) == (gone.returncode, "names no rule" in gone.stdout + gone.stderr), gone.stdout
