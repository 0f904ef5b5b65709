"""A server in a thread of its own, for code without an event loop. Knows nothing of what it serves."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Server = TypeVar("Server")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Hosted(Generic[Server]):
    """A server that runs, and its thread."""

    server: Server
    loop: asyncio.AbstractEventLoop

    def call(self, function: Callable[[], Result]) -> Result:
        """What a function gives that is called in the thread of the server. Raises what it raises."""

        async def called() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result()


@contextmanager
def hosted(server: AbstractAsyncContextManager[Server]) -> Iterator[Hosted[Server]]:
    """Run it while the context is open. Raises what its start raises."""
    ready: concurrent.futures.Future[Hosted[Server]] = concurrent.futures.Future()
    stop = asyncio.Event()

    async def live() -> None:
        try:
            async with server as running:
                ready.set_result(Hosted(running, asyncio.get_running_loop()))
                await stop.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(live(),), name="mockserver", daemon=True)
    thread.start()
    found: Hosted[Server] | None = None
    try:
        found = ready.result()
        yield found
    finally:
        if found is not None and not found.loop.is_closed():
            found.loop.call_soon_threadsafe(stop.set)
        thread.join()
