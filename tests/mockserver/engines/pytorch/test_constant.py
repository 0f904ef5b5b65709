"""In `constant` a reply is the same to the bit, whatever else is decoded; seeds say the same again in both modes."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

from mockserver.engines.decoding.events import Token
from mockserver.engines.decoding.request import Sampling, TokenRequest

MOST = 24
WARM = Sampling(temperature=1.0, seed=7, top_p=0.95)


async def told(engine: Any, name: str, prompt: tuple[int, ...], **kwargs: Any) -> list[list[Token]]:
    """The tokens of each choice, with their logprobs."""
    asked = {"max_tokens": MOST, "sampling": WARM, "logprobs": 3, "ignore_eos": True} | kwargs
    request = TokenRequest(id=name, prompt=prompt, **asked)
    tokens: list[list[Token]] = [[] for _ in range(request.choices)]
    async for event in engine.submit(request):
        tokens[event.choice] += event.tokens
    return tokens


@pytest.mark.timeout(600)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_logprobs_are_the_same_to_the_bit_alone_in_a_crowd_and_after_giving_way(
    precision: str, model_of: Any, prompts: Any, with_engine: Any
) -> None:
    import copy

    import torch

    model = copy.deepcopy(model_of("llama")).to(getattr(torch, precision))
    asked = prompts(24, 120)
    alone: list[list[list[Token]]] = []

    async def by_themselves(engine: Any) -> None:
        for number, prompt in enumerate(asked):
            alone.append(await told(engine, f"{number}", prompt, choices=1 + number % 2))

    async def together(engine: Any) -> None:
        crowd = (told(engine, f"{n}", prompt, choices=1 + n % 2) for n, prompt in enumerate(asked))
        assert alone == await asyncio.gather(*crowd)

    async def pressed(engine: Any) -> None:
        await together(engine)
        assert 0 < engine.stats().preempted

    options = {"mode": "constant", "rows": 16, "chunk": 32, "context": 256, "block_size": 4}
    with_engine(model, by_themselves, **options)
    with_engine(model, together, **options)
    with_engine(model, pressed, **options, blocks=100)


def test_a_seed_says_the_same_again_and_another_something_else(model_of: Any, prompts: Any, with_engine: Any) -> None:
    asked = prompts(8, 30)

    async def use(engine: Any) -> None:
        alone = [ids(await told(engine, f"{number}", prompt, choices=2)) for number, prompt in enumerate(asked)]
        crowd = (told(engine, f"{number}", prompt, choices=2) for number, prompt in enumerate(asked))
        assert alone == [ids(tokens) for tokens in await asyncio.gather(*crowd)]
        assert all(first != second for first, second in alone)
        other = Sampling(temperature=1.0, seed=8, top_p=0.95)
        assert alone[0] != ids(await told(engine, "a", asked[0], choices=2, sampling=other))
        nobody = Sampling(temperature=1.0)
        assert ids(await told(engine, "b", asked[0], sampling=nobody)) != ids(
            await told(engine, "c", asked[0], sampling=nobody)
        )

    with_engine(model_of("llama"), use)


def ids(choices: list[list[Token]]) -> list[list[int]]:
    return [[token.id for token in choice] for choice in choices]
