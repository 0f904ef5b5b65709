"""Clients as processes: what they print is read within bounds, and they are ended with all that they hold."""

import asyncio
import os
import sys

import pytest

from conformance.clientfuzz import processes
from conformance.clientfuzz.processes import Asked, ClientDiedError, Command

CASE = Asked("http://127.0.0.1:9/v1", "mock", "some/case")


def ask(script, *arguments):
    """The report of a process for this one case."""

    async def asked():
        client = Command((sys.executable, "-c", script, "{base_url}", *arguments), timeout=1).client()
        try:
            return await client.ask(CASE)
        finally:
            await client.stop()

    return asyncio.run(asked())


def test_of_a_process_that_ends_the_last_line_that_is_a_report_counts():
    lines = ['{"text": "draft"}', "shutting down", '{"text": "Hi", "chunks": 3}', '{"took": 4}', "", '{"te']
    assert "Hi" == ask(f"print({chr(10).join(lines)!r}, end='')").text


def test_a_report_needs_no_line_end():
    assert "Hi" == ask("""print('{"text": "Hi"}', end='')""").text


def test_a_process_that_prints_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(processes, "MOST_OUTPUT", 1 << 20)
    with pytest.raises(ClientDiedError, match="printed more than 1048576 bytes"):
        ask("while True: print('x' * 65536, end='')")


LEAVES = """
import os, sys
if os.fork() == 0:
    os.setsid()
    open(sys.argv[2]).read()
    os._exit(0)
print('{"text": "Hi"}')
"""


def test_a_process_of_another_session_that_holds_the_pipes_keeps_nobody_waiting(tmp_path):
    pipe = tmp_path / "held"
    os.mkfifo(pipe)
    assert "Hi" == ask(LEAVES, str(pipe)).text
    pipe.write_bytes(b"")  # lets it end


def test_what_kept_a_process_from_reporting_is_told():
    with pytest.raises(ClientDiedError, match=r"ended with status 3 .*its last words were: no such model"):
        ask("import sys; sys.stderr.write('no such model'); sys.exit(3)")


SECRETS = ("ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN", "github_pat", "DB_PASSWORD", "CLIENT_SECRET")


def test_variables_that_hold_secrets_are_not_passed_on(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    given = Command(("client", "{base_url}"), timeout=1).environment(CASE)
    assert "hunter2" not in given.values()
    assert ("sk-streamspec", "false") == (given["OPENAI_API_KEY"], given["TOKENIZERS_PARALLELISM"])
