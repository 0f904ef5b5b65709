"""What `streamspec run` exits with, for each way in which a run can end; the table in docs/run-it.md says the same."""

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

import conformance.commands.run
import schemas
from conformance import profiles
from conformance.cli import main
from conformance.rules import ALL
from mockserver.answering import Settings
from mockserver.app import running

DONE = "chat/termination/done-sent"
WARNS = "chat/role/sent-once"
FEW = ("--only", "chat/termination/done-*", "--only", "chat/role/*")


def run(*arguments: str):
    return CliRunner().invoke(main, ["run", *arguments])


@contextmanager
def mock(fault: str | None = None):
    with running(Settings(), fault=fault) as url:
        yield ("--url", url, "--model", "mock")


@contextmanager
def closed_port():
    """An address at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield ("--url", f"http://127.0.0.1:{held.getsockname()[1]}/v1", "--model", "m")


@contextmanager
def dying_after(connections: int):
    """A server that takes so many connections, and is gone."""
    with running(Settings()) as url, socket.create_server(("127.0.0.1", 0)) as listener:
        behind = ("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))

        def pump(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        def serve():
            ends, threads = [], []
            for _ in range(connections):
                try:
                    client, _ = listener.accept()
                except OSError:
                    break
                server = socket.create_connection(behind)
                ends += [client, server]
                for pair in ((client, server), (server, client)):
                    threads.append(threading.Thread(target=pump, args=pair))
                    threads[-1].start()
            listener.close()
            for thread in threads:
                thread.join()
            for end in ends:
                end.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield ("--url", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "--model", "mock", "-n", "1")
        listener.close()
        thread.join()


def test_nothing_red_is_0():
    with mock() as there:
        assert 0 == run(*there, *FEW).exit_code


def test_a_finding_of_a_must_rule_is_1():
    with mock(DONE) as there:
        assert 1 == run(*there, *FEW).exit_code


def test_findings_that_only_warn_are_0():
    (warns,) = [rule for rule in ALL if rule.id == WARNS]
    assert "should" == warns.level.value
    with mock(WARNS) as there:
        result = run(*there, "--only", WARNS)
    assert (0, True) == (result.exit_code, f"WARN         SHOULD {WARNS}" in result.stdout), result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--only", "chat/nothing/*"),
        ("--profile", "chat-core-2026.1", "--only", "completions/*"),
        ("--only", "chat/reasoning/*", "--url", "http://127.0.0.1:9/v1", "--model", "m", "--only", "chat/none/*"),
    ],
)
def test_nothing_to_run_is_2_before_anything_is_sent(arguments):
    result = run(*arguments)
    assert (2, "") == (result.exit_code, result.stdout), result.output


def test_a_run_in_which_nothing_applies_is_2_though_it_is_shown(tmp_path):
    text = "profile: ours\nsays: x\nrules:\n" + "".join(
        f"  {rule.id}: 1\n" for rule in ALL if rule.needs.feature == "reasoning"
    )
    (tmp_path / "ours.yaml").write_text(text)
    with mock() as there:
        result = run(*there, "--profile", str(tmp_path / "ours.yaml"))
    assert 2 == result.exit_code, result.output
    assert "no rule could be judged" in result.stderr
    assert "feature 'reasoning' is not declared (10)" in result.stdout


def test_a_dead_target_is_2(tmp_path):
    with closed_port() as there:
        result = run(*there, *FEW, "--json", str(tmp_path / "r.json"))
    assert (2, False) == (result.exit_code, (tmp_path / "r.json").exists()), result.output


def test_a_target_that_dies_midway_is_2_and_what_was_judged_is_told(tmp_path):
    with dying_after(4) as there:
        result = run(*there, "--profile", "chat-core-2026.1", "--json", str(tmp_path / "r.json"))
    assert 2 == result.exit_code, result.output
    (target,) = json.loads((tmp_path / "r.json").read_text())["targets"]
    assert target["problem"][:40] in result.stderr
    assert "rules in" in result.stdout


def test_a_run_that_is_not_whole_writes_no_known_failures(tmp_path):
    file = tmp_path / "known.yaml"
    with dying_after(4) as there:
        result = run(*there, "--profile", "chat-core-2026.1", "--known-failures", str(file), "--update-known-failures")
    assert (2, False) == (result.exit_code, file.exists()), result.output
    assert "known.yaml is left as it is: a run that is not whole" in result.stderr


def test_of_several_targets_a_dead_one_is_2_and_the_others_are_told(tmp_path):
    with mock(DONE) as (_, url, *_), closed_port() as (_, dead, *_):
        there = f"targets:\n  dead: {{url: '{dead}', model: m}}\n  alive: {{url: '{url}', model: mock}}\n"
        (tmp_path / "t.yaml").write_text(there)
        files = ("--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml"))
        result = run("dead", "alive", "--targets", str(tmp_path / "t.yaml"), *FEW, *files)
    assert 2 == result.exit_code, result.output
    assert f"FAIL         MUST   {DONE}" in result.stdout
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    assert (["alive"], 1, True) == (
        [target["target"] for target in report["targets"]],
        len(report["problems"]),
        report["red"],
    )
    assert report["problems"][0] in result.stderr
    suites = ET.parse(tmp_path / "r.xml").getroot()
    assert [("alive", "0"), ("streamspec", "1")] == [(suite.get("name"), suite.get("errors")) for suite in suites]


@pytest.mark.parametrize(
    ("entry", "fault", "status"),
    [
        (f"{{rule: {DONE}, reason: x}}", DONE, 0),
        (f"{{rule: {DONE}, reason: x}}", None, 1),
        (f"{{rule: {DONE}, reason: x, until: 2001-01-01}}", DONE, 1),
        ("{rule: chat/gone/for-good, reason: x}", None, 1),
    ],
    ids=["fails as listed", "stale", "expired", "unmatched"],
)
def test_a_known_failure_is_0_while_it_is_true_and_1_when_it_is_not(entry, fault, status, tmp_path):
    with mock(fault) as (_, url, *_):
        target = f"targets:\n  a:\n    url: '{url}'\n    model: mock\n    known_failures:\n      - {entry}\n"
        (tmp_path / "t.yaml").write_text(target)
        result = run("a", "--targets", str(tmp_path / "t.yaml"), *FEW)
    assert status == result.exit_code, result.output
    assert (status == 1) == (f"delete {tmp_path / 't.yaml'}:6:  - rule: " in result.stdout)


def test_a_candidate_that_is_broken_is_0(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "listed", lambda: frozenset(rule.id for rule in ALL) - {DONE})
    (tmp_path / "ours.yaml").write_text("profile: ours\nsays: x\nrules:\n  chat/role/sent-first: 1\n")
    with mock(DONE) as there:
        result = run(*there, "--profile", str(tmp_path / "ours.yaml"))
    assert (0, True) == (result.exit_code, f"candidate, not scored: FAIL {DONE}" in result.stdout), result.output


def test_a_rule_that_cannot_be_tested_is_1():
    with running(Settings(keys=frozenset({"another"}))) as url:
        result = run("--url", url, "--model", "mock", "--only", "chat/role/*")
    assert (1, True) == (result.exit_code, "UNTESTABLE" in result.stdout), result.output


def test_a_mistake_in_a_rule_is_1(monkeypatch):
    def broken(_):
        raise ZeroDivisionError

    (done,) = [rule for rule in ALL if rule.id == DONE]
    monkeypatch.setattr(conformance.commands.run, "pick_rules", lambda _: (replace(done, check=broken),))
    with mock() as there:
        result = run(*there)
    assert (1, True) == (result.exit_code, "SUITE-ERROR" in result.stdout), result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--targets", "/nowhere.yaml", "name"),
        ("--profile", "nobody"),
        ("--known-failures", "/nowhere.yaml"),
        ("--json", "-", "--sarif", "-"),
        ("--workers", "many"),
        ("--no-such-option",),
    ],
)
def test_a_mistake_in_the_command_or_a_file_is_2_and_nothing_is_sent(arguments):
    assert (2, "") == ((result := run(*arguments)).exit_code, result.stdout)


def test_an_interrupted_run_is_2_and_the_targets_before_are_told(tmp_path, monkeypatch):
    judge = conformance.commands.run.run_one

    def interrupted(target, *rest):
        if target.name == "second":
            raise KeyboardInterrupt
        return judge(target, *rest)

    monkeypatch.setattr(conformance.commands.run, "run_one", interrupted)
    with mock() as (_, url, *_):
        one = f"{{url: '{url}', model: mock}}"
        (tmp_path / "t.yaml").write_text(f"targets: {{first: {one}, second: {one}, third: {one}}}")
        there = ("first", "second", "third", "--targets", str(tmp_path / "t.yaml"))
        result = run(*there, *FEW, "--json", str(tmp_path / "r.json"))
    assert 2 == result.exit_code, result.output
    assert "streamspec: interrupted" in result.stderr
    assert ["first"] == [target["target"] for target in json.loads((tmp_path / "r.json").read_text())["targets"]]


def test_files_that_cannot_be_written_are_2_and_everything_else_is_written(tmp_path):
    files = ("--json", "/dev/null/r.json", "--badge", "/dev/full", "--junit", str(tmp_path / "r.xml"))
    with mock(DONE) as there:
        result = run(*there, *FEW, *files)
    assert 2 == result.exit_code
    assert f"FAIL         MUST   {DONE}" in result.stdout
    assert 'failures="1"' in (tmp_path / "r.xml").read_text()
    assert "cannot write /dev/null/r.json" in result.stderr
    assert "cannot write /dev/full: No space left" in result.stderr
