"""--dialect at the command line: named, guessed, and what it tolerates for nothing."""

import json
from pathlib import Path

from click.testing import CliRunner

import schemas
from conformance.cli import main
from conformance.targets import parse
from mockserver.answering import Settings
from mockserver.app import running

HEADER = (
    '{"recording": 1, "layer": "body", "source": {}, "request": {"method": "POST", "url": '
    '"http://x/v1/chat/completions", "body": {"model": "m", "stream": true, "messages": '
    '[{"role": "user", "content": "Hi"}]}}, '
    '"response": {"status": 200, "headers": [["content-type", "text/event-stream"]]}}\n'
)
ID = '"id":"25fe6563-3767-4cc0-8ca1-c90bb873b714","object":"chat.completion.chunk","created":1752602186,"model":"m"'
STREAM = (
    f'data: {{{ID},"choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"finish_reason":null}}]}}\n\n'
    f'data: {{{ID},"choices":[{{"index":0,"delta":{{"content":"Hi"}},"finish_reason":null}}]}}\n\n'
    f'data: {{{ID},"choices":[{{"index":0,"delta":{{"content":""}},"finish_reason":"stop"}}],'
    '"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"prompt_cache_hit_tokens":0}}\n\n'
    "data: [DONE]\n\n"
)
WHY = "cache hits and misses in usage: /usage/prompt_cache_hit_tokens = 0"


def recording(folder: Path, body: str = STREAM, name: str = "a.jsonl") -> Path:
    (folder / name).write_text(HEADER + f'[null, "data", {json.dumps(body)}]\n[null, "eof"]\n')
    return folder / name


def command(*arguments: str | Path):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_check_tells_the_guess_of_each_recording_and_why(tmp_path):
    recording(tmp_path)
    recording(tmp_path, STREAM.replace(',"prompt_cache_hit_tokens":0', ""), "b.jsonl")
    result = command("check", tmp_path, "--dialect", "auto", "--format", "json")
    document = json.loads(result.stdout)
    assert [] == [error.message for error in schemas.explain("check").iter_errors(document)]
    told = [(r["verdict"], r["dialect"], r["dialect_reason"].partition("; ")[0]) for r in document["results"]]
    assert [("TOLERATED", "deepseek", WHY), ("FAIL", "openai", "no clue to any vendor")] == told
    assert 1 == result.exit_code


def test_check_says_the_guess_and_why_in_its_text(tmp_path):
    result = command("check", recording(tmp_path), "--dialect", "auto")
    assert 0 == result.exit_code, result.output
    assert f"a.jsonl  dialect deepseek ({WHY}" in result.output
    assert "usage in the chunk with the finish_reason" in result.output


def test_without_auto_the_dialect_is_openai_and_nothing_is_guessed(tmp_path):
    result = command("check", recording(tmp_path), "--format", "json")
    assert 1 == result.exit_code
    assert ["openai"] == [r["dialect"] for r in json.loads(result.stdout)["results"]]
    assert "dialect_reason" not in result.stdout


def test_what_a_named_dialect_tolerates_for_nothing_is_said_once(tmp_path):
    recording(tmp_path)
    recording(tmp_path, name="b.jsonl")
    result = command("check", tmp_path, "--dialect", "deepseek")
    unused = [line for line in result.output.splitlines() if "nothing here needed" in line]
    assert 1 == len(unused)
    assert "chat/choice/finish-reason-known" in unused[0]
    assert "chat/usage/only-when-asked" not in unused[0]
    guessed = command("check", tmp_path, "--dialect", "auto")
    assert "nothing here needed" not in guessed.output


def test_run_guesses_over_all_exchanges_and_says_why(tmp_path):
    with running(Settings()) as url:
        result = command(
            *("run", "--url", url, "--model", "mock", "--dialect", "auto", "--only", "chat/termination/*"),
            *("--json", tmp_path / "r.json"),
        )
    assert 0 == result.exit_code, result.output
    report = json.loads((tmp_path / "r.json").read_text())
    assert [] == [error.message for error in schemas.explain("report").iter_errors(report)]
    assert "openai" == report["targets"][0]["dialect"]
    assert f"The dialect is guessed: {report['targets'][0]['dialect_reason']}." in result.output
    assert "--dialect auto" in result.output or "again" not in result.output


def test_a_target_may_ask_for_a_guess():
    text = "targets: {a: {url: 'http://x/v1', model: m, dialect: auto}}"
    assert "auto" == parse(text)["a"].dialect
