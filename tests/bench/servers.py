"""Servers to measure, each on the first core; their clients have the second one. Knows no measurement."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

CHAT = "/v1/chat/completions"
LIST = "Write a long list"
OURS = """if True:
    import sys
    from mockserver import Pacing
    from mockserver.serving import serve
    port, way, gap = sys.argv[1:]
    serve(port=int(port), coalesce=way == "together", pacing=Pacing(float(gap), float(gap)))
"""
REASON = "needs two cores and taskset"
CAN_MEASURE = (os.cpu_count() or 1) >= 2 and shutil.which("taskset") is not None
FIRST = ("chrt", "-f", "10")
"""Before all others: on a machine that does something else, too, a figure would be of that."""


def alone_on(core: int) -> list[str]:
    """How a command is started that has a core to itself, as far as this user may."""
    first = subprocess.run([*FIRST, "true"], check=False, capture_output=True).returncode if shutil.which("chrt") else 1
    return [*(() if first else FIRST), "taskset", "-c", str(core)]


def asked(prompt: str, chunks: int) -> bytes:
    """A request whose stream has so many chunks, the first and the last included, and [DONE]."""
    message = {"role": "user", "content": prompt}
    return json.dumps({"model": "mock", "messages": [message], "stream": True, "max_tokens": chunks - 2}).encode()


@contextmanager
def server(*command: str) -> Iterator[tuple[int, psutil.Process]]:
    """A server on the first core; PORT in the command is its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in command]
    process = subprocess.Popen([*alone_on(0), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            time.sleep(0.05)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def ours(way: str = "each", gap: float = 0.0) -> Any:
    return server(sys.executable, "-c", OURS, "PORT", way, str(gap))
