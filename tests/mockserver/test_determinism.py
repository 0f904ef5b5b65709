"""Same seed, same request: same bytes, in every process, with every Python."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE / "digests.py"
PYTHONS = [python for python in os.environ.get("STREAMSPEC_PYTHONS", "").split(os.pathsep) if python]
"""Other interpreters that have what the project depends on."""


def made_by(python: str, hash_seed: str) -> Any:
    """The digests that another process makes."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([python, SCRIPT, "all"], capture_output=True, text=True, env=environment, timeout=100)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made() -> Any:
    return made_by(sys.executable, "1")


def test_every_answer_is_what_it_was(made) -> None:
    """They were kept on Linux with Python 3.11; `python tests/mockserver/digests.py` makes them anew."""
    kept = json.loads((HERE / "digests.json").read_text("utf-8"))
    assert kept == made["openai"]


def test_two_processes_with_another_hash_seed_answer_alike_in_every_dialect_and_chaos(made) -> None:
    assert made == made_by(sys.executable, "2")


@pytest.mark.skipif(not PYTHONS, reason="STREAMSPEC_PYTHONS names no interpreters that have the dependencies")
@pytest.mark.parametrize("python", PYTHONS)
def test_another_python_answers_alike(made, python: str) -> None:
    assert made == made_by(python, "3")


def test_the_dialects_and_the_seeds_of_chaos_do_differ(made) -> None:
    assert len(made) == len({json.dumps(digests) for digests in made.values()})


ASKED = [
    {"messages": [{"role": "user", "content": "Why is the sea salt?"}], "stream": True, "n": 2},
    {"messages": [{"role": "user", "content": "Write unicode"}], "stream": True, "logprobs": True, "top_logprobs": 3},
    {"messages": [{"role": "user", "content": "Count from 1 to 10"}], "max_tokens": 3},
    {"messages": []},
]


def served(workers: int, *arguments: str) -> list[set[bytes]]:
    """What a server of so many processes says to each request, on twelve connections."""
    command = [sys.executable, "-m", "conformance.cli", "mock", "--port", "0", "--workers", str(workers), *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": str(workers)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            parts = urlsplit(process.stdout.readline().split()[3])
            address = str(parts.hostname), int(parts.port or 0)
            return [{said(address, {"model": "mock", **body}) for _ in range(12)} for body in ASKED]
        finally:
            process.send_signal(signal.SIGINT)


def said(address: tuple[str, int], asked: object) -> bytes:
    """The whole response, head and framing included."""
    raw = json.dumps(asked).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(
        raw
    )
    with socket.create_connection(address, timeout=20) as line, line.makefile("rb") as answer:
        line.sendall(head + raw)
        return answer.read()


@pytest.mark.parametrize("arguments", [(), ("--chaos", "7")], ids=["plain", "chaos"])
def test_any_number_of_workers_sends_the_same_bytes(arguments: tuple[str, ...]) -> None:
    alone, shared = served(1, *arguments), served(3, *arguments)
    assert [1] * len(ASKED) == [len(answers) for answers in alone]
    assert alone == shared
