"""A server in this process as the one that is fuzzed: no socket, no waiting, and a fresh one whenever it is wanted.

Knows no campaign.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from conformance.in_memory import dialling
from conformance.probes.connection import Connection
from conformance.probes.endpoint import Endpoint
from conformance.simulation import VirtualLoop
from mockserver.app import MockServer

from .asking import Asker, Caps


@contextmanager
def in_process(made: Callable[[], MockServer], *, key: str = "", caps: Caps) -> Iterator[Asker]:
    """Who asks the servers that `made` makes, one after the other. They listen nowhere."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        servers: list[MockServer] = []

        async def dial(endpoint: Endpoint, clock: Callable[[], float]) -> Connection:
            return await dialling(servers[-1].accept)(endpoint, clock)

        async def begin() -> None:
            servers.append(await made().__aenter__())

        async def end() -> None:
            await servers.pop().__aexit__(None, None, None)

        async def again() -> None:
            await end()
            await begin()

        def do(what: Awaitable[None]) -> None:
            async def main() -> None:
                await what

            runner.run(main())

        do(begin())
        try:
            model = servers[-1].settings.models[0]
            endpoint = Endpoint(url=servers[-1].url, model=model, key=key)
            yield Asker(
                runner=runner,
                endpoint=endpoint,
                dial=dial,
                clock=loop.time,
                caps=caps,
                revival=again,
                cheap=True,
            )
        finally:
            do(end())
