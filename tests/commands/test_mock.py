"""`streamspec mock`: what it says of scenarios before it serves."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from click.testing import CliRunner

import schemas
from conformance.cli import main
from mockserver import Settings, running


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
        file.write_text("scenario: [{name: it, replie: Hello}]")
        os.utime(file, (0, 0))  # a file system may not tell two moments apart
        with urlopen(f"{url}/health") as got:
            assert ["it"] == json.load(got)["scenario"]["entries"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert "the scenario stays as it was:" in said
    assert "unknown key 'replie'" in said


@contextmanager
def serving(*arguments: str, **environment: str):
    """The root of a mock that is served by the command, and what it says on standard error in the end."""
    command = [sys.executable, "-m", "conformance.cli", "mock", "--port", "0", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment}) as process:
        said: list[str] = []
        try:
            yield process.stdout.readline().split()[3].removesuffix("/v1"), said
        finally:
            process.send_signal(signal.SIGINT)
            said.append(process.communicate(timeout=20)[1])


def post(url: str, value: object, **headers: str) -> bytes:
    data = json.dumps(value).encode()
    try:
        with urlopen(Request(url, data, {"content-type": "application/json", **headers})) as answer:
            return answer.read()
    except HTTPError as error:
        return error.read()


def test_what_is_recorded_from_an_endpoint_is_replayed(tmp_path):
    body = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": True}
    record = ["--record-from", "", "--record", str(tmp_path / "new"), "--key-env", "UPSTREAM"]
    with running(Settings(keys=frozenset({"sk-0123456789"}))) as endpoint:
        record[1] = endpoint
        with serving(*record, UPSTREAM="sk-0123456789") as (root, _):
            came = post(f"{root}/v1/chat/completions", body)
    assert came.startswith(b"data: {")
    (tmp_path / "new" / "bad.jsonl").write_text("{")
    with serving("--replay", str(tmp_path / "new"), "--replay-speed", "0", "--replay-ignore", "seed") as (root, said):
        assert came == post(f"{root}/v1/chat/completions", {**body, "seed": 4})
        assert b"differs at /stream: wanted true, got nothing" in post(
            f"{root}/v1/chat/completions", {key: body[key] for key in ("model", "messages")}
        )
        token = {"authorization": "Bearer right"}
        assert b"control_forbidden" in post(f"{root}/control/reset", {}, origin="http://evil.example", **token)
    assert "1 recordings" in said[0]
    assert "bad.jsonl: line 1: wanted" in said[0]


def test_with_a_token_only_who_has_it_may_control(tmp_path):
    with serving(STREAMSPEC_CONTROL_TOKEN="right") as (root, _):
        assert b"control_forbidden" in post(f"{root}/control/reset", {})
        assert b'"fault":null' in post(f"{root}/control/reset", {}, authorization="Bearer right")


def test_ways_to_answer_do_not_mix_and_what_is_no_endpoint_is_told(tmp_path):
    (tmp_path / "s.yaml").write_text("scenario: [{reply: Hello}]")
    both = call("--scenario", str(tmp_path / "s.yaml"), "--replay", str(tmp_path))
    assert (2, True) == (both.exit_code, "choose one of them" in both.stderr)
    wrong = call("--record-from", "api.example", "--record", str(tmp_path / "new"))
    assert (2, True) == (wrong.exit_code, "wanted the URL of an endpoint" in wrong.stderr)
    empty = call("--replay", str(tmp_path))
    assert (2, True) == (empty.exit_code, "no recordings in this folder" in empty.stderr)


def test_requests_that_come_too_soon_are_refused_and_a_context_may_be_short():
    asked = {"model": "mock", "messages": [{"role": "user", "content": "one two three"}]}
    with serving("--rate-limit", "2/h", "--context", "9") as (root, _):
        first, _, third = (json.loads(post(f"{root}/v1/chat/completions", asked)) for _ in range(3))
    assert ("length", 3) == (first["choices"][0]["finish_reason"], first["usage"]["completion_tokens"])
    assert "rate_limit_exceeded" == third["error"]["code"]


def test_what_is_no_rate_is_told_with_one_to_write():
    result = call("--rate-limit", "10")
    assert (2, True) == (result.exit_code, "write 10/s, 60/m or 1000/h" in result.stderr)
