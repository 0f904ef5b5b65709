"""Small models with random weights, of several architectures, and what transformers makes of them."""

import random
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import pytest

WORDS, END = 199, 2
COMMON = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": END,
    "initializer_range": 0.3,  # logits far apart: rounding does not decide which is the largest
}


@lru_cache(maxsize=8)
def _made(kind: str, members: tuple[tuple[str, Any], ...]) -> Any:
    torch = pytest.importorskip("torch", reason="the extra `engine` is not installed")
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(3)
    torch.set_num_threads(1)
    config = AutoConfig.for_model(kind, **(COMMON | dict(members)))
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture
def model_of() -> Callable[..., Any]:
    """A model with random weights, always the same."""
    return lambda kind, **members: _made(kind, tuple(members.items()))


@pytest.fixture
def prompts() -> Callable[[int, int], list[tuple[int, ...]]]:
    """So many prompts of up to so many tokens."""

    def made(count: int, most: int) -> list[tuple[int, ...]]:
        chances = random.Random(11)
        return [tuple(chances.randrange(3, WORDS) for _ in range(chances.randint(1, most))) for _ in range(count)]

    return made


@pytest.fixture
def generated() -> Callable[[Any, tuple[int, ...], int], list[int]]:
    """What `model.generate()` goes on with, greedily."""

    def made(model: Any, prompt: tuple[int, ...], most: int) -> list[int]:
        import torch
        from transformers import GenerationConfig

        config = GenerationConfig(max_new_tokens=most, do_sample=False, pad_token_id=0, eos_token_id=END)
        with torch.inference_mode():
            told = model.generate(torch.tensor([prompt]), generation_config=config)
        return told[0, len(prompt) :].tolist()

    return made


Use = Callable[[Any], Awaitable[None]]


@pytest.fixture
def with_engine() -> Callable[..., None]:
    """Runs something with an engine that has a copy of a model."""

    def used(model: Any, use: Use, **options: Any) -> None:
        import asyncio
        import copy

        from mockserver.engines.pytorch.engine import Options, engine_of

        async def all_of_it() -> None:
            engine = engine_of(copy.deepcopy(model), Options(**options))
            await engine.start()
            try:
                await use(engine)
                assert "" == engine.stats().dead
                assert (0, 0, 0) == (engine.stats().blocks_used, engine.stats().running, engine.stats().waiting)
            finally:
                await engine.stop()

        asyncio.run(all_of_it())

    return used
