"""Greedy replies are those of `model.generate()`, on several architectures, alone and among others that come and go."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.events import Finish
from mockserver.engines.decoding.request import Sampling, TokenRequest
from mockserver.engines.pytorch.engine import engine_of
from mockserver.engines.pytorch.loading import ModelUnfit

ARCHITECTURES = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "mistral": {"sliding_window": None},
    "phi3": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    "olmo2": {},
}
MOST = 12
PROMPTS = 50


async def ids(engine: Any, name: str, prompt: tuple[int, ...], most: int = MOST, **kwargs: Any) -> list[int]:
    request = TokenRequest(id=name, prompt=prompt, max_tokens=most, **kwargs)
    return [token.id async for event in engine.submit(request) for token in event.tokens]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mode", ["fast", "constant"])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_greedy_replies_are_those_of_generate_alone_and_among_others(
    kind: str, mode: str, model_of: Any, prompts: Any, generated: Any, with_engine: Any
) -> None:
    model = model_of(kind, **ARCHITECTURES[kind])
    asked = prompts(PROMPTS, 40)
    wanted = [generated(model, prompt, MOST) for prompt in asked]
    assert 10 < len({tuple(reply) for reply in wanted})

    async def use(engine: Any) -> None:
        if mode == "fast":
            assert wanted == [await ids(engine, f"{number}", prompt) for number, prompt in enumerate(asked)]
        assert wanted == await among_others(engine, asked)

    with_engine(model, use, mode=mode, rows=16, chunk=24, context=128)


async def among_others(engine: Any, asked: list[tuple[int, ...]]) -> list[list[int]]:
    """The replies when others join, are drawn by chance, and are aborted at any moment."""
    chances = random.Random(5)
    others: set[asyncio.Task[list[int]]] = set()

    async def other(number: int) -> list[int]:
        prompt = tuple(chances.randrange(3, 199) for _ in range(chances.randint(1, 60)))
        warm = Sampling(temperature=2.0, seed=number)
        request = TokenRequest(id=f"other {number}", prompt=prompt, max_tokens=40, sampling=warm, ignore_eos=True)
        stream = engine.submit(request)
        left = chances.randrange(1, 60)
        ends = []
        async for event in stream:
            left -= 1
            ends += [event.finish] if event.finish else []
            if not left:
                engine.abort(request.id)
        assert ends in ([Finish.LENGTH], [Finish.ABORTED])
        return []

    gate = asyncio.Semaphore(12)

    async def one(number: int, prompt: tuple[int, ...]) -> list[int]:
        async with gate:
            others.add(asyncio.create_task(other(number)))
            return await ids(engine, f"{number}", prompt)

    replies = await asyncio.gather(*(one(number, prompt) for number, prompt in enumerate(asked)))
    await asyncio.gather(*others)
    return replies


def test_a_window_is_no_window_for_what_fits_into_it(
    model_of: Any, prompts: Any, generated: Any, with_engine: Any
) -> None:
    model = model_of("mistral", sliding_window=32)
    asked = prompts(10, 20)

    async def use(engine: Any) -> None:
        assert 32 == engine.info.context
        for number, prompt in enumerate(asked):
            assert generated(model, prompt, MOST) == await ids(engine, f"{number}", prompt)

    with_engine(model, use)


@pytest.mark.parametrize(
    ("kind", "members", "says"),
    [
        ("gemma2", {"head_dim": 8}, "softcap"),
        ("bloom", {"n_head": 4}, "something else than by its own"),
        ("mistral", {"sliding_window": 4}, "too short"),
        ("mamba", {}, "mamba"),
    ],
)
def test_a_model_that_would_be_run_wrongly_is_refused(
    kind: str, members: dict[str, Any], says: str, model_of: Callable[..., Any]
) -> None:
    import copy

    with pytest.raises(ModelUnfit, match=says):
        engine_of(copy.deepcopy(model_of(kind, **members)))
