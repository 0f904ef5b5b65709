"""`streamspec fuzz`, as a user calls it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import schemas
from conformance.cli import main
from mockserver.app import running


def fuzz(*words: str) -> Result:
    return CliRunner().invoke(main, ["fuzz", *words])


@pytest.mark.timeout(600)
def test_the_built_in_server_is_fuzzed_in_memory_and_the_report_fits_its_schema(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    result = fuzz("--examples", "20", "--seed", "3", "--database", "none", "--json", str(file))
    report = json.loads(file.read_text("utf-8"))
    assert 0 == result.exit_code, result.output
    assert [] == list(schemas.explain("fuzz").iter_errors(report))
    assert 20 == report["examples"]
    assert "again   streamspec fuzz mock --max-tokens 24 --examples 20 --seed 3" in result.output


@pytest.mark.timeout(600)
def test_a_server_on_a_port_is_fuzzed_and_what_fails_is_shown_kept_and_recorded(tmp_path: Path) -> None:
    file, record = tmp_path / "report.json", tmp_path / "found"
    with running(fault="chat/termination/done-sent") as url:
        result = fuzz(
            *("--url", url, "--model", "mock", "--examples", "10", "--seed", "1", "--first"),
            *("--database", str(tmp_path / "examples"), "--record", str(record), "--json", str(file)),
        )
    report = json.loads(file.read_text("utf-8"))
    assert 1 == result.exit_code, result.output
    assert [] == list(schemas.explain("fuzz").iter_errors(report))
    (failure,) = report["failures"]
    assert "chat/termination/done-sent" == failure["kind"]
    assert failure["curl"][0].startswith(f"curl -sN {url}/chat/completions")
    assert {".jsonl"} == {path.suffix for path in Path(failure["recordings"]).iterdir()}
    checked = CliRunner().invoke(main, ["check", failure["recordings"]])
    assert "chat/termination/done-sent" in checked.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nobody",), "no target 'nobody'"),
        (("--url", "http://127.0.0.1:9/v1", "--model", "m"), "refuses connections"),
        (("--url", "http://127.0.0.1:9/v1"), "--url needs --model"),
        (("--database", "redis://127.0.0.1:1/0", "--examples", "10"), "Redis client"),
    ],
)
def test_what_cannot_be_done_is_said_with_status_two(
    words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "targets.yaml").write_text("targets: {a: {url: 'http://127.0.0.1:9/v1', model: m}}", "utf-8")
    result = fuzz(*words)
    assert 2 == result.exit_code
    assert says in result.output
