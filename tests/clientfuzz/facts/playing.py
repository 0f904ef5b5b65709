"""Streams played to an adapter, one by one: what it said of each. Knows no fact."""

import json
import os
import select
import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from .streams import STREAMS, WAITED, Pause, Reset, Stream

TIMEOUT = 3.0  # seconds that a client is told to wait for a byte
LIMIT = 120.0  # seconds that a client has for an answer; some load a hundred megabytes first
RESET_AFTER = 0.3  # seconds; a RST that comes earlier takes the bytes before it away


@dataclass(frozen=True, slots=True)
class Said:
    """What a client made of a stream."""

    line: dict[str, Any]
    """Its report; {} where none came in time."""
    waited: bool
    """It reported only after a server that had gone silent had spoken again, or hung up."""

    def letter(self, stream: Stream) -> str:
        """E: an error. ok: all that was sent. S: no error, and something else than was sent."""
        if not self.line:
            return "hang"
        if self.line["error"]:
            return "E"
        line = self.line
        whole = line["text"] == stream.text and line.get("finish_reason", stream.finish) == stream.finish
        calls = [_plain(call) for call in line.get("tool_calls", stream.calls)]
        named = line.get("role", "assistant") == "assistant"
        return "ok" if whole and named and calls == [_plain(call) for call in stream.calls] else "S"


def _plain(call: dict[str, Any]) -> dict[str, Any]:
    """A call whose arguments are compared as JSON: some clients read them, some do not."""
    try:
        return {**call, "arguments": json.loads(call["arguments"])}
    except (ValueError, TypeError):
        return call


class _Handler(socketserver.BaseRequestHandler):
    """Reads one request to /NAME/v1/... and plays the stream of that name."""

    request: socket.socket
    resumed: ClassVar[set[str]] = set()
    """The streams whose silence is over."""

    def handle(self) -> None:
        with suppress(OSError):  # the client has left; that is its right
            while self._answer():
                pass

    def _answer(self) -> bool:
        """Answer one request; whether there may be another."""
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += (read := self.request.recv(65536))
            if not read:
                return False
        head, _, body = asked.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
        while len(body) < length:
            body += self.request.recv(65536)
        name = lines[0].split(" ")[1].split("/")[1]
        for act in STREAMS[name].acts:
            match act:
                case bytes():
                    self.request.sendall(act)
                case Pause():
                    time.sleep(WAITED)
                    self.resumed.add(name)
                case Reset():
                    time.sleep(RESET_AFTER)
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return STREAMS[name].stays


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def served() -> Iterator[int]:
    """The port of a server that plays every stream."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def heard(command: tuple[str, ...], names: Iterable[str], port: int) -> Iterator[tuple[str, Said]]:
    """What the adapter says of each stream, in order; it is started anew where it says nothing in time."""
    process = None
    try:
        for name in names:
            _Handler.resumed.discard(name)
            if process is None:
                process = _started(command)
            assert process.stdin is not None
            assert process.stdout is not None
            case = {"base_url": f"http://127.0.0.1:{port}/{name}/v1", "model": "m", "case": name}
            process.stdin.write(json.dumps(case).encode() + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], LIMIT)
            line = process.stdout.readline() if ready else b""
            yield name, Said(json.loads(line) if line else {}, name in _Handler.resumed)
            if not line:
                _ended(process)
                process = None
    finally:
        if process is not None:
            _ended(process)


def _started(command: tuple[str, ...]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "STREAMSPEC_TIMEOUT": str(TIMEOUT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
