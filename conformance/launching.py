"""A target's own server: started, awaited, and ended with everything it started. Knows no probe, rule or command line.

The server is a process group of its own, so that Ctrl-C at the terminal reaches the suite alone, which then ends the
server. While it runs, SIGTERM and SIGHUP mean the same as Ctrl-C. Only SIGKILL to the suite leaves a server behind.
"""

import asyncio
import contextlib
import http.client
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from conformance.protocols.finding import shorten
from conformance.targets import Launch, Target

GRACE = 10.0
"""Seconds between asking a server to end and making it end."""
POLL = 0.1
ASKING = 2.0
"""Seconds that one question whether the server is ready may take."""
TAIL = 12
"""Lines of the log that are shown when a server does not get ready."""
TAIL_BYTES = 8192
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

OnLaunch = Callable[[str, Path], None]
"""Called with what is going on and where the log is."""


class LaunchError(Exception):
    """The server does not run; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was started here."""

    name: str
    log: Path
    process: subprocess.Popen[bytes]

    def ended(self) -> str:
        """How it ended by itself, with the last lines of its log; "" while it runs."""
        if (status := self.process.poll()) is None:
            return ""
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return f"the server ended {how}; {self.last_lines()}"

    def last_lines(self) -> str:
        """Where the log is and how it ends, with nothing in it that a terminal would act on."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-TAIL:]
            if lines:
                return f"its log {self.log} ends:\n" + "\n".join(f"  | {shorten(line)}" for line in lines)
        return f"its log {self.log} is empty"


@asynccontextmanager
async def launched(target: Target, on_launch: OnLaunch | None = None, *, grace: float = GRACE) -> AsyncIterator[Server]:
    """The target's server, ready, for the length of a with block. Raises LaunchError."""
    launch, say = target.launch, on_launch or (lambda *_: None)
    assert launch is not None
    argv, env = _filled(target, launch, os.environ)
    if shutil.which(argv[0], path=env.get("PATH")) is None:
        raise LaunchError(
            f"target {target.name}: {argv[0]} is not installed, or not on PATH; {_how_to_install(launch)}"
        )
    if _taken(target):
        raise LaunchError(
            f"target {target.name}: something listens at {target.url} already, and it was not started here; stop it, "
            f"write another port, or judge what is there: streamspec run {target.name} --no-launch"
        )
    path = _log(target, launch)
    with path.open("ab") as log, ended_like_ctrl_c():
        say(f"starts {shlex.join(argv)}", path)
        server = Server(target.name, path, _start(target, argv, env, log))
        try:
            await _ready(server, target, launch, say)
            yield server
        finally:
            _end(server.process, grace)


def _filled(target: Target, launch: Launch, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment, placeholders and variables put in."""
    parts = urlsplit(target.url)
    known = {"host": parts.hostname or "", "port": str(parts.port), "model": target.model}

    def value(found: re.Match[str]) -> str:
        name, otherwise = found.groups()
        if environment.get(name) or otherwise is not None:
            return environment.get(name) or str(otherwise)
        raise LaunchError(f"target {target.name}: its launch command wants ${{{name}}}; set it:  export {name}=...")

    def fill(text: str) -> str:
        text = re.sub(r"(?<!\$)\{([a-z_]+)\}", lambda found: known.get(found[1], found[0]), text)
        return VARIABLE.sub(value, text)

    env = {**environment, **{name: fill(text) for name, text in launch.env.items()}}
    return [fill(part) for part in launch.command], env


def _how_to_install(launch: Launch) -> str:
    return f"to get it: {launch.install}" if launch.install else "install it, or judge a server that runs with --url"


def _taken(target: Target) -> bool:
    parts = urlsplit(target.url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname, parts.port), ASKING):
        return True
    return False


def _log(target: Target, launch: Launch) -> Path:
    """An empty file for the server's output, its folder made."""
    try:
        if not launch.log:
            number, name = tempfile.mkstemp(prefix=f"streamspec-{target.name}-", suffix=".log")
            os.close(number)
            return Path(name)
        path = Path(launch.log)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    except OSError as error:
        raise LaunchError(f"target {target.name}: no log can be written: {error}") from error
    return path


def _start(target: Target, argv: list[str], env: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - the command is the user's own
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=env, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise LaunchError(f"target {target.name}: {argv[0]} cannot be started: {error}") from error


async def _ready(server: Server, target: Target, launch: Launch, say: Callable[[str, Path], None]) -> None:
    """Ask until the server says 200. Raises LaunchError where it ends before, or takes too long."""
    began = time.monotonic()
    while True:
        got = await asyncio.to_thread(_status, target.url, launch.ready)
        if ended := server.ended():
            raise LaunchError(f"target {target.name}: before GET {launch.ready} was answered with 200, {ended}")
        took = time.monotonic() - began
        if got == "200":
            say(f"is ready after {took:.1f} s", server.log)
            return
        if took >= launch.seconds:
            raise LaunchError(
                f"target {target.name}: GET {launch.ready} gave {got} for {launch.seconds:g} s, wanted 200; allow it "
                f"more with  seconds: {2 * launch.seconds:g}  or ask for another path; {server.last_lines()}"
            )
        say(f"starts, {took:.0f} s ({got})", server.log)
        await asyncio.sleep(POLL)


def _status(url: str, path: str) -> str:
    """What a GET of this path on the url's host gives: a status, or why there is none."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ASKING)
    try:
        connection.request("GET", path)
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return "no connection" if isinstance(error, ConnectionRefusedError) else type(error).__name__
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes], grace: float) -> None:
    """Ask the whole group to end, and make it end after the grace period, or at once when Ctrl-C comes again."""
    try:
        _signal(process, signal.SIGTERM)
        until = time.monotonic() + grace
        while _group_lives(process) and time.monotonic() < until:
            time.sleep(POLL / 5)
    finally:
        if _group_lives(process):
            _signal(process, signal.SIGKILL)
        process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # a leader that ended stays in its group until it is waited for
    return _signal(process, 0)


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Whether there was anybody in the process's group to send this to."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group whose members have all ended
        return False
    return True


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM and SIGHUP do what Ctrl-C does: what was started here ends with the suite, and nothing is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
