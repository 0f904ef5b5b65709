"""A gateway program: how it is started in front of an upstream, awaited and ended. Knows no configuration of any.

Each runs on a free port, with a folder of its own for its configuration and its log. A program that has to be there
and is not is an error where STREAMSPEC_GATEWAYS_NEEDED is set, which CI does, and a skip with a reason elsewhere.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = os.environ.get("STREAMSPEC_GATEWAYS", "")
"""Where docs/gateways/install.sh has put what the system has no package for."""
NEEDED = "STREAMSPEC_GATEWAYS_NEEDED"
SYSTEM = "/usr/sbin:/usr/local/sbin"
"""Where Debian has nginx and haproxy; not on the PATH of everybody."""
GRACE = 5.0
POLL = 0.02
ATTEMPTS = 3
"""A free port can be taken by somebody else before the program has it."""

Command = Callable[[str, int, Path], Sequence[str]]
"""From the upstream's origin, a port and an empty folder to what is run; writes what it needs into the folder."""


class NotInstalled(Exception):  # noqa: N818 - a state of the machine, in the words of a skip
    """The program is not here; the text says how to get it."""


class DidNotStart(Exception):  # noqa: N818 - the same
    """The program ended, or took too long; the text has its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """One gateway with one configuration."""

    name: str
    says: str
    """The configuration in a few words."""
    executable: str
    command: Command
    version: Sequence[str]
    """A command that says its version; its first word is looked for as the executable is."""
    install: str
    drops_root: bool = False
    """Started by root, it runs as nobody."""
    seconds: float = 20.0
    """How long it may take to listen."""
    env: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    """What its callers have to send; {upstream} is filled in."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that takes requests."""

    url: str
    """Its base, which ends in /v1."""
    log: Path
    headers: dict[str, str]


def find(program: Program, executable: str = "") -> str:
    """The path of its executable, or of another one of it. Raises NotInstalled."""
    name = executable or program.executable
    if "/" in name:
        found = shutil.which(Path(FOLDER, name).absolute()) if FOLDER or Path(name).is_absolute() else None
    else:
        found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), SYSTEM]))
    if not found:
        where = f" in {FOLDER}" if FOLDER and "/" in name else ""
        raise NotInstalled(f"{name} is not installed{where}; to get it: {program.install}")
    return found


def version(program: Program) -> str:
    """What it says of its version, shortened to the number. Raises NotInstalled."""
    find(program)
    command = [find(program, program.version[0]), *program.version[1:]]
    env = {**os.environ, **program.env}
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    number = re.search(r"\d+\.\d+(\.\d+)*", said.stdout + said.stderr)
    return number[0] if number and said.returncode == 0 else "?"


@contextmanager
def started(program: Program, upstream: str, at: int = 0) -> Iterator[Running]:
    """The gateway in front of an upstream, given as http://HOST:PORT. Raises NotInstalled and DidNotStart.

    `at`: its port; 0 for a free one.
    """
    executable = find(program)
    with tempfile.TemporaryDirectory(prefix=f"streamspec-{program.name}-", ignore_cleanup_errors=True) as made:
        folder, log = Path(made), Path(made, "log")
        for attempt in range(ATTEMPTS):
            port = at or free_port()
            process = _start(program, [executable, *program.command(upstream, port, folder)], folder, log)
            try:
                if _listens(process, port, program.seconds):
                    headers = {name: value.format(upstream=upstream) for name, value in program.headers.items()}
                    yield Running(f"http://127.0.0.1:{port}/v1", log, headers)
                    return
                if attempt == ATTEMPTS - 1:
                    raise DidNotStart(f"{program.name} does not listen on port {port}; its log:\n{log.read_text()}")
            finally:
                _end(process)


@contextmanager
def started_or_skipped(program: Program, upstream: str) -> Iterator[Running]:
    """The same for a test."""
    try:
        find(program)
    except NotInstalled as error:
        if os.environ.get(NEEDED):
            pytest.fail(f"{error}; unset {NEEDED} to leave its tests out")
        pytest.skip(str(error))
    with started(program, upstream) as running:
        yield running


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _start(program: Program, argv: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    nobody = "nobody" if program.drops_root and os.geteuid() == 0 else None
    if nobody:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, nobody)
    with log.open("wb") as file:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **program.env},
            user=nobody,
            start_new_session=True,
        )


def _listens(process: subprocess.Popen[bytes], port: int, seconds: float) -> bool:
    """Whether it takes connections before the time is over; it may also end."""
    until = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return True
        time.sleep(POLL)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the program and all it started to end, and make them after the grace period."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
