"""The mock server: requests from sockets to answers, a fault put in where one is asked for. Knows no rule by name.

`async with MockServer() as server` inside an event loop, `with running() as url` outside of one, `serve()` for a
command line.
"""

import asyncio
import errno
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Self

from aiohttp import web

from conformance.protocols.exchange import Request
from conformance.rules.behaviour import Behaviour
from conformance.wire.script import Answer

from . import answering, faults, routes, windows
from .answering import Settings
from .faults import Fault
from .journal import BODY_LIMIT, Entry, Journal
from .pacing import Pacing, paced
from .play import Played, Sleep, play
from .reception import Reception, left_by
from .scenarios.book import Book, Chosen, Given
from .workshop import Work, Workshop

LOG = logging.getLogger("mockserver")
HTTP_LOG = logging.getLogger("mockserver.http")
HTTP_LOG.setLevel(logging.CRITICAL)  # a client that speaks no HTTP is answered 400; aiohttp adds a traceback

BODY_MAXIMUM = 8 * 1024 * 1024
"""Bytes of a request body; a longer one is answered 413."""
GRACE = 0.05
"""Seconds that aiohttp gives each connection when the server stops; the plays have been ended before."""
Respond = Callable[[Request, Settings, Callable[[], object]], Answer]
"""A request to a good answer; the last argument gives what the journal holds."""
DEFAULTS = Settings()
AT_ONCE = Pacing()


class MockServer:
    """A server on a port. `url` ends in /v1; `journal` is what it was asked."""

    def __init__(
        self,
        settings: Settings = DEFAULTS,
        host: str = "127.0.0.1",
        port: int | None = 0,
        fault: str | None = None,
        pacing: Pacing = AT_ONCE,
        *,
        sleep: Sleep = asyncio.sleep,
        respond: Respond = routes.respond,
        behaviour: Behaviour | None = None,
        scenario: Given | None = None,
    ) -> None:
        """`fault` is put into every answer it applies to; raises LookupError where there is none of that name.

        `behaviour` is how the server carries itself, where no fault names another one; `respond` makes the good
        answers. `scenario` is what is replied to what: files and folders, or a Scenario; raises ConfigurationError with
        the line to write instead. With port None there is no socket: whoever wants to talk to the server gives
        `accept()` a transport.
        """
        self.journal = Journal()
        self.url = ""
        self._settings = settings
        self._host = host
        self._port = port
        self._fault: Fault | None = faults.find(fault) if fault else None
        self._fault_name = fault
        self._pacing = pacing
        self._sleep = sleep
        self._respond_to = respond
        self._behaviour = behaviour
        self.book = Book(scenario) if scenario is not None else None
        self._shop = Workshop(self.journal, settings.slots, settings.overflow)
        self.journal.counts = self._shop.counts
        self._runner: web.ServerRunner | None = None
        self._server: web.Server | None = None
        self._plays: set[asyncio.Task[object]] = set()
        self._stopping = False
        self._asked: set[str] = set()

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError, with what is wrong, where that port cannot be had."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.journal.clock = lambda: loop.time() - started
        self._server = Reception(self._handle, handler_cancellation=True, access_log=None, logger=HTTP_LOG)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=GRACE)
        await self._runner.setup()
        if self._port is None:
            self.url = "http://in-memory/v1"
            return self
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except (OSError, OverflowError) as error:
            await self._runner.cleanup()
            raise self._cannot_listen(error) from None
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: open streams are broken off."""
        self._stopping = True
        for task in self._plays:
            task.cancel()
        await asyncio.gather(*self._plays, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    def accept(self) -> asyncio.Protocol:
        """The server's side of a new connection, for a transport that is made by the caller."""
        assert self._server is not None, "inside `async with` only"
        return self._server()

    def _cannot_listen(self, error: OSError | OverflowError) -> OSError:
        code = error.errno if isinstance(error, OSError) else errno.EINVAL
        if code == errno.EADDRINUSE:
            return OSError(
                code, f"port {self._port} on {self._host} is in use; choose another one, or 0 for a free one"
            )
        why = error.strerror if isinstance(error, OSError) else error
        return OSError(code, f"cannot listen on {self._host} port {self._port}: {why}")

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        own = request.path in routes.SHOWN
        mark = request.headers.get(answering.MARK, "")
        entry = Entry(0, "", "") if own else self.journal.open(request.method, request.path, mark)
        work = Work(self._shop, entry)
        task = asyncio.current_task()
        assert task is not None
        self._plays.add(task)
        try:
            return await self._respond(request, work)
        except ConnectionError:
            work.leave(left_by(request))
            return Played(keep=False)
        except asyncio.CancelledError:
            if not self._stopping:
                work.leave(left_by(request))
            if request.transport is not None:
                request.transport.abort()
            raise
        except Exception:
            LOG.exception("the mock server failed at %s %s (fault %s)", request.method, request.path, entry.fault)
            raise
        finally:
            self._plays.discard(task)

    async def _respond(self, request: web.BaseRequest, work: Work) -> Played:
        try:
            raw = await _read(request)
        except web.RequestPayloadError:
            answer = _unread(400, "The body of the request is not framed as HTTP/1.1 asks.")
        else:
            too_long = f"The body of the request is longer than {BODY_MAXIMUM} bytes."
            answer = self._answer(request, raw, work) if raw is not None else _unread(413, too_long)
        if routes.is_side(request.path):
            return await play(request, answer, work.entry, self._sleep)
        task = work.start(request, answer, self._sleep)
        self._plays.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    def _over(self, task: asyncio.Task[Played]) -> None:
        """A work is over, perhaps long after its client has left."""
        self._plays.discard(task)
        if not task.cancelled():
            task.exception()

    def _answer(self, request: web.BaseRequest, raw: bytes, work: Work) -> Answer:
        headers = tuple(request.headers.items())
        url = f"{self.url.removesuffix('/v1')}{request.rel_url.raw_path}"
        asked, name = faults.split(Request(request.method, url, headers, answering.read_body(raw) if raw else None))
        entry = work.entry
        entry.size, entry.body = len(raw), asked.body if len(raw) <= BODY_LIMIT else None
        if request.method == "GET" and (shown := self._shown(asked.path)) is not None:
            return shown
        chosen, respond, settings = self._with_scenario()
        good = respond(asked, settings, lambda: self.journal.document(request.query.get("mark", "")))
        if routes.is_side(asked.path):
            return good  # the rules are about completions, and so are their mutants
        entry.scenario, name = chosen.entry, name or chosen.fault
        try:
            fault = faults.find(name) if name else self._fault
        except LookupError as error:
            return answering.refusal(400, str(error), code="fault_not_found")
        entry.fault = name or self._fault_name
        if self._settings.gzip:
            work.pack_for(asked)
        if fault and isinstance(behaviour := fault[1], Behaviour):
            work.live_by(behaviour, asked)
            fault = None
        elif self._behaviour is not None:
            work.live_by(self._behaviour, asked)
        if fault and (says := fault[0].needs.second) and not (says(asked) and self._again(asked)):
            fault = None
        good = chosen.finished(good)
        return paced(faults.apply(fault, asked, good) if fault else good, self._pacing)

    def _with_scenario(self) -> tuple[Chosen, Respond, Settings]:
        """What answers one request: as ever, or as the scenario has it."""
        chosen = Chosen()
        if self.book is None:
            return chosen, self._respond_to, self._settings
        self.book.refresh()
        settings = self.book.settings(self._settings)
        engine = partial(self.book.choose, settings=settings, chosen=chosen)
        return chosen, partial(routes.respond, engine=engine), settings

    def _shown(self, path: str) -> Answer | None:
        """What the server shows of its state, None where this path shows nothing of it."""
        if path == routes.HEALTH and self.book is not None:
            self.book.refresh()
            return windows.health(self.book.document())
        if path == routes.METRICS:
            return windows.metrics(self.journal)
        if path == routes.SLOTS and (capacity := self._shop.capacity_of(self._behaviour)):
            return windows.slots(capacity, [work.entry for work in self._shop.works], self._shop.leaks)
        return None

    def _again(self, asked: Request) -> bool:
        """Whether this is the second of two requests that say the same; a third one is the first of the next two."""
        key = f"{asked.path} {json.dumps(asked.body, sort_keys=True)}"
        self._asked ^= {key}
        return key not in self._asked


def _unread(status: int, message: str) -> Answer:
    """The refusal of a request whose body was not read to its end, so that nothing can follow it."""
    return answering.refusal(status, message, headers=(("connection", "close"),))


async def _read(request: web.BaseRequest) -> bytes | None:
    """The body of a request, None where it is too long."""
    if (request.content_length or 0) > BODY_MAXIMUM:
        return None
    if request.headers.get("expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    raw = bytearray()
    while not request.content.at_eof():
        raw += await request.content.readany()
        if len(raw) > BODY_MAXIMUM:
            return None
    return bytes(raw)


@contextmanager
def running(
    settings: Settings = DEFAULTS,
    host: str = "127.0.0.1",
    port: int = 0,
    fault: str | None = None,
    pacing: Pacing = AT_ONCE,
    *,
    scenario: Given | None = None,
) -> Iterator[str]:
    """A mock server in a thread of its own, for code without an event loop; gives its URL."""
    server = MockServer(settings, host, port, fault, pacing, scenario=scenario)
    started = threading.Event()
    failure: list[OSError] = []
    ending: list[Callable[[], object]] = []

    async def live() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ending.append(partial(loop.call_soon_threadsafe, stop.set))
        try:
            async with server:
                started.set()
                await stop.wait()
        except OSError as error:
            failure.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=asyncio.run, args=(live(),), name="mockserver", daemon=True)
    thread.start()
    started.wait()
    try:
        if failure:
            raise failure[0]
        yield server.url
    finally:
        with suppress(RuntimeError):  # the loop has ended by itself
            ending[0]()
        thread.join()


def serve(
    settings: Settings = DEFAULTS,
    host: str = "127.0.0.1",
    port: int = 0,
    fault: str | None = None,
    pacing: Pacing = AT_ONCE,
    on_ready: Callable[[str], None] = lambda _: None,
    *,
    scenario: Given | None = None,
) -> None:
    """Serve until Ctrl-C. `on_ready` gets the URL once requests are answered; OSError says why none can be."""

    async def live() -> None:
        async with MockServer(settings, host, port, fault, pacing, scenario=scenario) as server:
            on_ready(server.url)
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(live())
