"""Norms that do the same are replaced, those that do something else are left."""

import copy
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import torch

from mockserver.engines.pytorch.norms import fuse


@pytest.mark.parametrize(("kind", "expected"), [("llama", 5), ("gemma3_text", 0), ("gpt2", 0)])
def test_what_does_the_same_is_replaced(kind: str, expected: int, model_of: Any) -> None:
    members = {"gemma3_text": {"head_dim": 8}, "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4}}.get(kind, {})
    model = copy.deepcopy(model_of(kind, **members))
    ids = torch.arange(3, 30)[None]
    with torch.inference_mode():
        before = model(input_ids=ids).logits
        assert expected == fuse(model)
        torch.testing.assert_close(model(input_ids=ids).logits, before, rtol=1e-4, atol=1e-4)


def test_other_numbers_than_float32_are_left(model_of: Any) -> None:
    assert 0 == fuse(copy.deepcopy(model_of("llama")).to(torch.bfloat16))
