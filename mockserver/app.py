"""The mock server: requests from sockets to answers, a fault put in where one is asked for. Knows no rule by name.

`async with MockServer() as server` inside an event loop, `with running() as url` outside of one.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from types import TracebackType
from typing import Self

from aiohttp import web

from conformance.protocols.exchange import Request
from conformance.rules.behaviour import Behaviour
from conformance.wire.script import Answer

from . import answering, chaos, control, dialects, faults, intake, metering, rates, routes, windows
from .answering import Settings
from .control import Guard
from .faults import Fault
from .hosting import hosted
from .journal import BODY_LIMIT, LIMIT, Entry, Journal
from .pacing import Pacing, paced
from .play import Played, Sleep, for_this_client, play
from .port import Port
from .reception import Door, hang_up, left_by
from .relaying import Relay
from .remembered import Remembered
from .replaying import Replay
from .scenarios.book import Book, Chosen, Given
from .workshop import Work, Workshop

LOG = logging.getLogger("mockserver")
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
        token: str = "",
        replay: Replay | None = None,
        relay: Relay | None = None,
        coalesce: bool = False,
        worker: str = "",
    ) -> None:
        """`fault` is put into every answer it applies to; raises LookupError where there is none of that name,
        nor a dialect of the name in the settings.

        `behaviour` is how the server carries itself, where no fault names another one; `respond` makes the good
        answers. `scenario` is what is replied to what: files and folders, or a Scenario; raises ConfigurationError with
        the line to write instead. `replay` answers in place of these, and `relay` has a real endpoint answer. Who has
        the `token` may control the server, from elsewhere too. With port None there is no socket: whoever wants to talk
        to the server gives `accept()` a transport.
        """
        self.journal = Journal(worker=worker)
        self.url = ""
        self.settings = settings
        self._fault: Fault | None = None
        self._fault_name: str | None = None
        self.book: Book | None = None
        self._first = fault, scenario
        self._replay, self._relay = replay, relay
        self._guard = Guard(host, token)
        self._pacing = pacing
        self._sleep = sleep
        self._respond_to = respond
        self._behaviour = behaviour
        self._shop = Workshop(self.journal, settings.slots, settings.overflow, coalesce=coalesce)
        self.journal.counts = self._shop.counts
        self._at = Port(self._handle, host, port)
        self._plays: set[asyncio.Task[object]] = set()
        self._stopping = False
        self._asked: set[str] = set()
        self._known = Remembered()
        self._meter = rates.Meter(settings.rate) if settings.rate is not None else None
        self.use_fault(fault)
        self.use_scenario(scenario)
        dialects.find(settings.dialect)

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError, with what is wrong, where that port cannot be had."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        self.journal.clock = lambda: loop.time() - started
        if self._relay is not None:
            await self._relay.__aenter__()
        try:
            url = await self._at.open(shared=bool(self.journal.worker))
        except OSError:
            if self._relay is not None:
                await self._relay.__aexit__(None, None, None)
            raise
        self.url = f"{url}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: open streams are broken off."""
        self._stopping = True
        for task in self._plays:
            task.cancel()
        await asyncio.gather(*self._plays, return_exceptions=True)
        if self._relay is not None:
            await self._relay.__aexit__(kind, error, trace)
        await self._at.close()

    def accept(self) -> asyncio.Protocol:
        """The server's side of a new connection, for a transport that is made by the caller."""
        assert self._at.reception is not None, "inside `async with` only"
        return self._at.reception()

    @property
    def fault(self) -> str | None:
        """What is put into the answers that ask for nothing else."""
        return self._fault_name

    def use_fault(self, name: str | None) -> None:
        """Put this fault into the answers from now on; None for good ones. Raises LookupError."""
        self._fault = faults.find(name) if name else None
        self._fault_name = name or None

    def use_scenario(self, given: Given | None) -> None:
        """Reply by this scenario from now on; None for none. Raises ConfigurationError."""
        self.book = Book(given) if given is not None else None

    def reset(self) -> None:
        """Fault and scenario as at the start, every sequence at its beginning, nothing in the journal."""
        fault, scenario = self._first
        self.use_scenario(scenario)
        self.use_fault(fault)
        if self._replay is not None:
            self._replay.reset()
        self._asked.clear()
        self._meter = rates.Meter(self.settings.rate) if self.settings.rate is not None else None
        self.journal.clear()

    def state(self) -> dict[str, object]:
        """What there is to know of the server, as JSON values."""
        if self.book is not None:
            self.book.refresh()
        scenario = self.book.document() if self.book is not None else None
        return {"version": version("streamspec"), "fault": self.fault, "scenario": scenario}

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        own = routes.is_own(request.path)
        mark = request.headers.get(answering.MARK, "")
        entry = Entry(0, "", "") if own else self.journal.open(request.method, request.path, mark)
        work = Work(self._shop, entry)
        task = asyncio.current_task()
        assert task is not None
        self._plays.add(task)
        door = request.protocol
        if isinstance(door, Door):
            door.leave = work.leave
        try:
            return await self._respond(request, work)
        except ConnectionError:
            work.leave(left_by(request))
            return Played(keep=False)
        except asyncio.CancelledError:
            if not self._stopping:
                work.leave(left_by(request))
            hang_up(request)
            raise
        except Exception:
            LOG.exception("the mock server failed at %s %s (fault %s)", request.method, request.path, entry.fault)
            raise
        finally:
            self._plays.discard(task)
            if isinstance(door, Door):
                door.leave = None

    async def _respond(self, request: web.BaseRequest, work: Work) -> Played:
        if self._behaviour is None and self._fault is None:
            await self._shop.turns.next()  # else it has to be known how to live before the client can leave
        raw = await intake.read(request)
        if self._relay is not None and isinstance(raw, bytes) and not routes.is_own(request.path):
            return await self._pass_on(self._relay, request, raw, work.entry)
        answer = raw if isinstance(raw, Answer) else self._remembered(request, raw, work)
        if routes.is_side(request.path):
            return await play(request, answer, work.entry, self._sleep)
        if not work.may_outlive:
            return await work.run(request, answer, self._sleep)
        task = work.start(request, answer, self._sleep)
        self._plays.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def _pass_on(self, relay: Relay, request: web.BaseRequest, raw: bytes, entry: Entry) -> Played:
        """Have the real endpoint answer; not with our key for a web page."""
        asked = Request(request.method, request.path, tuple(request.headers.items()))
        if relay.has_key and (refused := self._guard.refuses_pages(asked)) is not None:
            return await play(request, refused, entry, self._sleep)
        return await relay.pass_on(request, raw, entry, self.journal.clock)

    def _over(self, task: asyncio.Task[Played]) -> None:
        """A work is over, perhaps long after its client has left."""
        self._plays.discard(task)
        if not task.cancelled():
            task.exception()

    def _remembered(self, request: web.BaseRequest, raw: bytes, work: Work) -> Answer:
        """The answer, kept for the next request that is the same in every byte but its address."""
        if not self._repeats or routes.is_side(request.path):
            return self._answer(request, raw, work)
        entry = work.entry
        key = (request.method, request.version, request.raw_path, request.raw_headers, raw)
        if (known := self._known.find(key)) is not None:
            entry.size, entry.body = len(raw), known.body
            work.script = known.script
            return known.answer
        answer = for_this_client(request, self._answer(request, raw, work))
        if answer.status == HTTPStatus.OK and entry.fault is None:
            known = self._known.keep(key, len(raw), entry.body, answer)
            work.script = known.script if known is not None else None
        return answer

    @property
    def _repeats(self) -> bool:
        """Whether nothing but the request and the settings decides about the answer."""
        changing = self.book, self._replay, self._meter, self._fault, self._behaviour
        return not any(changing) and not self.settings.gzip and self._respond_to is routes.respond

    def _answer(self, request: web.BaseRequest, raw: bytes, work: Work) -> Answer:
        headers = tuple(request.headers.items())
        url = f"{self.url.removesuffix('/v1')}{request.rel_url.raw_path}"
        asked, name = faults.split(Request(request.method, url, headers, answering.read_body(raw) if raw else None))
        entry = work.entry
        entry.size, entry.body = len(raw), asked.body if len(raw) <= BODY_LIMIT else None
        if asked.path.startswith(routes.CONTROL):
            return control.one_of_many() if self.journal.worker else control.answer(self, asked, self._guard)
        if request.method == "GET" and (shown := self._shown(asked.path, request.query)) is not None:
            return shown
        chosen, respond, settings = self._with_scenario()
        good = self._metered(asked, settings, lambda: respond(asked, settings, self.journal.document))
        if routes.is_side(asked.path):
            return good  # the rules are about completions, and so are their mutants
        entry.scenario, name = chosen.entry, name or chosen.fault
        try:
            fault = faults.find(name) if name else self._fault
        except LookupError as error:
            if asked.method != "POST":
                return good  # which says so
            return answering.refusal(400, str(error), code="fault_not_found")
        entry.fault = name or self._fault_name
        if self.settings.gzip:
            work.pack_for(asked)
        if fault and isinstance(behaviour := fault[1], Behaviour):
            work.live_by(behaviour, asked)
            fault = None
        elif self._behaviour is not None:
            work.live_by(self._behaviour, asked)
        if fault and (says := fault[0].needs.second) and not (says(asked) and self._again(asked)):
            fault = None
        good = chosen.finished(good)
        answer = paced(faults.apply(fault, asked, good) if fault else good, self._pacing)
        as_told = (
            any((entry.fault, self._behaviour, chosen.breaks, self._replay)) or self._respond_to is not routes.respond
        )
        habits = None if as_told else routes.habits_of(asked, settings)
        return answer if habits is None else chaos.spelled(answer, habits)

    def _metered(self, asked: Request, settings: Settings, respond: Callable[[], Answer]) -> Answer:
        """What `respond` gives, within the rate limit."""
        if self._meter is None:
            return respond()
        return metering.metered(asked, settings, self._meter, self.journal.clock(), respond)

    def _with_scenario(self) -> tuple[Chosen, Respond, Settings]:
        """What answers one request: as ever, or as the scenario has it."""
        chosen = Chosen()
        if self._replay is not None:
            replay = self._replay
            return chosen, lambda asked, settings, _: replay.respond(asked, settings, chosen), self.settings
        if self.book is None:
            return chosen, self._respond_to, self.settings
        self.book.refresh()
        settings = self.book.settings(self.settings)
        engine = partial(self.book.choose, settings=settings, chosen=chosen)
        return chosen, partial(routes.respond, engine=engine), settings

    def _shown(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """What the server shows of its state, None where this path shows nothing of it."""
        match path:
            case routes.PAGE:
                return windows.page()
            case routes.HEALTH:
                return windows.health(self.state())
            case routes.OPENAPI:
                return windows.described()
            case routes.METRICS:
                return windows.metrics(self.journal)
            case routes.JOURNAL:
                last = query.get("last", "")
                count = int(last) if last.isascii() and last.isdigit() and len(last) < 9 else LIMIT
                return windows.journal(self.journal.document(query.get("mark", ""), count, writes="writes" in query))
        if path == routes.SLOTS and (capacity := self._shop.capacity_of(self._behaviour)):
            return windows.slots(capacity, [work.entry for work in self._shop.works], self._shop.leaks)
        return None

    def _again(self, asked: Request) -> bool:
        """Whether this is the second of two requests that say the same; a third one is the first of the next two."""
        key = f"{asked.path} {json.dumps(asked.body, sort_keys=True)}"
        self._asked ^= {key}
        return key not in self._asked


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
    with hosted(MockServer(settings, host, port, fault, pacing, scenario=scenario)) as found:
        yield found.server.url
