"""vLLM's AsyncLLM behind the interface of engines. Knows of vLLM what it is handed, and no text.

vLLM decodes in processes of its own: the word to stop has to get there, and a guide goes there as a grammar.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import EngineDead, EngineInfo, Overloaded, Stats
from mockserver.engines.decoding.request import Refused, TokenRequest, check
from mockserver.engines.decoding.stream import TokenStream

from .choice import Choice

WAITING = 1024
"""Choices that wait; more are refused."""
UNREAD = 4096
"""Events of a stream that nobody has read; with more the request is aborted."""
LEAVING = 20.0
"""Seconds that vLLM's processes get to end by themselves."""
DEAD = "vLLM's engine has died; its log says why"
STOPPED = "the engine was stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vllm:
    """What of vLLM is used."""

    engine: Any
    """An AsyncLLM."""
    parameters: Callable[..., Any]
    """Makes SamplingParams of a request that is to be told in deltas, with or without `grammar` (Lark)."""
    rows: int
    """Requests that it decodes together."""
    figures: Callable[[], Stats]
    """What vLLM's own metrics say of it."""


class VllmEngine:
    """See decoding.interface.Engine. Belongs to one event loop."""

    def __init__(self, vllm: Vllm, info: EngineInfo) -> None:
        self.info = info
        self._vllm = vllm
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}
        """What is at work, by request and choice."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = ""
        self._finished = self._aborted = 0

    def submit(self, request: TokenRequest) -> TokenStream:
        """Begin. Raises Refused, Overloaded, EngineDead."""
        check(request, vocabulary=self.info.vocabulary, context=self.info.context)
        if dead := self._dead():
            raise EngineDead(dead)
        if any(name == request.id for name, _ in self._tasks):
            raise Refused("id", f"A request with the id {request.id!r} is still running.")
        waiting = len(self._tasks) - self._vllm.rows
        if waiting + request.choices > WAITING:
            raise Overloaded(f"{max(0, waiting)} wait already.")
        try:
            choices = [self._choice(request, number) for number in range(request.choices)]
        except ValueError as error:
            raise Refused("", f"vLLM takes no such request: {error}") from error
        stream = TokenStream(request.choices, UNREAD, lambda message: self.abort(request.id, message=message))
        self._loop = stream.loop
        for choice in choices:
            self._begin(choice, stream)
        return stream

    def abort(self, id: str, choice: int | None = None, *, message: str = "") -> None:  # noqa: A002
        """End a request, or one of its choices. It takes effect when the word has got to vLLM."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel, id, choice, message)

    def stats(self) -> Stats:
        """What vLLM's metrics say; what was submitted and is not running yet waits."""
        known, dead = self._vllm.figures(), self._dead()
        if dead:  # then they say what was, and will say so for ever
            known = replace(known, running=0, waiting=0, blocks_used=0)
        waiting = max(known.waiting, len(self._tasks) - known.running)
        return replace(known, waiting=waiting, finished=self._finished, aborted=self._aborted, dead=dead)

    async def start(self) -> None:
        """It is running since it was opened."""

    async def stop(self, *, drain: bool = False) -> None:
        """Be done: with `drain` when all that was submitted has ended."""
        self._stopped = self._stopped or STOPPED
        if not drain:
            for task in self._tasks.values():
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values())
        await asyncio.to_thread(self._vllm.engine.shutdown, timeout=LEAVING)  # it waits for its processes

    def _dead(self) -> str:
        """Why nothing is answered any more; "" while it is."""
        return self._stopped or (DEAD if self._vllm.engine.errored else "")

    def _cancel(self, id: str, choice: int | None, message: str) -> None:  # noqa: A002
        for (name, number), task in self._tasks.items():
            if name == id and choice in (None, number):
                task.cancel(message)

    def _choice(self, request: TokenRequest, number: int) -> Choice:
        """Raises ValueError where vLLM takes no such request."""
        return Choice(
            engine=self._vllm.engine,
            parameters=self._vllm.parameters,
            info=self.info,
            request=request,
            number=number,
        )

    def _begin(self, choice: Choice, stream: TokenStream) -> None:
        """Have one choice decoded, and tell of it."""
        name = choice.request.id, choice.number
        ended: list[StepEvent] = []

        async def tell() -> None:
            async with aclosing(choice.events()) as events:
                async for event in events:
                    if event.finish is None:
                        stream.hand_over(event)
                    else:
                        ended.append(event)

        def end(task: asyncio.Task[None]) -> None:
            """The last event, whatever has happened: nobody may be left waiting."""
            del self._tasks[name]
            self._finished += 1
            event = ended[0] if ended else self._lost(choice.number, task)
            self._aborted += event.finish is Finish.ABORTED
            stream.hand_over(event)

        task = self._tasks[name] = stream.loop.create_task(tell())
        task.add_done_callback(end)

    def _lost(self, choice: int, task: asyncio.Task[None]) -> StepEvent:
        """The end of a choice for which vLLM told of none."""
        try:
            task.result()
        except asyncio.CancelledError as error:
            finish = Finish.ERROR if self._stopped else Finish.ABORTED
            return StepEvent(choice, 0, finish=finish, message=self._stopped or str(error))
        except Exception as error:  # noqa: BLE001 - whatever vLLM raised
            message = f"{type(error).__name__}: {error}"
        else:
            message = "vLLM told of no end"
        return StepEvent(choice, 0, finish=Finish.ERROR, message=message)
