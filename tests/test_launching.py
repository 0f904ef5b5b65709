"""A target's own server: started, awaited, and gone afterwards with everything it started."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance import launching
from conformance.cli import main
from conformance.launching import LaunchError, launched
from conformance.targets import Launch, Target

SERVES = """
    import http.server, sys
    class Answers(http.server.BaseHTTPRequestHandler):
        asked = 0
        def do_GET(self):
            Answers.asked += 1
            self.send_response(200 if self.path == "/health" and Answers.asked > 2 else 503)
            self.end_headers()
    print("loading", sys.argv[2], flush=True)
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
"""
HAS_A_CHILD = """
    import subprocess, sys
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open(sys.argv[3], "w").write(str(child.pid))
"""
DIES = """
    import sys
    print("no such file: \\x1b[2Jmodel.gguf")
    sys.exit(3)
"""
FALLS_OVER = """
        def do_POST(self):
            import os
            Answers.posts = getattr(Answers, "posts", 0) + 1
            if Answers.posts == REQUEST:
                os._exit(7)
            self.send_error(501)
"""
IS_STUBBORN = """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
        return number


def target(tmp_path: Path, port: int, *scripts: str, **members) -> Target:
    file = tmp_path / "server.py"
    file.write_text("".join(textwrap.dedent(script) for script in scripts))
    command = (sys.executable, str(file), "{port}", "{model}", str(tmp_path / "child"))
    launch = Launch(**{"command": command, "ready": "/health", "log": str(tmp_path / "log" / "s.log"), **members})
    return Target(name="mine", url=f"http://127.0.0.1:{port}/v1", model="tiny", launch=launch)


def start(target: Target, **options) -> list[str]:
    """What is said until it is ready."""

    async def once() -> list[str]:
        said: list[str] = []
        async with launched(target, lambda says, _: said.append(says), **options) as server:
            assert server.ended() == ""
        return said

    return asyncio.run(once())


def refusal(target: Target, **options) -> str:
    with pytest.raises(LaunchError) as problem:
        start(target, **options)
    return str(problem.value)


def lives(pid: int) -> bool:
    """Whether there is such a process; one that nobody has waited for yet is none."""
    with contextlib.suppress(OSError):
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_server_is_awaited_and_gone_afterwards(tmp_path, port, monkeypatch):
    monkeypatch.setattr(launching, "POLL", 0.02)
    mine = target(tmp_path, port, SERVES)
    said = start(mine)
    assert said[0].startswith(f"starts {sys.executable} ")
    assert "503" in "".join(said)
    assert said[-1].startswith("is ready after ")
    assert "loading tiny\n" in (tmp_path / "log" / "s.log").read_text()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1).close()


def test_what_the_server_started_ends_with_it(tmp_path, port):
    start(target(tmp_path, port, HAS_A_CHILD, SERVES))
    assert not lives(int((tmp_path / "child").read_text()))


def test_a_server_that_does_not_end_is_killed_after_the_grace_period(tmp_path, port):
    mine = target(tmp_path, port, IS_STUBBORN, HAS_A_CHILD, SERVES)
    began = time.monotonic()
    start(mine, grace=0.05)
    assert time.monotonic() - began < launching.GRACE
    assert not lives(int((tmp_path / "child").read_text()))


def test_a_server_that_dies_is_told_of_with_the_end_of_its_log(tmp_path, port):
    says = refusal(target(tmp_path, port, DIES))
    assert "target mine: before GET /health was answered with 200, the server ended with status 3" in says
    assert f"its log {tmp_path / 'log' / 's.log'} ends:\n  | no such file: " in says
    assert "\x1b" not in says


def test_a_server_that_is_never_ready_is_ended(tmp_path, port):
    says = refusal(target(tmp_path, port, SERVES, ready="/nowhere", seconds=0.3))
    assert "GET /nowhere gave 503 for 0.3 s, wanted 200" in says
    assert "seconds: 0.6" in says
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1).close()


def test_a_program_that_is_not_installed_is_told_of_with_how_to_get_it(tmp_path, port):
    says = refusal(target(tmp_path, port, command=("no-such-server", "-p"), install="brew install no-such-server"))
    assert (
        "target mine: no-such-server is not installed, or not on PATH; to get it: brew install no-such-server" == says
    )


def test_a_port_that_is_taken_is_refused_not_judged(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        says = refusal(target(tmp_path, taken.getsockname()[1], SERVES))
    assert "listens" in says
    assert "streamspec run mine --no-launch" in says
    assert not (tmp_path / "log").exists()


def test_a_program_that_cannot_be_run_is_told_of(tmp_path, port):
    program = tmp_path / "server"
    program.write_text("no program\n")
    program.chmod(0o755)
    assert "cannot be started" in refusal(target(tmp_path, port, command=(str(program),)))


def test_variables_are_filled_in_and_one_that_is_not_set_is_named(tmp_path, port, monkeypatch):
    monkeypatch.setenv("STREAMSPEC_TEST_SET", "here")
    monkeypatch.delenv("STREAMSPEC_TEST_UNSET", raising=False)
    command = (sys.executable, "-c", "import sys, os; print(sys.argv[1:], os.environ['ADDED']); sys.exit(1)")
    words = ("${STREAMSPEC_TEST_SET}/x", "${STREAMSPEC_TEST_UNSET:-there}", "{host}", '{"a": 1}')
    says = refusal(target(tmp_path, port, command=command + words, env={"ADDED": "port {port}"}))
    assert "| ['here/x', 'there', '127.0.0.1', '{\"a\": 1}'] " in says
    assert f"port {port}" in says
    assert "export STREAMSPEC_TEST_UNSET=" in refusal(target(tmp_path, port, command=("x", "${STREAMSPEC_TEST_UNSET}")))


def test_a_log_of_its_own_is_kept_where_none_is_named(tmp_path, port):
    async def log() -> Path:
        async with launched(target(tmp_path, port, SERVES, log="")) as server:
            return server.log

    kept = asyncio.run(log())
    try:
        assert kept.read_text().startswith("loading tiny")
        assert 0o600 == kept.stat().st_mode & 0o777
    finally:
        kept.unlink()


TARGETS = """\
targets:
  mine:
    url: http://127.0.0.1:{port}/v1
    model: mock
    launch:
      command: [{python}, -m, conformance.cli, mock, --port, "{{port}}"]
      ready: /health
      log: {folder}/mock.log
"""


def targets_file(tmp_path: Path, port: int) -> Path:
    file = tmp_path / "targets.yaml"
    file.write_text(TARGETS.format(port=port, python=sys.executable, folder=tmp_path))
    return file


def test_a_run_starts_judges_and_ends_its_target(tmp_path, port):
    run = ["run", "mine", "--targets", str(targets_file(tmp_path, port)), "--only", "chat/termination/*"]
    result = CliRunner().invoke(main, run)
    assert 0 == result.exit_code, result.output
    assert f"its log is {tmp_path / 'mock.log'}" in result.stderr
    assert "nothing red" in result.stdout
    there = CliRunner().invoke(main, [*run, "--no-launch"])
    assert 2 == there.exit_code
    assert f"127.0.0.1:{port}" in there.stderr


@pytest.mark.parametrize("request_number", [1, 5])
def test_a_server_that_dies_while_it_is_judged_makes_the_run_incomplete(tmp_path, port, request_number):
    posts = FALLS_OVER.replace("REQUEST", str(request_number))
    mine = target(tmp_path, port, SERVES.replace("        def do_GET", posts + "        def do_GET"))
    command = [part.format(port=port, model="m") for part in mine.launch.command]
    launch = f"{{command: {command}, ready: /health, log: {tmp_path / 's.log'}}}"
    file = tmp_path / "targets.yaml"
    file.write_text(f"targets: {{mine: {{url: '{mine.url}', model: m, launch: {launch}}}}}")
    result = CliRunner().invoke(main, ["run", "mine", "--targets", str(file), "--timeout", "2"])
    assert 2 == result.exit_code, result.output
    assert "the server ended with status 7" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_ends_its_server(tmp_path, port, number):
    file = targets_file(tmp_path, port)
    file.write_text(file.read_text().replace("ready: /health", "ready: /never"))
    run = [sys.executable, "-m", "conformance.cli", "run", "mine", "--targets", str(file)]
    process = subprocess.Popen(run, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while not (listens := _listens(port)) and time.monotonic() < until:
            time.sleep(0.05)
        assert listens
        process.send_signal(number)
        _, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    assert 2 == process.returncode
    assert "interrupted" in stderr
    assert not _listens(port)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
