"""The client under test as processes: one for each case, or one that is given case after case. Knows no verdict.

Its output is hostile: it is read within bounds, and a client that hangs is killed with all that it started.
"""

import asyncio
import json
import os
import signal
from asyncio import SubprocessTransport
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from .contract import Report, kept, report_in, value_in

MOST_OUTPUT = 64 * 1024 * 1024
"""Bytes that a process may print for one case."""
STDERR_KEPT = 4000
"""Bytes of what it last wrote to standard error that are kept."""
LINE = 64 * 1024
LINGER = 1.0
"""Seconds in which a process that has printed its report may end by itself."""
BASE_URL, MODEL = "{base_url}", "{model}"
POSITIONAL = "MODEL"
DUMMY_KEY = "sk-streamspec"
SECRET = frozenset({"KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS", "PAT"})
"""Words in the names of variables that hold what is nobody's business."""


class ClientDiedError(Exception):
    """The process ended without a report; says how."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client is given."""

    base_url: str
    model: str
    case: str


class Client(Protocol):
    """Something that asks once per case and reports."""

    said: dict[str, Any]
    """What it told of itself before its first report: versions, say."""

    async def ask(self, asked: Asked) -> Report:
        """Have it ask. Raises ClientDiedError; may be cancelled."""

    async def stop(self) -> None:
        """End what runs of it."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line with placeholders."""

    words: tuple[str, ...]
    timeout: float
    """Seconds after which a client should give up on a silent server; it is told."""

    @property
    def is_one_shot(self) -> bool:
        """Whether it is started anew for each case: it has a place for what the case is."""
        return any(BASE_URL in word or MODEL in word for word in self.words)

    def words_for(self, asked: Asked) -> list[str]:
        """The command line of one case. The last word may be the bare word MODEL."""
        words = [word.replace(BASE_URL, asked.base_url).replace(MODEL, asked.model) for word in self.words]
        if self.words[-1] == POSITIONAL and len(words) > 1:
            words[-1] = asked.model
        return words

    def environment(self, asked: Asked | None = None) -> dict[str, str]:
        """The variables of a process; every key is a dummy, and no proxy stands in the way."""
        own = {
            "OPENAI_API_KEY": DUMMY_KEY,
            "STREAMSPEC_TIMEOUT": f"{self.timeout:g}",
            "NO_PROXY": "127.0.0.1,localhost,::1",
            "no_proxy": "127.0.0.1,localhost,::1",
            "PYTHONUNBUFFERED": "1",
        }
        if asked is not None:
            own["OPENAI_BASE_URL"] = own["STREAMSPEC_BASE_URL"] = asked.base_url
            own["STREAMSPEC_MODEL"], own["STREAMSPEC_CASE"] = asked.model, asked.case
        return {**_without_keys(os.environ), **own}

    def client(self) -> Client:
        """A client that is not started yet."""
        return OneShot(self) if self.is_one_shot else LongLived(self)


def _without_keys(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without secrets: what is under test, and what it prints, is nobody's business to have them."""
    return {name: value for name, value in variables.items() if SECRET.isdisjoint(name.upper().split("_"))}


class _Running:
    """A process in a session of its own, and what it last wrote to standard error."""

    def __init__(self, transport: SubprocessTransport, process: Process) -> None:
        self.process = process
        self._transport = transport
        self._last = b""
        self._reading = asyncio.create_task(self._read_errors())

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(LINE):
            self._last = (self._last + data)[-STDERR_KEPT:]

    async def lines(self) -> AsyncIterator[bytes]:
        """What it prints from now on, line by line, the last one also where it is cut. Raises ClientDiedError."""
        assert self.process.stdout is not None
        rest, total = bytearray(), 0
        while data := await self.process.stdout.read(LINE):
            total += len(data)
            if total > MOST_OUTPUT:
                raise ClientDiedError(f"it printed more than {MOST_OUTPUT} bytes for one case")
            *ended, last = data.split(b"\n")
            if ended:
                ended[0] = bytes(rest) + ended[0]
                rest.clear()
            for line in ended:
                yield line
            rest += last
        yield bytes(rest)

    async def died(self) -> str:
        """How it ended, once it has."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), LINGER)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._reading), LINGER)
        code = self.process.returncode
        how = "goes on" if code is None else f"ended by signal {-code}" if code < 0 else f"ended with status {code}"
        return f"it {how} without a report{self.complaint}"

    @property
    def complaint(self) -> str:
        """What it last wrote to standard error."""
        text = self._last.decode("utf-8", "replace").strip()
        return f"; its last words were: {text}" if text else ""

    async def kill(self) -> None:
        """End it and all that it started in its session.

        Its pipes are closed here: asyncio would wait for their end, which does not come while a process that has left
        the session holds them, or while more is in them than is read. Popen's own `kill` would reap it behind asyncio's
        back.
        """
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        for number in range(3):
            if (pipe := self._transport.get_pipe_transport(number)) is not None:
                pipe.close()
        await self.process.wait()
        await self._reading


async def start(words: Sequence[str], environment: Mapping[str, str], *, piped: bool) -> _Running:
    """Start a process in a session of its own. Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=LINE, loop=loop),
        *words,
        stdin=PIPE if piped else DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=dict(environment),
        start_new_session=True,
    )
    return _Running(transport, Process(transport, protocol, loop))


class OneShot:
    """Started once for each case."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._running: set[_Running] = set()
        self.said: dict[str, Any] = {}

    async def ask(self, asked: Asked) -> Report:
        """Start it and read what it prints."""
        running = await start(self._command.words_for(asked), self._command.environment(asked), piped=False)
        self._running.add(running)
        try:
            report = await self._report(running)
            if report is None:
                raise ClientDiedError(await running.died())
            return report
        finally:
            await running.kill()
            self._running.discard(running)

    async def _report(self, running: _Running) -> Report | None:
        """The last report, once it has ended, or has had time to since it printed one."""
        report: Report | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as patience:
                async for line in running.lines():
                    if (found := report_in(line)) is not None:
                        report = found
                        patience.reschedule(asyncio.get_running_loop().time() + LINGER)
        return report

    async def stop(self) -> None:
        """End what still runs."""
        for running in tuple(self._running):
            await running.kill()


class LongLived:
    """Started once, and again when it has died or was stopped; it reads a line for each case."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._running: _Running | None = None
        self.said: dict[str, Any] = {}

    async def ask(self, asked: Asked) -> Report:
        """Write the line of a case, and read up to its report."""
        if self._running is None or self._running.process.returncode is not None:
            await self.stop()
            self._running = await start(self._command.words, self._command.environment(), piped=True)
        running = self._running
        line = {"base_url": asked.base_url, "model": asked.model, "case": asked.case}
        try:
            assert running.process.stdin is not None
            running.process.stdin.write(json.dumps(line).encode() + b"\n")
            await running.process.stdin.drain()
            return await self._report(running)
        except ConnectionError:
            how = await running.died()
            await self.stop()
            raise ClientDiedError(how) from None
        except (ClientDiedError, asyncio.CancelledError):
            await self.stop()
            raise

    async def _report(self, running: _Running) -> Report:
        async for line in running.lines():
            if (report := report_in(line)) is not None:
                return report
            self._hear(line)
        raise ClientDiedError(await running.died())

    def _hear(self, line: bytes) -> None:
        value = value_in(line.decode("utf-8", "replace")) if line.lstrip().startswith(b"{") else None
        if isinstance(value, dict):
            self.said = kept(self.said | value)

    async def stop(self) -> None:
        """End it."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.kill()
