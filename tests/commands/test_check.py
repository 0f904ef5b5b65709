"""`streamspec check`: recordings in, verdicts out."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import schemas
from conformance.checking import check as check_recordings
from conformance.cli import main
from conformance.verdicts import Checked

HEADER = (
    '{"recording": 1, "layer": "body", "source": {}, "request": {"method": "POST", "url": '
    '"http://x/v1/chat/completions", "body": {"model": "m", "stream": true, "messages": '
    '[{"role": "user", "content": "Hi"}]}}, '
    '"response": {"status": 200, "headers": [["content-type", "text/event-stream"]]}}\n'
)


def chunk(delta: str, finish: str) -> str:
    data = (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"m",'
        f'"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}\n\n'
    )
    return f'[null, "data", {json.dumps(data)}]\n'


FIRST = chunk('{"role":"assistant","content":""}', "null")
TEXT = chunk('{"content":"Hi"}', "null")
LAST = chunk("{}", '"stop"')
DONE = '[null, "data", "data: [DONE]\\n\\n"]\n'
EOF = '[null, "eof"]\n'


def check(*arguments: str | Path):
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


@pytest.fixture
def good(tmp_path):
    (tmp_path / "good.jsonl").write_text(HEADER + FIRST + TEXT + LAST + DONE + EOF)
    return tmp_path / "good.jsonl"


@pytest.fixture
def bad(tmp_path):
    (tmp_path / "bad.jsonl").write_text(HEADER + FIRST + TEXT + LAST + EOF)
    return tmp_path / "bad.jsonl"


def test_a_good_recording_exits_with_zero(good):
    result = check(good)
    assert 0 == result.exit_code, result.output
    assert result.stdout.startswith("PASS")


def test_a_bad_recording_exits_with_one_and_shows_the_finding(bad):
    result = check(bad)
    assert 1 == result.exit_code, result.output
    assert "chat/termination/done-sent" in result.output


def test_json_fits_its_schema_and_names_each_recording(good, bad):
    result = check(good.parent, "--format", "json")
    document = json.loads(result.stdout)
    assert [] == [error.message for error in schemas.explain("check").iter_errors(document)]
    assert [("bad.jsonl", "FAIL"), ("good.jsonl", "PASS")] == [
        (Path(r["path"]).name, r["verdict"]) for r in document["results"]
    ]
    assert ["chat/termination/done-sent"] == [f["rule"] for f in document["results"][0]["findings"]]


def test_a_file_that_cannot_be_read_exits_with_two_and_the_others_are_judged_all_the_same(good, bad):
    (good.parent / "broken.jsonl").write_text('{"recording": 9}\n')
    result = check(good.parent, "--format", "json")
    assert 2 == result.exit_code
    assert "broken.jsonl" in result.stderr
    verdicts = {Path(r["path"]).name: r["verdict"] for r in json.loads(result.stdout)["results"]}
    assert {"bad.jsonl": "FAIL", "good.jsonl": "PASS", "broken.jsonl": "UNTESTABLE"} == verdicts


def test_a_recording_that_stops_in_the_middle_is_judged_as_far_as_it_goes(tmp_path):
    (tmp_path / "cut.jsonl").write_text(HEADER + FIRST + TEXT)
    result = check(tmp_path / "cut.jsonl")
    assert 0 == result.exit_code
    assert "cut off" in result.stdout


def test_an_empty_folder_exits_with_two(tmp_path):
    assert 2 == check(tmp_path).exit_code


def test_a_path_that_is_not_there_exits_with_two(tmp_path):
    assert 2 == check(tmp_path / "nothing.jsonl").exit_code


def test_a_recording_of_another_protocol_alone_is_nothing_tested(tmp_path):
    (tmp_path / "models.jsonl").write_text(HEADER.replace("chat/completions", "responses") + DONE + EOF)
    result = check(tmp_path / "models.jsonl")
    assert 2 == result.exit_code
    assert "NOT-APPLICABLE" in result.output


def test_a_bare_body_takes_its_request_from_a_file(tmp_path):
    body = "".join(json.loads(line)[2] for line in (FIRST, TEXT, LAST, DONE))
    (tmp_path / "a.sse").write_text(body)
    (tmp_path / "request.json").write_text(
        '{"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": []}'
    )
    without, given = check(tmp_path / "a.sse"), check(tmp_path / "a.sse", "--request", tmp_path / "request.json")
    assert (0, 1) == (without.exit_code, given.exit_code), without.output + given.output
    assert "chat/usage/" in given.output


def test_an_interrupted_check_is_never_green(good, monkeypatch):
    def interrupted(*_: object, **__: object) -> Iterator[Checked]:
        yield from check_recordings([good])
        raise KeyboardInterrupt

    monkeypatch.setattr("conformance.commands.check.check_recordings", interrupted)
    result = check(good)
    assert 2 == result.exit_code
    assert result.stdout.startswith("PASS")
    assert "interrupted" in result.stderr


def test_the_command_to_check_again_names_a_file_that_there_is(bad, tmp_path):
    lines = [json.loads(line)[2] for line in bad.read_text().splitlines()[1:-1]]
    entry = {
        "request": json.loads(HEADER)["request"] | {"headers": [], "postData": {"text": '{"stream": true}'}},
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": "text/event-stream"}],
            "content": {"text": "".join(lines)},
        },
    }
    (tmp_path / "a page.har").write_text(json.dumps({"log": {"version": "1.2", "entries": [entry]}}))
    result = check(tmp_path / "a page.har")
    commands = [line.split("again", 1)[1] for line in result.stdout.splitlines() if line.startswith("   again ")]
    words = ["streamspec", "check", str(tmp_path / "a page.har"), "--only", "chat/termination/done-sent"]
    assert words in map(shlex.split, commands)
