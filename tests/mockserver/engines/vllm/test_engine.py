"""vLLM behind the interface, shown on a stand-in that speaks as `AsyncLLM` 0.32 was seen to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import EngineDead, EngineInfo, Overloaded, Stats
from mockserver.engines.decoding.request import Refused, Sampling, TokenRequest
from mockserver.engines.vllm.engine import WAITING, Vllm, VllmEngine

INFO = EngineInfo(
    model="m",
    vocabulary=100,
    context=64,
    stop_tokens=frozenset({1}),
    device="vllm",
    precision="bfloat16",
    mode="fast",
    stops_within_a_step=False,
)
IDLE = Stats()
STEPS = (([10], None), ([11, 12], None), ([13], "length"))


class EngineDeadError(Exception):
    pass


class StandIn:
    """Tells these steps of each request; then waits, fails, or ends."""

    def __init__(self, steps: tuple[Any, ...] = STEPS, then: Any = None) -> None:
        self.asked: list[tuple[Any, Any, str]] = []
        self.aborted: list[str] = []
        self.errored = self.down = False
        self._steps, self._then = steps, then

    async def generate(self, prompt: Any, parameters: Any, request_id: str) -> AsyncIterator[Any]:
        self.asked.append((prompt, parameters, request_id))
        try:
            for tokens, finish in self._steps:
                await asyncio.sleep(0)
                yield SimpleNamespace(prompt_logprobs=None, outputs=[part(tokens, finish)])
            if self._then == "waits":
                await asyncio.Event().wait()
        except (asyncio.CancelledError, GeneratorExit):  # vLLM aborts what nobody reads any more
            self.aborted.append(request_id)
            raise
        if isinstance(self._then, Exception):
            self.errored = isinstance(self._then, EngineDeadError)
            raise self._then

    def shutdown(self, timeout: float | None = None) -> None:
        self.down = True


def part(tokens: list[int], finish: str | None) -> Any:
    return SimpleNamespace(index=0, token_ids=tokens, finish_reason=finish, logprobs=None)


def parameters(**asked: Any) -> Any:
    if asked["temperature"] > 2:
        raise ValueError("temperature must be in [0, 2]")
    return SimpleNamespace(**asked)


def ask(**kwargs: Any) -> TokenRequest:
    return TokenRequest(**({"id": "a", "prompt": (3, 4), "max_tokens": 9, "choices": 2} | kwargs))


def use(stand_in: StandIn, what: Callable[[VllmEngine], Awaitable[None]], figures: Stats = IDLE) -> None:
    vllm = Vllm(engine=stand_in, parameters=parameters, rows=8, figures=lambda: figures)
    asyncio.run(asyncio.wait_for(what(VllmEngine(vllm, INFO)), 60))  # type: ignore[arg-type]


async def read(engine: VllmEngine, request: TokenRequest) -> list[StepEvent]:
    return [event async for event in engine.submit(request)]


def test_each_choice_is_a_request_to_vllm_and_its_deltas_are_events() -> None:
    stand_in = StandIn()

    async def what(engine: VllmEngine) -> None:
        events = await read(engine, ask())
        for choice in (0, 1):
            own = [event for event in events if event.choice == choice]
            assert [10, 11, 12, 13] == [token.id for event in own for token in event.tokens]
            assert [None, None, Finish.LENGTH] == [event.finish for event in own]
        assert [({"type": "token", "prompt_token_ids": [3, 4]}, name) for name in ("a-0-0", "a-1-0")] == [
            (prompt, name) for prompt, _, name in stand_in.asked
        ]
        assert (2, 0, 0) == (engine.stats().finished, engine.stats().aborted, engine.stats().waiting)

    use(stand_in, what)


def test_leaving_aborts_in_vllm_and_every_choice_has_one_end() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await anext(stream)
        await stream.aclose()
        engine.abort("a")
        ends = [(event.finish, event.message) async for event in stream if event.finish]
        assert [(Finish.ABORTED, "the reader left")] * 2 == ends
        assert (["a-0-0", "a-1-0"], 2) == (sorted(stand_in.aborted), engine.stats().aborted)

    use(stand_in, what)


def test_one_choice_is_aborted_alone() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await anext(stream)
        await anext(stream)
        engine.abort("a", 1)
        assert (1, Finish.ABORTED) == ((event := await anext(stream)).choice, event.finish)
        assert ["a-1-0"] == stand_in.aborted
        await stream.aclose()

    use(stand_in, what)


def test_what_was_submitted_and_not_yet_begun_ends_too() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await engine.stop()
        assert [Finish.ERROR, Finish.ERROR] == [event.finish async for event in stream]
        assert [] == stand_in.asked

    use(stand_in, what)


@pytest.mark.parametrize("error", [EngineDeadError("no more"), RuntimeError("a mishap")])
def test_what_vllm_raises_is_an_error_on_the_stream_and_its_death_is_for_all(error: Exception) -> None:
    async def what(engine: VllmEngine) -> None:
        events = await read(engine, ask(choices=1))
        assert Finish.ERROR is events[-1].finish
        assert str(error) in events[-1].message
        if isinstance(error, EngineDeadError):
            stats = engine.stats()
            assert ("died" in stats.dead, 0, 0) == (True, stats.running, stats.blocks_used)
            with pytest.raises(EngineDead, match="died"):
                engine.submit(ask())
        else:
            assert "" == engine.stats().dead
            await engine.submit(ask(choices=1)).aclose()

    use(StandIn((([10], None),), error), what, Stats(running=1, blocks_used=3))


def test_an_engine_that_dies_while_nothing_is_asked_of_it_is_dead() -> None:
    stand_in = StandIn()

    async def what(engine: VllmEngine) -> None:
        stand_in.errored = True
        with pytest.raises(EngineDead, match="died"):
            engine.submit(ask())

    use(stand_in, what)


def test_a_generator_that_ends_without_an_end_is_an_error() -> None:
    async def what(engine: VllmEngine) -> None:
        events = await read(engine, ask(choices=1))
        assert (Finish.ERROR, "vLLM told of no end") == (events[-1].finish, events[-1].message)

    use(StandIn(STEPS[:1]), what)


def test_stopping_ends_every_stream_and_vllm() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await anext(stream)
        await engine.stop()
        assert [Finish.ERROR, Finish.ERROR] == [event.finish async for event in stream if event.finish]
        assert stand_in.down
        with pytest.raises(EngineDead):
            engine.submit(ask())

    use(stand_in, what)


def test_draining_waits_for_what_was_submitted() -> None:
    stand_in = StandIn()

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await engine.stop(drain=True)
        assert [Finish.LENGTH, Finish.LENGTH] == [event.finish async for event in stream if event.finish]
        assert ([], True) == (stand_in.aborted, stand_in.down)

    use(stand_in, what)


@pytest.mark.parametrize("wrong", [{"max_tokens": 100}, {"sampling": Sampling(temperature=3.0)}])
def test_what_no_engine_can_do_is_refused_and_so_is_what_vllm_does_not_take(wrong: dict[str, Any]) -> None:
    async def what(engine: VllmEngine) -> None:
        with pytest.raises(Refused):
            engine.submit(ask(**wrong))
        assert 0 == engine.stats().waiting

    use(StandIn(), what)


def test_more_than_may_wait_are_refused_for_the_time_being() -> None:
    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask(choices=8))
        waiting = engine.submit(ask(id="b", choices=WAITING))
        with pytest.raises(Overloaded, match=f"{WAITING} wait"):
            engine.submit(ask(id="c", choices=1))
        await stream.aclose()
        await waiting.aclose()

    use(StandIn(STEPS[:1], "waits"), what)


def test_what_runs_is_what_vllm_says_and_the_rest_waits() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask(choices=5))
        await anext(stream)
        stats = engine.stats()
        assert (2, 3, 7, 40) == (stats.running, stats.waiting, stats.blocks_used, stats.blocks_total)
        await stream.aclose()

    use(stand_in, what, Stats(running=2, blocks_used=7, blocks_total=40))
