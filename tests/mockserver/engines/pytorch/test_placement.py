"""Where the tensors of a step lie: on the model's device, all of them, and little is read back.

There is no GPU here. The model lies on torch's `meta` device, which knows shapes and no numbers, in its place: what a
step brings there, or forgets on the processor, is the same. What is read back is made up, and counted.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mockserver.engines.decoding.request import GREEDY, Sampling, TokenRequest
from mockserver.engines.decoding.sequence import Plan, Sequence, Work
from mockserver.engines.pytorch import engine as engines
from mockserver.engines.pytorch.engine import Options, engine_of
from mockserver.engines.pytorch.loading import ModelUnfit

WARM = Sampling(temperature=1.0, top_p=0.9, seed=1)
FREE = Sampling(temperature=1.0, seed=1)
BIASED = Sampling(temperature=0.0, logit_bias={5: 1.0}, frequency_penalty=0.5)
MOVES = {"aten::_to_copy", "aten::copy_"}


REFUSED = {"aten::cumsum", "aten::cumsum_", "aten::histc", "aten::bincount", "aten::put_", "aten::median"}
"""What torch refuses to do with floats on CUDA where the same is wanted every time, as `constant` wants it."""


class AsOnCuda(TorchDispatchMode):
    """Fails where an operation has tensors of two devices, which CUDA allows of single numbers only, or is refused."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        used = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor) and leaf.dim()]
        name = func.name().partition(".")[0]
        assert name in MOVES or len({tensor.device.type for tensor in used}) <= 1, func
        assert name not in REFUSED or not used[0].is_floating_point(), func
        return func(*args, **(kwargs or {}))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is read from the device, each time."""
    told: list[str] = []
    own = torch.Tensor.tolist

    def tolist(tensor: Any) -> Any:
        if tensor.device.type == "meta":
            told.append("read")
            made = torch.ones if tensor.dtype == torch.bool else torch.zeros  # yes, all rows are numbers
            tensor = made(tensor.shape, dtype=tensor.dtype)
        return own(tensor)

    monkeypatch.setattr(torch.Tensor, "tolist", tolist)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    monkeypatch.setattr(engines, "expected", lambda *_: ([], None))
    monkeypatch.setattr(engines, "prove", lambda *_: None)
    yield told
    torch.use_deterministic_algorithms(mode=False)


def stepper_of(model: Any, mode: str) -> Any:
    there = copy.deepcopy(model).to(torch.bfloat16).to("meta")
    return engine_of(there, Options(mode=mode, rows=4, context=200, chunk=64))._stepper


def work(first: int, start: int, count: int, *, sampling: Sampling = GREEDY, **asked: Any) -> Work:
    """A part of a step, of a sequence whose blocks begin with that one; it decodes where its prompt is done."""
    tokens = list(range(3, 3 + 150))
    asked = {"max_tokens": 20, "sampling": sampling, **asked}
    request = TokenRequest(id=f"{first}", prompt=tuple(tokens[:100]), **asked)
    decodes = start >= 100
    sequence = Sequence(request, 0, 0, 0, tokens=tokens[: start + count], blocks=list(range(first, first + 10)))
    return Work(sequence, start, count, draws=start + count >= 100, decodes=decodes)


PIECES = (work(1, 0, 64), work(11, 40, 24), work(21, 70, 30, logprobs=2), work(31, 64, 20, logprobs=1))
STEPS = {
    "greedy": ((work(1, 110, 1), work(11, 140, 1)), 1),
    "one alone": ((work(1, 120, 1),), 1),
    "by chance": ((work(1, 110, 1, sampling=WARM), work(11, 140, 1, sampling=FREE)), 4),
    "with logprobs": ((work(1, 110, 1, logprobs=3), work(11, 140, 1, sampling=BIASED)), 5),
    "everything": ((work(1, 110, 1, sampling=WARM, logprobs=3), work(11, 140, 1, sampling=FREE, min_tokens=90)), 7),
    "pieces of prompts": ((work(41, 110, 1), *PIECES), 5),
}


@pytest.mark.parametrize("mode", ["fast", "constant"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_mixes_no_devices_and_reads_little(mode: str, step: str, model_of: Any, reads: list[str]) -> None:
    works, most = STEPS[step]
    stepper = stepper_of(model_of("llama"), mode)
    with AsOnCuda():
        drawn = stepper.step(Plan(works, copies=((1, 45),)))
    assert [work.draws for work in works] == [result.token is not None for result in drawn]
    assert 0 < len(reads) <= most or mode == "constant"


def test_constant_on_cuda_wants_cublas_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with pytest.raises(ModelUnfit, match="CUBLAS_WORKSPACE_CONFIG=:4096:8"):
        engines._same_every_time(on_cuda=True)
