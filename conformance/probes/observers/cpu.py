"""The CPU that a server's processes use on this machine, or wait for. Measuring it disturbs nobody; knows no server.

Waiting counts where the system tells it (Linux): on a machine that others keep busy too, a process that is hard at work
may get nothing for half a second. What "at work" looks like is measured first. Where that does not differ clearly from
being idle - SGLang idles at 50 to 100 % - nothing is said.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from conformance.probes.bench import Sleep
from conformance.probes.connection import Clock
from conformance.probes.observer import Left
from conformance.protocols.watch import Watch

from . import looking

WINDOW = 0.25
"""Seconds over which a share is measured; the kernel counts in hundredths."""
WINDOWS = 6
"""Shares of each kind that are measured beforehand."""
CLEAR = 0.15
"""Between the highest idle share and the lowest busy one, at least."""
TIMES = 2.0
"""The lowest busy share is so many times the highest idle one, at least."""
RUN = 3
"""Windows in a row that have to be idle."""
LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0")  # noqa: S104 - compared with, not listened on

Used = dict[int, float]
"""Seconds of CPU by process."""
Measure = Callable[[], Used | str]
"""Gives what was used so far, or why that is not known."""


@dataclass(slots=True, kw_only=True)
class Cpu:
    """Watches the share of a CPU that a tree of processes asks for; 2.0 is two CPUs."""

    measure: Measure
    clock: Clock
    sleep: Sleep
    name: str = "cpu"
    says: str = "the CPU that the server's processes use"
    copies: int = 1
    tells_apart: bool = False
    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    unrest: str = ""
    """Why it is not known to be idle."""

    async def rest(self) -> str:
        """The idle share, the first time; later, whether the server is idle again."""
        shares = await self._shares(RUN if self.busy else WINDOWS)
        self.unrest = ""
        if isinstance(shares, str):
            self.unrest = shares
        elif not self.busy:
            self.idle = shares
        elif max(shares) > self._bound:
            self.unrest = f"the server uses {_percent(max(shares))} of a CPU though nothing of ours runs"
        return self.unrest

    async def sees(self) -> bool:
        """Whether the busy share is clearly another one."""
        shares = await self._shares(WINDOWS)
        if isinstance(shares, str) or not self.idle:
            return False
        if min(shares) - max(self.idle) < CLEAR or min(shares) < TIMES * max(self.idle):
            return False
        self.busy = shares
        return True

    async def watch(self, left: Left) -> Watch:
        """Measure until the share is that of an idle server, or patience ends."""
        if not self.busy or self.unrest:
            how = self.unrest or "it was not measured what this server uses when it is at work"
            return Watch(observer=self.name, how=how)
        row, since, quiet, low = 0, 0.0, 0.0, 0
        while self.clock() - left.at < left.patience:
            shares = await self._shares(1)
            if isinstance(shares, str):
                return Watch(observer=self.name, how=shares)
            at = self.clock() - left.at
            if shares[0] > self._bound:
                row, since = 0, at
                continue
            row, low = row + 1, low + 1
            quiet = quiet if row > 1 else at
            if row == RUN:
                return self._stopped(left, since, quiet)
        if low:
            return Watch(observer=self.name, how=f"{self._calibrated}; after it left, now one and now the other")
        at = self.clock() - left.at
        how = f"{self._calibrated}; {at:.2f} s after the client had left it was still at work"
        return Watch(observer=self.name, how=how, stopped=False, by=at, since=at, sure=self._sure)

    def _stopped(self, left: Left, since: float, by: float) -> Watch:
        if by > looking.natural(left):
            how = f"{self._calibrated}; idle by {by:.2f} s, but by then the answer had ended by itself"
            return Watch(observer=self.name, how=f"{how}: ask for a longer one")
        how = f"{self._calibrated}; idle {by:.2f} s after the client had left"
        return Watch(observer=self.name, how=how, stopped=True, by=by, since=since, sure=self._sure)

    async def _shares(self, count: int) -> list[float] | str:
        shares = []
        at, before = self.clock(), self.measure()
        for _ in range(count):
            await self.sleep(WINDOW)
            then, now = self.clock(), self.measure()
            if isinstance(before, str) or isinstance(now, str):
                return before if isinstance(before, str) else str(now)
            used = sum(max(0.0, seconds - before.get(process, 0.0)) for process, seconds in now.items())
            shares.append(used / max(then - at, WINDOW / 2))
            at, before = then, now
        return shares

    @property
    def _bound(self) -> float:
        """Below it is idle, above it is busy."""
        return (max(self.idle) + min(self.busy)) / 2

    @property
    def _calibrated(self) -> str:
        return f"{_percent(max(self.idle))} of a CPU at most when idle, {_percent(min(self.busy))} at least when busy"

    @property
    def _sure(self) -> float:
        """By the rule of succession: one window in so many may be on the wrong side, and there were two."""
        return 1.0 - (1.0 / (WINDOWS + 2)) ** RUN


def of_process(number: int) -> Measure:
    """What a process and all that it started use."""
    return lambda: _used({number})


def of_listener(url: str) -> Measure:
    """What the process that listens on the port of a URL of this machine uses, with all that it started."""

    def measure() -> Used | str:
        parts = urlsplit(url)
        if parts.hostname not in LOCAL:
            return f"{parts.hostname} is not known to be this machine"
        listeners = _listeners(parts.port or (443 if parts.scheme == "https" else 80))
        return listeners if isinstance(listeners, str) else _used(listeners)

    return measure


def _listeners(port: int) -> set[int] | str:
    try:
        there = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    except (psutil.Error, OSError):
        return "this system does not tell which process listens on a port"
    numbers = {c.pid for c in there if c.pid and c.laddr and c.laddr.port == port}
    if not numbers:
        return f"no process of this user is known to listen on port {port}"
    return "the server is part of this process" if os.getpid() in numbers else numbers


def _used(numbers: set[int]) -> Used | str:
    used: Used = {}
    for number in numbers:
        with suppress(psutil.Error):
            leader = psutil.Process(number)
            for process in (leader, *leader.children(recursive=True)):
                with suppress(psutil.Error):
                    used[process.pid] = _seconds(process)
    return used or "the server's process has ended"


def _seconds(process: psutil.Process) -> float:
    """What a process used of the CPU, and what it waited for it while it could have gone on."""
    taken = process.cpu_times()
    waited = 0
    for file in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # a thread that has ended meanwhile
            waited += int(file.read_text().split()[1])
    return taken.user + taken.system + waited / 1e9


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
