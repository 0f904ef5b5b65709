"""The reference server: requests from sockets to an engine, and what it decodes back, token by token.

The engine knows no text, and this file no model. A client that leaves ends its work before the next step; one that
stops reading is left after a while; an engine that dies is answered for on every stream.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

from aiohttp import web

from conformance.protocols.chat import emitter
from conformance.protocols.exchange import Request
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send
from mockserver import answering, completing, intake, routes
from mockserver.answering import Settings, refusal
from mockserver.engines.decoding.interface import Engine, EngineDead, EngineInfo, Overloaded, Stream
from mockserver.engines.decoding.request import Refused
from mockserver.journal import Entry
from mockserver.play import Played, for_this_client, play
from mockserver.port import Port
from mockserver.reception import hang_up
from mockserver.windows import PLAIN

from . import asking
from .asking import Asked, Declined, Model
from .chunks import Telling, failure_of
from .metrics import figures
from .telling import Choice
from .writing import About, ChatWriter, TextWriter, Writer

Result = TypeVar("Result")
LOG = logging.getLogger("mockserver.reference")
AT_A_TIME = 16
"""Events of a stream, where so many have come already, that are written before others have their turn."""
LONG = 20_000
"""Bytes of a request from which on its tokens are looked for beside the event loop."""
STATE = "/debug/state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the server waits."""

    asked: float = 60.0
    """Seconds for a request to come: its head, and then its body."""
    stalled: float = 60.0
    """Seconds for a client to take what was sent; of a document, for each mebibyte of it."""
    drain: float = 20.0
    """Seconds that streams get to end when the server stops."""
    last: float = 5.0
    """Seconds for what was said until then, and the error, to reach the clients."""


class ReferenceServer:
    """A server on a port. `url` ends in /v1."""

    def __init__(
        self,
        engine: Engine,
        model: Model,
        settings: Settings,
        host: str = "127.0.0.1",
        port: int = 0,
        deadlines: Deadlines = Deadlines(),
    ) -> None:
        """The engine is started and stopped with the server."""
        self.url = ""
        self._engine, self._model, self._settings = engine, model, settings
        self._deadlines = deadlines
        self._at = Port(self._handle, host, port, deadlines.asked)
        self._stopping = False
        self._at_work = 0
        """Requests that are being answered."""
        self._idle = asyncio.Event()

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""
        return self._engine.info

    @property
    def blocks(self) -> int:
        """Blocks of the key-value memory."""
        return self._engine.stats().blocks_total

    async def __aenter__(self) -> Self:
        """Start the engine, and listen. Raises OSError where that port cannot be had."""
        await self._engine.start()
        try:
            self.url = f"{await self._at.open()}/v1"
        except OSError:
            await self._engine.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop: nothing new begins; what is at work may end, and is told of an error where it takes too long."""
        self._stopping = True
        try:
            async with asyncio.timeout(self._deadlines.drain):
                await self._engine.stop(drain=True)
        except TimeoutError:
            await self._engine.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._deadlines.last):
                while self._at_work:
                    self._idle.clear()
                    await self._idle.wait()
        await self._at.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._at_work += 1
        try:
            return await self._respond(request)
        except (ConnectionError, TimeoutError):
            hang_up(request)
            return Played(keep=False)
        except asyncio.CancelledError:
            hang_up(request)
            raise
        except Exception:
            LOG.exception("the server failed at %s %s", request.method, request.path)
            if request.writer.output_size:
                raise
            return await self._play(request, refusal(500, "The server failed at this request.", "server_error"))
        finally:
            self._at_work -= 1
            self._idle.set()

    async def _respond(self, request: web.BaseRequest) -> Played:
        try:
            async with asyncio.timeout(self._deadlines.asked):
                raw = await intake.read(request)
        except TimeoutError:
            late = refusal(408, "The body of the request did not come in time.", headers=(("connection", "close"),))
            played = await self._play(request, late)
            if request.transport is not None:
                request.transport.close()  # nothing more is read of it
            return played
        if isinstance(raw, Answer):
            return await self._play(request, raw)
        asked = Request(
            request.method,
            f"{self.url.removesuffix('/v1')}{request.rel_url.raw_path}",
            tuple(request.headers.items()),
            await _beside(len(raw), answering.read_body, raw) if raw else None,
        )
        path = unquote(asked.path)
        if path in (routes.CHAT, routes.COMPLETIONS) and request.method == "POST":
            return await self._complete(request, asked, path == routes.CHAT, len(raw))
        return await self._play(request, self._shown(asked, path))

    async def _play(self, request: web.BaseRequest, answer: Answer) -> Played:
        size = sum(len(act.data) for act in answer.acts if isinstance(act, Send))
        async with asyncio.timeout(self._deadlines.stalled * (1 + (size >> 20))):
            return await play(request, answer, Entry(0, "", ""), asyncio.sleep)

    def _shown(self, asked: Request, path: str) -> Answer:
        """What needs no decoding."""
        dead = self._engine.stats().dead
        if asked.method == "GET" and path == routes.HEALTH:
            problem = dead or ("the server is stopping" if self._stopping else "")
            return answering.document({"status": problem or "ok"}, "0" * 24, 503 if problem else 200)
        if asked.method == "GET" and path == routes.METRICS:
            text = figures(self._engine.stats())
            return Answer(200, (("content-type", PLAIN),), (Send(text.encode()),), Framing.LENGTH)
        if asked.method == "GET" and path == STATE:
            stats = self._engine.stats()
            state = {name: getattr(stats, name) for name in stats.__dataclass_fields__}
            info = self._engine.info
            shown = {name: getattr(info, name) for name in info.__dataclass_fields__}
            return answering.document({"engine": {**shown, "stop_tokens": sorted(info.stop_tokens)}, **state}, "0" * 24)
        if routes.is_own(path) and path != routes.HEALTH:
            return refusal(404, f"There is nothing at '{path}'.", code="unknown_url")
        return routes.respond(asked, self._settings)

    def _refused(self, asked: Request, is_chat: bool) -> Answer | None:
        """The refusal of a request that is not in order."""
        wrong = answering.locked(asked, self._settings) or answering.unread(asked)
        wrong = wrong or self._crowded(asked.body)
        wrong = wrong or (answering.misused(asked.body) if is_chat else completing.misused(asked.body))
        wrong = wrong or answering.misfit("reference/request", asked.body)
        if wrong is not None:
            return wrong
        assert isinstance(asked.body, dict)  # misused let nothing else through
        name = asked.body["model"]
        return answering.no_model(name) if name not in self._settings.models else None

    def _crowded(self, body: object) -> Answer | None:
        """The refusal of more messages, or prompts, than could be served: to look at each would take minutes."""
        most = max(self._model.info.context, asking.CHOICES_MOST)
        for name in ("messages", "prompt"):
            if isinstance(body, dict) and isinstance(body.get(name), list) and len(body[name]) > most:
                message = f"'{name}' has {len(body[name])} items: more than tokens in the context."
                return refusal(400, message, param=name, code=asking.FULL)
        return None

    async def _complete(self, request: web.BaseRequest, asked: Request, is_chat: bool, length: int) -> Played:
        """One completion, of chat or of text."""
        try:
            refused = await _beside(length, self._refused, asked, is_chat)
        except RecursionError:
            refused = refusal(400, "The body of the request is nested too deeply.")
        if refused is not None:
            return await self._play(request, refused)
        body = asked.body
        assert isinstance(body, dict)
        name = uuid.uuid4().hex
        streams: list[Stream] = []
        try:
            try:
                wanted = await self._read(body, is_chat, name, length)
                for each in wanted.requests:  # not in one go: those before one that is refused have begun
                    stream = self._engine.submit(each)
                    streams.append(stream)
            except Declined as error:
                answer = refusal(400, str(error), param=error.parameter or None, code=error.code)
            except Refused as error:
                answer = refusal(400, str(error), param=error.parameter or None)
            except Overloaded as error:
                wait = (("retry-after", str(max(1, round(error.retry_after)))),)
                answer = refusal(429, str(error), "rate_limit_error", code="rate_limit_exceeded", headers=wait)
            except EngineDead as error:
                answer = refusal(503, str(error) or "The engine is dead.", "server_error", code="engine_dead")
            else:
                return await self._tell(request, body, wanted, streams, is_chat, name)
            return await self._play(request, answer)
        finally:
            for stream in streams:
                await stream.aclose()

    async def _read(self, body: dict[str, Any], is_chat: bool, name: str, length: int) -> Asked:
        """The request in tokens, and what its reply is held to."""
        read: Callable[[dict[str, Any], Model, str], Asked] = asking.of_chat if is_chat else asking.of_text
        return await _beside(LONG if asking.is_held(body) else length, read, body, self._model, name)

    async def _tell(
        self,
        request: web.BaseRequest,
        body: dict[str, Any],
        wanted: Asked,
        streams: Sequence[Stream],
        is_chat: bool,
        name: str,
    ) -> Played:
        options = body.get("stream_options") or {}
        streamed = body.get("stream") is True
        about = About(
            id=f"{'chatcmpl' if is_chat else 'cmpl'}-{name}",
            created=int(time.time()),
            model=body["model"],
            fingerprint=f"fp_{self._engine.info.mode}",
            usage=streamed and options.get("include_usage") is True,
            continuous=options.get("include_usage") is True and options.get("continuous_usage_stats") is True,
        )
        choices = [self._choice(wanted) for each in wanted.requests for _ in range(each.choices)]
        writer: Writer = (
            ChatWriter(about, wanted, choices, self._model.words, keeps=not streamed)
            if is_chat
            else TextWriter(
                about, wanted, choices, self._model.words, echoes=body.get("echo") is True, keeps=not streamed
            )
        )
        telling = Telling(self._engine, wanted, choices, writer)
        if not streamed:
            failure = ""
            async for chunk in telling.chunks(streams):
                failure = failure or failure_of(chunk)
            answer = refusal(500, failure, "server_error") if failure else answering.document(writer.document(), name)
            return await self._play(request, answer)
        return await self._stream(request, telling, streams, name)

    def _choice(self, wanted: Asked) -> Choice:
        return Choice(
            words=self._model.words,
            stops=wanted.stops,
            may_call=wanted.may_call,
            offered=wanted.offered,
            most_calls=wanted.most_calls,
            bare_calls=wanted.bare_calls,
            with_tokens=wanted.top is not None,
        )

    async def _stream(self, request: web.BaseRequest, telling: Telling, streams: Sequence[Stream], name: str) -> Played:
        headers = (
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            ("x-accel-buffering", "no"),
            ("x-request-id", f"req_{name[:24]}"),
        )
        answer = for_this_client(request, Answer(200, headers, (), Framing.CHUNKED))
        chunked = answer.framing is Framing.CHUNKED
        head = encoder.head(answer)  # goes with the first chunk: until then its status is not known
        sent = 0
        async for chunk in telling.chunks(streams):
            if head and (failure := failure_of(chunk)):
                return await self._play(request, refusal(500, failure, "server_error"))
            data = encoder.message(emitter.dumps(chunk))
            if head and request.transport is not None:
                request.transport.set_write_buffer_limits(high=0)  # so that drain waits for all of it
            await self._send(request, head + (encoder.chunk(data) if chunked else data))
            head = b""
            if not (sent := (sent + 1) % AT_A_TIME):
                await asyncio.sleep(0)
        done = encoder.message(emitter.DONE)
        await self._send(request, encoder.chunk(done) + encoder.LAST_CHUNK if chunked else done)
        return Played(keep=chunked and bool(request.keep_alive))

    async def _send(self, request: web.BaseRequest, data: bytes) -> None:
        """Hand the bytes to the kernel. Raises ConnectionError when the client has gone, TimeoutError when it takes
        nothing any more.
        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        transport.write(data)
        request.writer.output_size += len(data)
        if transport.get_write_buffer_size():  # a deadline costs as much as the write: most need none
            async with asyncio.timeout(self._deadlines.stalled):
                await request.writer.drain()


async def _beside(length: int, function: Callable[..., Result], *given: Any) -> Result:
    """What a function gives; beside the event loop, where what it is given is long."""
    return function(*given) if length < LONG else await asyncio.to_thread(function, *given)
