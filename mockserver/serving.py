"""A mock server for a command line: one process or several, until Ctrl-C. Knows no request.

Several processes listen at one port (SO_REUSEPORT), and the system shares the connections out among them. They know
nothing of each other: each has a journal, gauges, slots and sequences of its own.
"""

import asyncio
import multiprocessing
import select
import signal
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from .answering import Settings
from .app import AT_ONCE, DEFAULTS, MockServer
from .pacing import Pacing
from .port import cannot_listen
from .selecting import LeaversFirst
from .sweeping import swept


def serve(
    settings: Settings = DEFAULTS,
    host: str = "127.0.0.1",
    port: int = 0,
    fault: str | None = None,
    pacing: Pacing = AT_ONCE,
    on_ready: Callable[[str], None] = lambda _: None,
    *,
    workers: int = 1,
    **options: Any,
) -> None:
    """Serve until Ctrl-C. `on_ready` gets the URL once requests are answered; OSError says why none can be.

    The options are those of MockServer.
    """

    def make(port: int, worker: str = "") -> MockServer:
        return MockServer(settings, host, port, fault, pacing, worker=worker, **options)

    if workers > 1:
        make(port)  # what cannot be is told before there are processes
        _serve_by(workers, host, port, make, on_ready)
        return

    async def live() -> None:
        async with make(port) as server:
            with swept(server.journal.is_idle, server.journal.count):
                on_ready(server.url)
                await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        _run(live())


def _run(main: Coroutine[Any, Any, None]) -> None:
    """As asyncio.run, in a loop that sees at once who has left, where the system can tell."""
    factory = (lambda: asyncio.SelectorEventLoop(LeaversFirst())) if hasattr(select, "epoll") else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def _serve_by(
    workers: int, host: str, port: int, make: Callable[[int, str], MockServer], on_ready: Callable[[str], None]
) -> None:
    if not hasattr(socket, "SO_REUSEPORT") or "fork" not in multiprocessing.get_all_start_methods():
        raise OSError(0, "several workers need a system with SO_REUSEPORT and fork; start one")
    context = multiprocessing.get_context("fork")
    with _held(host, port) as holder:
        port = holder.getsockname()[1]
        ours: list[Connection] = []
        processes = []
        try:
            for number in range(1, workers + 1):
                mine, theirs = context.Pipe()
                ours.append(mine)
                worker = f"{number} of {workers}"
                process = context.Process(target=_work, args=(make, port, worker, theirs, tuple(ours)), daemon=True)
                process.start()
                theirs.close()
                processes.append(process)
            answers = [mine.recv() for mine in ours]
            for answer in answers:
                if isinstance(answer, OSError):
                    raise answer
            on_ready(answers[0])
            multiprocessing.connection.wait([process.sentinel for process in processes])
            raise OSError(0, "a worker has ended; the others were stopped")
        except KeyboardInterrupt:
            pass
        finally:
            for mine in ours:
                mine.close()  # by this they know
            for process in processes:
                process.join()


def _held(host: str, port: int) -> socket.socket:
    """A socket that keeps the port for the workers, and never listens. Raises OSError."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        holder = socket.socket(family, kind, proto)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(address)
    except (OSError, OverflowError) as error:
        raise cannot_listen(error, host, port) from None
    return holder


def _work(
    make: Callable[[int, str], MockServer], port: int, worker: str, pipe: Connection, others: tuple[Connection, ...]
) -> None:
    """One process, which ends with the one that started it."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the first process tells us

    async def live() -> None:
        over = asyncio.Event()
        asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
        try:
            async with make(port, worker) as server:
                with swept(server.journal.is_idle, server.journal.count):
                    pipe.send(server.url)
                    await over.wait()
        except OSError as error:
            pipe.send(error)

    _run(live())
