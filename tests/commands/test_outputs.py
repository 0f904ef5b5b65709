"""Where the report of a run goes; what a hostile target says stays text in every format."""

import json
import re
import socket
import threading
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from sarif_pydantic import Sarif

import schemas
from conformance.cli import main

HOSTILE = "\r\n::error::pwned\r\n##[add-mask]y <script>alert(1)</script> ]]> | `a` \x1b[2J\x00 \u202e"
CHUNK = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": HOSTILE, "content": HOSTILE}, "finish_reason": None}],
}
ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    + f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n".encode()
)
RULE = "chat/delta/role-known"


@pytest.fixture
def hostile():
    """A server whose role is none, but an attack on whoever shows it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                received = b""
                while not received.endswith(b"}"):
                    received += peer.recv(65536)
                peer.sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    yield ("--url", f"http://127.0.0.1:{listener.getsockname()[1]}/v1", "--model", "m", "--only", RULE)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def run(*arguments: str, env: dict[str, str] | None = None):
    return CliRunner().invoke(main, ["run", *arguments], env=env)


def test_what_a_target_says_is_text_in_every_format(hostile, tmp_path):
    names = {
        "json": "r.json",
        "junit": "r.xml",
        "html": "r.html",
        "markdown": "r.md",
        "sarif": "r.sarif",
        "badge": "b.svg",
    }
    files = [word for option, name in names.items() for word in (f"--{option}", str(tmp_path / name))]
    result = run(*hostile, *files)
    assert (1, True) == (result.exit_code, f"FAIL         MUST   {RULE}" in result.stdout), result.output
    texts = {option: (tmp_path / name).read_text("utf-8") for option, name in names.items()}
    assert [] == [error.message for error in schemas.explain("report").iter_errors(json.loads(texts["json"]))]
    cases = ET.fromstring(texts["junit"]).iter("failure")
    assert [True] == ["alert(1)" in (case.text or "") for case in cases]
    assert ["error"] == list(
        {str(found.level.value) for found in Sarif.model_validate_json(texts["sarif"]).runs[0].results}
    )
    assert "<script>alert" not in texts["html"] + texts["badge"]
    for option, text in texts.items():
        assert not re.search("[\x00\x1b\u202e]", text), option


def test_the_badge_of_a_json_file_is_the_one_that_shields_read(hostile, tmp_path):
    run(*hostile, "--badge", str(tmp_path / "b.json"))
    assert {
        "schemaVersion": 1,
        "label": "streamspec",
        "message": "1 red",
        "color": "red",
        "isError": True,
    } == json.loads((tmp_path / "b.json").read_text())


def test_on_github_every_line_is_ours_or_no_command(hostile, tmp_path):
    summary = tmp_path / "summary.md"
    result = run(*hostile, "--github", env={"GITHUB_STEP_SUMMARY": str(summary)})
    assert 1 == result.exit_code
    token, ours = "", []
    for line in result.output.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.rpartition("::")[2]
        else:
            ours.append(line)
    assert ["::error title=FAIL"] == [line.partition(" chat/")[0] for line in ours]
    assert "pwned" in ours[0]
    assert token == ""
    assert RULE in summary.read_text()


def test_tokens_are_never_the_same_twice(hostile):
    tokens = re.findall(r"::stop-commands::(\w+)", run(*hostile, "--github").output + run(*hostile, "--github").output)
    assert len(tokens) == len(set(tokens)) >= 6
    assert {32} == {len(token) for token in tokens}


def test_a_summary_that_cannot_be_written_is_2_and_the_annotations_are_there(hostile):
    result = run(*hostile, "--github", env={"GITHUB_STEP_SUMMARY": "/dev/null/summary"})
    assert (2, True) == (result.exit_code, "::error title=FAIL" in result.stdout)
    assert "cannot write the summary, /dev/null/summary: Not a directory" in result.stderr


def test_with_a_report_on_standard_output_the_annotations_go_elsewhere(hostile):
    result = run(*hostile, "--github", "--sarif", "-")
    assert "2.1.0" == json.loads(result.stdout)["version"]
    assert "::error title=FAIL" in result.stderr
