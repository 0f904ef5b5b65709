"""`streamspec run`: what it prints, writes and exits with."""

import json
import re
import shlex
import socket

import pytest
from click.testing import CliRunner

import schemas
from conformance.cli import main, start
from conformance.commands.recording_folder import held
from conformance.probes.bench import Bench, Tempo
from conformance.probes.bodies import LONG
from conformance.probes.catalogue import PROBES
from conformance.probes.trials.running import plan_of
from conformance.rules import ALL
from mockserver.answering import Settings
from mockserver.app import running

KEY = "sk-never-seen-again"


def run(*arguments: str, env: dict[str, str] | None = None, profile: str = "quick"):
    """Without trials, which take their time, unless a test is about them."""
    chosen = () if "--profile" in arguments else ("--profile", profile)
    return CliRunner().invoke(main, ["run", *arguments, *chosen], env=env)


def test_the_built_in_mock_has_nothing_red(tmp_path):
    result = run("--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml"))
    assert 0 == result.exit_code, result.output
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    rules = report["targets"][0]["rules"]
    assert [rule.id for rule in ALL] == [rule["rule"] for rule in rules]
    passed = {rule["rule"] for rule in rules if rule["verdict"] == "PASS"}
    others = {rule["rule"]: rule["reason"] for rule in rules if rule["rule"] not in passed}
    assert {"left out by --profile quick"} == set(others.values())
    assert {rule.id for rule in ALL if not {*rule.needs.probes} & {probe.name for probe in PROBES}} == set(others)
    assert f'tests="{len(ALL)}" failures="0" errors="0"' in (tmp_path / "r.xml").read_text()


def test_what_the_trials_will_take_is_said_in_seconds_and_tokens(monkeypatch):
    async def trials(stage, trials, *, on_plan, **_):
        tempo = Tempo(first=0.02, gap=0.01, lasts=12.0, tokens=1200)
        bench = Bench(stage=stage, long=LONG, tempo=tempo, blind="nothing shows it; write slots: 2")
        on_plan(plan_of(tuple(trials), bench))
        return []

    monkeypatch.setattr("conformance.running.run_trials", trials)
    with running() as url:
        result = run("--url", url, "--model", "mock", "--only", "chat/cancellation/stops-mid-stream", profile="full")
    line, watched, *_ = [line for line in result.stderr.splitlines() if line]
    assert re.match(r"url: 2 trials follow \(cancellation\): about \d s and 106 tokens, up to \d+ s", line)
    assert "and 2,500 tokens where the server never stops; --profile quick leaves them out" in line
    assert "nobody watches the server: nothing shows it; write slots: 2" == watched


def test_the_trials_of_the_built_in_server_take_virtual_time():
    result = run("--only", "chat/c*", "--only", "http/timing/*", profile="full")
    assert 0 == result.exit_code, result.output
    (line,) = [line for line in result.stderr.splitlines() if line]
    assert re.search(r"in memory: \d+ s of virtual time, which passes in a few; --profile quick leaves them out", line)
    (sum_up,) = [line for line in result.stdout.splitlines() if line.endswith("nothing red")]
    assert "NOT-APPLICABLE" not in sum_up


def test_only_the_trials_that_the_rules_need_are_made(tmp_path):
    result = run("--only", "chat/cancellation/stops-mid-stream", "--json", str(tmp_path / "r.json"), profile="full")
    assert 0 == result.exit_code, result.output
    (target,) = json.loads((tmp_path / "r.json").read_text())["targets"]
    probes = {timing["probe"] for timing in target["timings"] if not timing["probe"].startswith("calibration")}
    assert {"leave-mid-stream-fin", "leave-mid-stream-rst"} == probes
    assert ["fin", "rst"] == [situation["left_by"] for situation in target["cancellation"]["situations"]]
    assert ["mid", "stream", "FIN", "yes"] in [line.split()[:4] for line in result.stdout.splitlines()]


def test_a_fault_is_red_and_named():
    with running(Settings(), fault="chat/termination/done-sent#left-out") as url:
        result = run("--url", url, "--model", "mock")
    assert 1 == result.exit_code, result.output
    assert "chat/termination/done-sent" in result.output
    assert "wanted  [DONE] as the last message" in result.output


def test_a_fault_that_is_a_known_failure_is_not_red_and_without_it_is_stale(tmp_path):
    def judged(fault: str | None):
        with running(Settings(), fault=fault) as url:
            known = "[{rule: chat/termination/done-sent, reason: next release}]"
            (tmp_path / "t.yaml").write_text(f"targets: {{a: {{url: '{url}', model: mock, known_failures: {known}}}}}")
            return run("a", "--targets", str(tmp_path / "t.yaml"))

    broken, mended = judged("chat/termination/done-sent"), judged(None)
    assert (0, 1) == (broken.exit_code, mended.exit_code), broken.output + mended.output
    assert "listed as a known failure, but PASS" in mended.output


def test_recordings_of_a_run_get_the_same_verdicts(tmp_path):
    fault = "chat/role/sent-once" if any(r.id == "chat/role/sent-once" for r in ALL) else "chat/termination/done-sent"
    with running(Settings(), fault=fault) as url:
        live = run(
            "--url", url, "--model", "mock", "--record", str(tmp_path / "rec"), "--json", str(tmp_path / "r.json")
        )
    checked = CliRunner().invoke(main, ["check", str(tmp_path / "rec"), "--format", "json"])
    report = json.loads((tmp_path / "r.json").read_text())
    of_run = {f["rule"] for rule in report["targets"][0]["rules"] for f in rule["findings"]}
    of_check = {f["rule"] for result in json.loads(checked.stdout)["results"] for f in result["findings"]}
    assert of_run == of_check != set()
    assert live.exit_code == checked.exit_code


def test_the_key_reaches_the_server_and_nothing_else(tmp_path):
    with running(Settings(keys=frozenset({KEY}))) as url:
        let_in = run(
            *("--url", url, "--model", "mock", "--feature", "auth", "--record", str(tmp_path / "rec"), "-v"),
            *("--json", str(tmp_path / "r.json"), "--junit", str(tmp_path / "r.xml")),
            env={"OPENAI_API_KEY": KEY},
        )
        turned_away = run("--url", url, "--model", "mock", env={"OPENAI_API_KEY": ""})
    assert (0, 1) == (let_in.exit_code, turned_away.exit_code), let_in.output
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [] == [text for text in [*written, let_in.output, let_in.stderr] if KEY in text]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--url", "http://127.0.0.1:9/v1"], "--model"),
        (["--url", "ftp://x/v1", "--model", "m"], "url"),
        (["--url", "http://x/v1", "--model", "m", "name"], "not both"),
        (["nobody"], "cannot read targets.yaml: there is no such file; write there at least"),
        (["http://x/v1"], "--url http://x/v1"),
        (["--feature", "choices"], "--feature goes with --url"),
        (["--slots", "2"], "--slots goes with --url; a target of targets.yaml has its own  slots: 2"),
        (["--observer", "none"], "--observer goes with --url"),
        (["--model", "m"], "--model goes with --url"),
        (["--profile", "strict", "--dialect", "azure"], "leave out one of"),
        (["--json", "-", "--junit", "-"], "only one report"),
        (["--record", "/dev/null/folder"], "cannot record in /dev/null/folder: Not a directory"),
        (["--json", "/dev/full"], "cannot write /dev/full: No space left"),
        (["--only", "chat/nothing/*"], "no rule matches"),
        (["--dialect", "klingon"], "'openai', 'azure'"),
        (["--url", "http://127.0.0.1:9/v1", "--model", "m", "--feature", "flying"], "'flying'"),
        (["--url", "http://no-such-host.invalid/v1", "--model", "m"], "no-such-host.invalid"),
    ],
)
def test_what_cannot_be_run_exits_with_two_and_says_why(arguments, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert 2 == result.exit_code
    assert says in result.stderr
    assert "Traceback" not in result.output + result.stderr


def test_a_key_in_the_url_reaches_no_report(tmp_path):
    files = {name: str(tmp_path / name) for name in ("json", "junit", "record")}
    with running(Settings(), fault="chat/termination/done-sent") as url:
        result = run(
            *("--url", f"{url}?api_key={KEY}", "--model", "mock", "--only", "chat/termination/done-sent"),
            *("--json", files["json"], "--junit", files["junit"], "--record", files["record"]),
        )
    assert 1 == result.exit_code, result.output
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 2
    assert [] == [text for text in [*written, result.stdout, result.stderr] if KEY in text]


def test_the_command_to_run_again_can_be_pasted_into_a_shell():
    with running(Settings(models=("it's; a model",)), fault="chat/termination/done-sent") as url:
        words = ["--url", url, "--model", "it's; a model", "--feature", "choices", "--timeout", "9.0", "--key-env", "K"]
        result = run(*words, "--only", "chat/termination/*")
    (again,) = [line.split("again", 1)[1] for line in result.stdout.splitlines() if line.startswith("   again ")]
    words += ["--profile", "quick"]
    assert ["streamspec", "run", *words, "--only", "chat/termination/done-sent"] == shlex.split(again)


def test_a_folder_that_holds_recordings_already_is_told_of(tmp_path):
    first, second = (run("--only", "chat/termination/*", "--record", str(tmp_path)) for _ in range(2))
    assert (0, "", 0) == (first.exit_code, first.stderr, second.exit_code)
    assert f"{tmp_path} holds recordings already" in second.stderr


def test_two_runs_do_not_record_in_one_folder_at_the_same_time(tmp_path):
    with held(tmp_path):
        result = run("--only", "chat/termination/*", "--record", str(tmp_path))
    assert (2, []) == (result.exit_code, list(tmp_path.iterdir()))
    assert f"another run records in {tmp_path}; give each run a folder of its own" in result.stderr
    assert 0 == run("--only", "chat/termination/*", "--record", str(tmp_path)).exit_code


def test_a_dash_sends_the_report_to_standard_output_and_the_text_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("--json", "-", "--only", "chat/termination/*")
    assert {"PASS"} == {rule["verdict"] for rule in json.loads(result.stdout)["targets"][0]["rules"]}
    assert "nothing red" in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_a_mistake_of_the_suite_is_not_told_of_as_one_of_the_target(monkeypatch, capsys):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("conformance.cli.main", broken)
    with pytest.raises(SystemExit) as left:
        start()
    assert 2 == left.value.code
    shown = capsys.readouterr().err
    assert "a mistake of ours" in shown
    assert "a mistake in the suite" in shown


def test_what_is_no_terminal_gets_no_bars_and_no_colours():
    result = run("--only", "chat/termination/*")
    assert "" == result.stderr
    assert "\x1b" not in result.stdout


def test_a_refused_connection_exits_with_two():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        result = run("--url", f"http://127.0.0.1:{port}/v1", "--model", "m")
    assert 2 == result.exit_code
    assert f"127.0.0.1:{port}" in result.stderr


def test_several_targets_get_a_report_each(tmp_path):
    with running(Settings()) as url:
        (tmp_path / "t.yaml").write_text(f"targets: {{a: {{url: '{url}', model: mock}}}}")
        result = run("mock", "a", "--targets", str(tmp_path / "t.yaml"), "--json", str(tmp_path / "r.json"))
    assert 0 == result.exit_code, result.output
    assert ["mock", "a"] == [t["target"] for t in json.loads((tmp_path / "r.json").read_text())["targets"]]


def test_only_the_probes_that_the_rules_need_are_sent(tmp_path):
    result = run("--only", "chat/refusals/*", "--json", str(tmp_path / "r.json"))
    assert 0 == result.exit_code, result.output
    probes = {timing["probe"] for timing in json.loads((tmp_path / "r.json").read_text())["targets"][0]["timings"]}
    assert "bad-json" in probes
    assert "long-text" not in probes


def test_a_server_that_never_answers_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        result = run("--url", url, "--model", "m", "--timeout", "0.2")
    assert 2 == result.exit_code
    assert "within" in result.stderr
