"""An engine that decodes step by step in a thread of its own. What a step computes is the stepper's: here is no tensor.

Requests and aborts are left in an inbox, which the thread empties between two steps; an aborted request takes no step
after the one in flight. What a step gave goes to the event loop in one call.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from .advancing import advance
from .chance import seed_of
from .events import Finish, StepEvent
from .interface import EngineDead, EngineInfo, Overloaded, Stats
from .pool import Pool
from .request import Refused, TokenRequest, check
from .scheduler import Limits, Scheduler
from .sequence import Drawn, Plan, Sequence
from .stream import TokenStream

STOPPING = "the engine was stopped"


class Stepper(Protocol):
    """Computes the steps. Only the decode thread calls it."""

    @property
    def info(self) -> EngineInfo:
        """What the engine is."""

    @property
    def limits(self) -> Limits:
        """How much of it there is in one step."""

    @property
    def blocks(self) -> int:
        """Blocks of its key-value memory, besides block 0."""

    @property
    def block_size(self) -> int:
        """Tokens in each."""

    def step(self, plan: Plan) -> list[Drawn]:
        """What comes of each work, in their order. What it raises is the end of the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much is put up with."""

    waiting: int = 1024
    """Choices that wait; more are refused as Overloaded."""
    unread: int = 4096
    """Events of a stream that nobody has read; with more the request is aborted."""


class SteppingEngine:
    """See interface.Engine."""

    def __init__(self, stepper: Stepper, patience: Patience = Patience()) -> None:
        self._stepper = stepper
        self._patience = patience
        self._scheduler = Scheduler(Pool(stepper.blocks, stepper.block_size), stepper.limits)
        self._changed = threading.Condition()
        self._joining: deque[Sequence] = deque()
        self._leaving: deque[tuple[str, int | None, str]] = deque()
        self._streams: dict[str, TokenStream] = {}
        self._open: dict[str, list[Sequence]] = {}
        """The sequences of each request that have not ended, also those that are still in the inbox."""
        self._thread: threading.Thread | None = None
        self._closing = self._draining = False
        self._dead = ""
        self._arrivals = self._steps = 0
        self._aborted = self._finished = self._prompt_tokens = self._generated_tokens = 0

    @property
    def info(self) -> EngineInfo:
        """What it is."""
        return self._stepper.info

    def submit(self, request: TokenRequest) -> TokenStream:
        """Begin. Raises Refused, Overloaded, EngineDead. Called in the event loop that reads the stream."""
        check(request, vocabulary=self.info.vocabulary, context=self.info.context)
        pool = self._scheduler.pool
        if pool.blocks_for(len(request.prompt) + request.max_tokens) > pool.total:
            room = pool.total * pool.size
            raise Refused(
                "max_tokens", f"The prompt and its reply may have {room} tokens: no more fit into the memory."
            )
        sequences = self._sequences(request)
        stream = TokenStream(request.choices, self._patience.unread, self._aborter(request.id))
        with self._changed:
            if self._dead or self._closing or self._draining:
                raise EngineDead(self._dead or STOPPING)
            if request.id in self._open:
                raise Refused("id", f"A request with the id {request.id!r} is still running.")
            waiting = len(self._joining) + len(self._scheduler.waiting)
            if waiting + request.choices > self._patience.waiting:
                raise Overloaded(f"{waiting} wait already.")
            for sequence in sequences:
                sequence.arrival = self._arrivals
                self._arrivals += 1
            self._open[request.id] = list(sequences)
            self._streams[request.id] = stream
            self._joining.extend(sequences)
            self._changed.notify()
        return stream

    def abort(self, id: str, choice: int | None = None, *, message: str = "") -> None:  # noqa: A002
        """End a request, or one of its choices; it gets a last event. Harmless if unknown, waiting, or ended."""
        with self._changed:
            self._leaving.append((id, choice, message))
            self._changed.notify()

    def stats(self) -> Stats:
        """What it is doing right now."""
        scheduler = self._scheduler
        return Stats(
            steps=self._steps,
            running=len(scheduler.running),
            waiting=len(scheduler.waiting) + len(self._joining),
            blocks_used=scheduler.pool.used,
            blocks_total=scheduler.pool.total,
            aborted=self._aborted,
            finished=self._finished,
            preempted=scheduler.preempted,
            prompt_tokens=self._prompt_tokens,
            generated_tokens=self._generated_tokens,
            dead=self._dead,
        )

    async def start(self) -> None:
        """Be ready for requests; those that were submitted before begin."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="decode", daemon=True)
            self._thread.start()

    async def stop(self, *, drain: bool = False) -> None:
        """Be done: with `drain` when all that was submitted has ended, else at once, by an error on every stream."""
        with self._changed:
            self._draining = self._draining or drain
            self._closing = self._closing or not drain
            self._changed.notify()
        if self._thread is None:
            self._die(STOPPING)
        else:
            await asyncio.to_thread(self._thread.join)
            await asyncio.sleep(0)  # what the thread has handed over is read after this

    def _sequences(self, request: TokenRequest) -> list[Sequence]:
        """The choices of a request; the first computes the prompt for all."""
        seed = seed_of(request.sampling.seed)
        tokens = list(request.prompt)
        guides = [request.guide(choice) if request.guide else None for choice in range(request.choices)]
        made = [Sequence(request, choice, 0, seed, guide, tokens=list(tokens)) for choice, guide in enumerate(guides)]
        for follower in made[1:]:
            follower.leader = made[0]
            made[0].followers.append(follower)
        return made

    def _aborter(self, id: str) -> Callable[[str], None]:  # noqa: A002
        return lambda message: self.abort(id, message=message)

    def _run(self) -> None:
        """The decode thread, from its beginning to its end."""
        try:
            while self._wait():
                self._step()
        except BaseException as error:  # noqa: BLE001 - SystemExit, a panic in Rust: nobody may be left waiting
            self._die(f"{type(error).__name__}: {error}")
        else:
            self._die(STOPPING)

    def _wait(self) -> bool:
        """Take in what is in the inbox, and wait while there is nothing to do; False when all is to end."""
        with self._changed:
            while True:
                self._admit_inbox()
                if self._closing:
                    return False
                if self._scheduler.running or self._scheduler.waiting:
                    return True
                if self._draining:
                    return False
                self._changed.wait()

    def _step(self) -> None:
        plan = self._scheduler.plan()
        if not plan.works:
            raise RuntimeError("some wait, and none can go on")  # a mistake of the scheduler; spinning would hide it
        drawn = self._stepper.step(plan)
        with self._changed:
            self._steps += 1
            self._admit_inbox()
            self._prompt_tokens += sum(work.count for work in plan.works if not work.decodes)
            told = advance(self._scheduler, plan, drawn, self._steps, self.info.stop_tokens)
            self._generated_tokens += sum(len(event.tokens) for _, event in told)
            self._tell(told)

    def _admit_inbox(self) -> None:
        """Those that were submitted join, and those that were aborted leave. Held: the lock."""
        while self._joining:
            self._scheduler.join(self._joining.popleft())
        told = []
        while self._leaving:
            id_, choice, message = self._leaving.popleft()
            for sequence in [*self._open.get(id_, ())]:
                if choice in (None, sequence.choice) and not sequence.ended:
                    self._scheduler.leave(sequence)
                    self._aborted += 1
                    event = StepEvent(sequence.choice, self._steps, finish=Finish.ABORTED, message=message)
                    told.append((sequence, event))
        self._tell(told)

    def _tell(self, told: Iterable[tuple[Sequence, StepEvent]]) -> None:
        """Hand events over, in one call to each event loop. Held: the lock."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[TokenStream, StepEvent]]] = {}
        for sequence, event in told:
            id_ = sequence.request.id
            stream = self._streams[id_]
            by_loop.setdefault(stream.loop, []).append((stream, event))
            if event.finish is not None:
                self._finished += 1
                self._open[id_].remove(sequence)
                if not self._open[id_]:
                    del self._open[id_], self._streams[id_]
        for loop, events in by_loop.items():
            try:
                loop.call_soon_threadsafe(_hand_over, events)
            except RuntimeError:  # the loop is closed: nobody reads these any more
                self._leaving.extend((id_, None, "") for id_, stream in self._streams.items() if stream.loop is loop)

    def _die(self, message: str) -> None:
        """Nothing is answered any more: an error on every stream, and for whoever comes later."""
        with self._changed:
            self._dead = message
            self._joining.clear()
            rest = [sequence for sequences in self._open.values() for sequence in sequences]
            for sequence in rest:
                self._scheduler.pool.give(sequence.blocks)
            self._scheduler.running.clear()
            self._scheduler.waiting.clear()
            told = [(seq, StepEvent(seq.choice, self._steps, finish=Finish.ERROR, message=message)) for seq in rest]
            self._tell(told)


def _hand_over(events: list[tuple[TokenStream, StepEvent]]) -> None:
    for stream, event in events:
        stream.hand_over(event)
