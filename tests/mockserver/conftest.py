"""Clients of a mock server, in virtual time and on real sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from conformance.probes.connection import By, Connection, connect
from conformance.probes.endpoint import Endpoint
from conformance.probes.recorder import Leave, record
from conformance.protocols.exchange import Exchange, Request
from conformance.simulation import link, simulate
from mockserver.answering import Settings
from mockserver.app import MockServer
from mockserver.journal import Entry
from tests.mockserver.asking import body

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stage:
    """A mock server and whoever talks to it."""

    server: MockServer
    dial: Callable[[Endpoint], Awaitable[Connection]]

    async def ask(
        self,
        asked: dict[str, Any] | None = None,
        leave: Leave | None = None,
        *,
        path: str = "/chat/completions",
        headers: tuple[tuple[str, str], ...] = (),
        method: str = "POST",
    ) -> Exchange:
        """A request on a connection of its own."""
        endpoint = Endpoint(url=self.server.url, model="mock")
        connection = await self.dial(endpoint)
        request = Request(method, self.server.url.removesuffix("/v1") + path, headers, asked)
        if path.startswith("/chat") or path == "/completions":
            request = Request(method, self.server.url + path, headers, body() if asked is None else asked)
        try:
            return await record(connection, endpoint, request, leave=leave)
        finally:
            connection.leave(By.FIN)
            await connection.closed()

    async def get(self, path: str) -> Exchange:
        """What the server shows."""
        return await self.ask(None, path=path, method="GET")

    def entry(self, number: int = 1) -> Entry:
        """What the journal has of a request."""
        return next(entry for entry in self.server.journal.entries if entry.number == number)


def played_in_memory(
    play: Callable[[Stage], Awaitable[Result]], settings: Settings | None = None, **options: Any
) -> Result:
    """What `play` gives, in virtual time."""

    async def run() -> Result:
        loop = asyncio.get_running_loop()
        async with MockServer(settings or Settings(), port=None, **options) as server:

            async def dial(_: Endpoint) -> Connection:
                connection = Connection(loop.time)
                link(connection, server.accept())
                return connection

            return await play(Stage(server, dial))

    return simulate(run())


def played_on_sockets(
    play: Callable[[Stage], Awaitable[Result]], settings: Settings | None = None, **options: Any
) -> Result:
    """The same over TCP, in real time."""

    async def run() -> Result:
        loop = asyncio.get_running_loop()
        async with MockServer(settings or Settings(), **options) as server:
            return await play(Stage(server, lambda endpoint: connect(endpoint, loop.time)))

    return asyncio.run(run())


@pytest.fixture
def in_memory() -> Any:
    """What a function gives that is handed a Stage, in virtual time; options are those of the server."""
    return played_in_memory


@pytest.fixture
def on_sockets() -> Any:
    """The same in real time."""
    return played_on_sockets
