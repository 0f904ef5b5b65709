"""vLLM behind the interface, shown on a stand-in that speaks as `AsyncLLM` does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.engines.decoding.events import Finish, StepEvent, Token
from mockserver.engines.decoding.interface import EngineDead, EngineInfo
from mockserver.engines.decoding.request import Refused, Sampling, TokenRequest
from mockserver.engines.vllm import VllmEngine, VllmMissing, open_vllm

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
STEPS = ([(0, [10], None), (1, [20], None)], [(0, [11, 12], None)], [(1, [1], "stop"), (0, [13], "length")])


class EngineDeadError(Exception):
    pass


class StandIn:
    """Tells these steps; then waits, fails, or ends."""

    def __init__(self, steps: tuple[Any, ...] = STEPS, then: Any = None) -> None:
        self.asked: list[tuple[Any, Any, str]] = []
        self.aborted: list[str] = []
        self.down = False
        self._steps, self._then = steps, then

    async def generate(self, prompt: Any, parameters: Any, request_id: str) -> AsyncIterator[Any]:
        self.asked.append((prompt, parameters, request_id))
        for step in self._steps:
            await asyncio.sleep(0)
            yield SimpleNamespace(prompt_logprobs=None, outputs=[self._output(*part) for part in step])
        if isinstance(self._then, Exception):
            raise self._then
        if self._then == "waits":
            await asyncio.Event().wait()

    def _output(self, index: int, tokens: list[int], finish: str | None) -> Any:
        known = [{token: SimpleNamespace(logprob=-0.5), 99: SimpleNamespace(logprob=-0.1)} for token in tokens]
        return SimpleNamespace(index=index, token_ids=tokens, finish_reason=finish, logprobs=known)

    async def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)

    def shutdown(self) -> None:
        self.down = True


def ask(**kwargs: Any) -> TokenRequest:
    return TokenRequest(**({"id": "a", "prompt": (3, 4), "max_tokens": 9, "choices": 2} | kwargs))


def use(stand_in: StandIn, what: Callable[[VllmEngine], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(what(VllmEngine(stand_in, INFO, SimpleNamespace)), 60))  # type: ignore[arg-type]


async def read(engine: VllmEngine, request: TokenRequest) -> list[StepEvent]:
    return [event async for event in engine.submit(request)]


def test_a_request_is_put_in_vllms_words_and_its_deltas_are_events() -> None:
    stand_in = StandIn()

    async def what(engine: VllmEngine) -> None:
        sampling = Sampling(temperature=0.5, top_p=0.0, seed=7, logit_bias={5: 1.0})
        events = await read(engine, ask(sampling=sampling, logprobs=1, stop_tokens=frozenset({9})))
        assert [(0, 1), (1, 1), (0, 2), (1, 1), (0, 1)] == [(event.choice, len(event.tokens)) for event in events]
        assert Token(10, -0.5, ((99, -0.1),)) == events[0].tokens[0]
        assert (Finish.STOP, 1) == (events[3].finish, events[3].stopped_by)
        assert (Finish.LENGTH, None) == (events[4].finish, events[4].stopped_by)
        ((prompt, parameters, name),) = stand_in.asked
        assert ({"prompt_token_ids": [3, 4]}, "a") == (prompt, name)
        assert (2, 9, 0.5, 7, [1, 9], {5: 1.0}) == (
            parameters.n,
            parameters.max_tokens,
            parameters.temperature,
            parameters.seed,
            parameters.stop_token_ids,
            parameters.logit_bias,
        )
        assert (0, 2, 6) == (engine.stats().running, engine.stats().finished, engine.stats().generated_tokens)

    use(stand_in, what)


def test_leaving_aborts_in_vllm_and_every_choice_has_one_end() -> None:
    stand_in = StandIn(STEPS[:1], "waits")

    async def what(engine: VllmEngine) -> None:
        stream = engine.submit(ask())
        await anext(stream)
        await stream.aclose()
        engine.abort("a")
        ends = [event.finish async for event in stream if event.finish]
        assert [Finish.ABORTED, Finish.ABORTED] == ends
        assert (["a"], 2, 0) == (stand_in.aborted, engine.stats().aborted, engine.stats().running)

    use(stand_in, what)


@pytest.mark.parametrize("error", [EngineDeadError("no more"), RuntimeError("a mishap")])
def test_what_vllm_raises_is_an_error_on_the_stream_and_its_death_is_for_all(error: Exception) -> None:
    async def what(engine: VllmEngine) -> None:
        events = await read(engine, ask(choices=1))
        assert Finish.ERROR is events[-1].finish
        assert str(error) in events[-1].message
        if isinstance(error, EngineDeadError):
            with pytest.raises(EngineDead, match="no more"):
                engine.submit(ask())
        else:
            engine.submit(ask(choices=1))

    use(StandIn(([(0, [10], None)],), error), what)


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


def test_a_guide_is_refused_and_so_is_what_no_engine_can_do() -> None:
    async def what(engine: VllmEngine) -> None:
        for wrong in ({"guide": lambda choice: None}, {"max_tokens": 100}):
            with pytest.raises(Refused):
                engine.submit(ask(**wrong))

    use(StandIn(), what)


def test_without_vllm_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vllm", None)
    with pytest.raises(VllmMissing, match="pip install"):
        open_vllm("model")
