"""Several processes at one port: the same bytes whoever answers, and an end together."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from mockserver import running

CODE = """if True:
    import signal, sys
    from mockserver.serving import serve
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a shell starts with &
    serve(workers=2, on_ready=lambda url: print(url, flush=True))
    print("ended")
"""
BODY = json.dumps({"model": "mock", "messages": [{"role": "user", "content": "Write a poem"}], "stream": True})
MOST = 60
"""Connections after which both workers will have had one, but for one time in 10 ** 18."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="connections are shared out among workers on Linux")


@contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    server = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip(), server
    finally:
        server.kill()
        server.communicate()


def fetched(url: str, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """The answer on a connection of its own."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=20)
    connection.request(method, path, body, {"content-type": "application/json"} if body else {})
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_whoever_answers_says_the_same_as_a_server_alone() -> None:
    with running() as alone:
        wanted = fetched(alone, "POST", "/v1/chat/completions", BODY)
    with served() as (url, _):
        assert {wanted} == {fetched(url, "POST", "/v1/chat/completions", BODY) for _ in range(20)}
        workers: set[str] = set()
        asked = 0
        while len(workers) < 2 and asked < MOST:
            journal = json.loads(fetched(url, "GET", "/journal")[1])
            asked += 1
            workers.add(journal["worker"])
        assert {"1 of 2", "2 of 2"} == workers
        assert fetched(url, "GET", "/metrics")[1].startswith(b"# Of worker ")
        status, refused = fetched(url, "POST", "/control/reset")
        assert (409, "control_refused") == (status, json.loads(refused)["error"]["code"])


def test_ctrl_c_ends_all_of_them() -> None:
    with served() as (url, server):
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=20)
        assert ("ended\n", "", 0) == (out, err, server.returncode)
        with pytest.raises(ConnectionError):
            fetched(url, "GET", "/health")
