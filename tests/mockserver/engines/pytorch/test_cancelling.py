"""An aborted request takes no step but the one in flight, frees its memory before the next, and disturbs nobody."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.events import Finish
from mockserver.engines.decoding.interface import Stats
from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.sequence import Plan

MOST = 16
TIMES = {1: 70, 8: 70, 32: 60}
"""How often, with so many decoded together: two hundred times."""


class Watched:
    """Remembers what each step was about and how much memory was taken then; does something in the midst of one."""

    def __init__(self, engine: Any) -> None:
        self.steps: list[tuple[set[str], Stats]] = []
        self.in_flight: Callable[[], None] | None = None
        self.at = 0
        self._engine = engine
        self._step = engine._stepper.step
        engine._stepper.step = self

    def __call__(self, plan: Plan) -> Any:
        self.steps.append(({work.sequence.request.id for work in plan.works}, self._engine.stats()))
        if self.in_flight is not None and len(self.steps) >= self.at:
            act, self.in_flight = self.in_flight, None
            act()
        return self._step(plan)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("batch", TIMES)
def test_a_cancelled_request_takes_at_most_the_step_in_flight_and_neighbours_say_the_same(
    batch: int, model_of: Any, prompts: Any, generated: Any, with_engine: Any
) -> None:
    model = model_of("llama")
    chances = random.Random(batch)
    neighbours = prompts(batch - 1, 20)
    wanted = [generated(model, prompt, MOST) for prompt in neighbours]

    async def use(engine: Any) -> None:
        watched = Watched(engine)
        for turn in range(TIMES[batch]):
            await one_turn(engine, watched, f"turn {turn}")

    async def one_turn(engine: Any, watched: Watched, name: str) -> None:
        watched.steps.clear()
        prompt = tuple(chances.randrange(3, 199) for _ in range(chances.randint(1, 150)))
        stream = engine.submit(TokenRequest(id=name, prompt=prompt, max_tokens=90, ignore_eos=True))
        others = [
            asyncio.create_task(ids(engine, f"{name} beside {number}", prompt))
            for number, prompt in enumerate(neighbours)
        ]
        from_the_thread = chances.random() < 0.5
        if from_the_thread:  # in the midst of a step, wherever that is: also while the prompt is computed
            watched.at = chances.randint(1, MOST - 2)
            watched.in_flight = lambda: engine.abort(name)
        else:  # from the event loop, after so many events
            left = chances.randint(0, MOST - 4)
            async for _ in stream:
                left -= 1
                if left < 0:
                    break
            with engine._changed:  # no step begins or ends meanwhile
                begun = len(watched.steps)
                engine.abort(name)
        events = [event async for event in stream]
        assert [Finish.ABORTED] == [event.finish for event in events if event.finish]
        assert wanted == [await other for other in others]
        last = max((number for number, (who, _) in enumerate(watched.steps, 1) if name in who), default=0)
        if from_the_thread:
            assert watched.at == last
        else:
            assert last <= begun + 1  # one may have been planned, and not begun
        assert 0 == engine.stats().blocks_used
        for who, stats in watched.steps[last:]:  # already as the next one begins its memory is free
            assert stats.running == len(who)
            assert stats.blocks_used <= 3 * len(who)

    with_engine(model, use, rows=max(batch, 2), chunk=32, context=256)


async def ids(engine: Any, name: str, prompt: tuple[int, ...]) -> list[int]:
    request = TokenRequest(id=name, prompt=prompt, max_tokens=MOST)
    return [token.id async for event in engine.submit(request) for token in event.tokens]
