"""Steps that are played from a recording: the same bits as the model's own, and none where it looks into tensors."""

import copy
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import torch

from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.pytorch import tracing

MOST = 40


async def logprobs(engine: Any, prompts: list[tuple[int, ...]]) -> list[list[tuple[int, float | None]]]:
    """What is said to each prompt, by as many choices as there are prompts: who joins later changes bits."""
    said = []
    for number, prompt in enumerate(prompts):
        replies: list[list[tuple[int, float | None]]] = [[] for _ in prompts]
        request = TokenRequest(
            id=f"{number}", prompt=prompt, max_tokens=MOST, ignore_eos=True, logprobs=0, choices=len(prompts)
        )
        async for event in engine.submit(request):
            replies[event.choice] += [(token.id, token.logprob) for token in event.tokens]
        said += replies
    return said


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_played_steps_say_the_same_to_the_bit(
    kind: str, model_of: Any, prompts: Any, with_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(kind, **({"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256} if kind == "gpt2" else {}))
    asked = prompts(5, 30)
    replies = []

    async def own(engine: Any) -> None:
        replies.append(await logprobs(engine, asked))
        assert {} == engine._stepper.traces._recorded

    async def played(engine: Any) -> None:
        assert replies[0] == await logprobs(engine, asked)
        assert engine._stepper.traces.works
        assert engine._stepper.traces._recorded

    monkeypatch.setattr(tracing, "OFTEN", 10_000)
    with_engine(model, own)
    monkeypatch.setattr(tracing, "OFTEN", 3)
    with_engine(model, played)


def test_a_model_whose_code_looks_into_tensors_is_not_played(
    model_of: Any, prompts: Any, with_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = copy.deepcopy(model_of("llama"))
    own = type(model.lm_head).forward

    class Looks(torch.nn.Linear):
        def forward(self, states: Any) -> Any:
            if states.isnan().any():
                raise ValueError("the states are no numbers")
            return own(self, states)

    model.lm_head.__class__ = Looks
    monkeypatch.setattr(tracing, "OFTEN", 3)
    asked = prompts(1, 30)

    async def use(engine: Any) -> None:
        await logprobs(engine, asked)
        assert not engine._stepper.traces.works

    with_engine(model, use)


def test_a_play_that_says_something_else_is_the_last(
    model_of: Any, prompts: Any, with_engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = prompts(2, 30)
    replies = []

    async def own(engine: Any) -> None:
        replies.append(await logprobs(engine, asked))

    async def spoiled(engine: Any) -> None:
        assert replies[0] == await logprobs(engine, asked)
        assert not engine._stepper.traces.works

    monkeypatch.setattr(tracing, "OFTEN", 10_000)
    with_engine(model_of("llama"), own)
    monkeypatch.setattr(tracing, "OFTEN", 3)
    monkeypatch.setattr(tracing.Traces, "_recording", lambda traces, shape, row: lambda *inputs: torch.zeros(2, 199))
    with_engine(model_of("llama"), spoiled)
