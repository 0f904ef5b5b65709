"""A memory too small for the load: all ends, by giving way, with the same tokens, and every block comes back."""

import asyncio
import random
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.request import Refused, Sampling, TokenRequest
from mockserver.engines.decoding.stepping import Patience

MOST = 20


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["fast", "constant"])
def test_who_has_to_give_way_says_the_same_later(
    mode: str, model_of: Any, prompts: Any, generated: Any, with_engine: Any
) -> None:
    model = model_of("llama")
    asked = prompts(24, 40)
    wanted = [generated(model, prompt, MOST) for prompt in asked]

    async def use(engine: Any) -> None:
        assert wanted == await asyncio.gather(*(ids(engine, f"{n}", prompt) for n, prompt in enumerate(asked)))
        assert 0 < engine.stats().preempted

    with_engine(model, use, mode=mode, rows=16, blocks=20, block_size=4, context=80, chunk=24)


@pytest.mark.timeout(600)
def test_a_thousand_requests_of_all_kinds_leave_nothing_behind(model_of: Any, with_engine: Any) -> None:
    chances = random.Random(2)

    async def use(engine: Any) -> None:
        await asyncio.gather(*(one(engine, number) for number in range(1000)))
        stats = engine.stats()
        assert 0 < stats.preempted
        assert 0 < stats.aborted < stats.finished

    async def one(engine: Any, number: int) -> None:
        request = TokenRequest(
            id=f"{number}",
            prompt=tuple(chances.randrange(3, 199) for _ in range(chances.randint(1, 40))),
            max_tokens=chances.randint(1, 12),
            choices=chances.choice((1, 1, 1, 3)),
            sampling=Sampling(temperature=chances.choice((0.0, 1.0)), seed=number, top_p=chances.choice((1.0, 0.9))),
            logprobs=chances.choice((None, None, 0, 3)),
        )
        leaves = chances.choice((0, 0, 0, chances.randint(1, 12)))
        ended = 0
        stream = engine.submit(request)
        async for event in stream:
            ended += event.finish is not None
            leaves -= 1
            if not leaves:
                await stream.aclose()
        assert request.choices == ended

    with_engine(model_of("llama"), use, rows=32, blocks=40, block_size=4, chunk=64, patience=Patience(waiting=3000))


def test_a_request_that_can_never_fit_is_refused(model_of: Any, with_engine: Any) -> None:
    async def use(engine: Any) -> None:
        with pytest.raises(Refused, match="80 tokens"):
            engine.submit(TokenRequest(id="a", prompt=(3,) * 71, max_tokens=10))
        assert 10 == len(await ids(engine, "b", (3,) * 70, 10))

    with_engine(model_of("llama"), use, blocks=20, block_size=4)


async def ids(engine: Any, name: str, prompt: tuple[int, ...], most: int = MOST) -> list[int]:
    request = TokenRequest(id=name, prompt=prompt, max_tokens=most, ignore_eos=most != MOST)
    return [token.id async for event in engine.submit(request) for token in event.tokens]
