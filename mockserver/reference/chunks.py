"""The events of an engine to the chunks of an answer, as they come. Knows no socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from typing import Any

from conformance.protocols.chat import emitter
from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import Engine, Stream
from mockserver.engines.decoding.request import TokenRequest

from .asking import Asked
from .telling import Choice
from .writing import Writer

FAILED = (Finish.ERROR, Finish.ABORTED)


class Telling:
    """The events of an engine to chunks."""

    def __init__(self, engine: Engine, wanted: Asked, choices: Sequence[Choice], writer: Writer) -> None:
        self._engine, self._wanted, self._choices, self._writer = engine, wanted, choices, writer
        self._first = list(accumulate((each.choices for each in wanted.requests), initial=0))
        """The first choice of each request."""

    async def chunks(self, streams: Sequence[Stream]) -> AsyncIterator[dict[str, Any]]:
        """Every chunk as it comes about; an error ends them."""
        begun: set[int] = set()
        async for number, event in _merged(streams):
            if not begun and event.finish not in FAILED:
                for chunk in self._writer.begin():
                    yield chunk
            asked = self._wanted.requests[number]
            index = self._first[number] + event.choice
            if index not in begun and event.finish not in FAILED:
                begun.add(index)
                for chunk in self._writer.read(index, event.prompt):
                    yield chunk
            for chunk in self._told(asked, index, event):
                yield chunk
                if "error" in chunk:
                    return
        for chunk in self._writer.end():
            yield chunk

    def _told(self, asked: TokenRequest, index: int, event: StepEvent) -> Sequence[dict[str, Any]]:
        choice = self._choices[index]
        if choice.finish:
            return ()
        if event.finish in FAILED:
            message = event.message or "The request was aborted."
            return (emitter.error(f"The server had an error: {message}", "server_error"),)
        if self._wanted.silent:
            if event.finish is None:
                return ()
            choice.finish = "length"
            return (self._writer.finish(index),)
        told = [self._writer.say(index, said) for said in choice.take(event.tokens, event.finish, event.stopped_by)]
        if choice.over:
            told.append(self._writer.finish(index))
            if event.finish is None:
                self._engine.abort(asked.id, event.choice)
        return told


def failure_of(chunk: dict[str, Any]) -> str:
    """What an error chunk says, "" for any other."""
    return str(chunk["error"]["message"]) if "error" in chunk else ""


async def _merged(streams: Sequence[Stream]) -> AsyncIterator[tuple[int, StepEvent]]:
    """The events of all streams as they come, each with the number of its stream."""
    if len(streams) == 1:
        async for event in streams[0]:
            yield 0, event
        return
    coming = [aiter(stream) for stream in streams]
    waiting = {asyncio.ensure_future(anext(each)): number for number, each in enumerate(coming)}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=waiting.__getitem__):
                number = waiting.pop(task)
                try:
                    event = task.result()
                except StopAsyncIteration:
                    continue
                waiting[asyncio.ensure_future(anext(coming[number]))] = number
                yield number, event
    finally:
        for task in waiting:
            task.cancel()
