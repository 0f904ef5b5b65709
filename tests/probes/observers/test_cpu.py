"""The CPU of real processes: which are measured, and what they use."""

import os
import socket
import subprocess
import sys
import time

import pytest

from conformance.probes.observers.cpu import of_listener, of_process

BURN = "import time\nwhile time.process_time() < 0.2: pass\n"
LISTEN = (
    "import socket, sys\n"
    "s = socket.create_server(('127.0.0.1', 0))\n"
    "print(s.getsockname()[1], flush=True)\n"
    "sys.stdin.read()\n"
)
CHILD = BURN + "import sys\nsys.stdin.read()\n"
PARENT = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {CHILD!r}])\nsys.stdin.read()\n"


def used(measure: object) -> float:
    now = measure()  # type: ignore[operator]
    return sum(now.values()) if isinstance(now, dict) else -1.0


def test_what_children_use_counts() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as process:
        measure = of_process(process.pid)
        for _ in range(500):
            if len(measure()) == 2 and used(measure) >= 0.2:
                break
            time.sleep(0.02)
        assert used(measure) >= 0.2
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
    assert "the server's process has ended" == measure()


def test_whoever_listens_on_the_port_is_measured() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        measured = of_listener(f"http://127.0.0.1:{port}/v1")()
        assert process.stdin is not None
        process.stdin.close()
    assert [process.pid] == list(measured)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://api.openai.com/v1", "api.openai.com is not known to be this machine"),
        ("http://127.0.0.1:1/v1", "no process of this user is known to listen on port 1"),
    ],
)
def test_what_is_not_here_is_not_measured(url: str, says: str) -> None:
    assert says == of_listener(url)()


def test_this_process_is_not_measured() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        assert "the server is part of this process" == of_listener(url)()
    assert os.getpid() in of_process(os.getpid())()
