"""From logits to tokens: what may come, how often, and which logprobs are told."""

import math
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `engine` is not installed")

import numpy as np
import torch

from mockserver.engines.decoding.request import Sampling, TokenRequest
from mockserver.engines.decoding.sequence import Sequence
from mockserver.engines.pytorch.sampling import draw

NONE: frozenset[int] = frozenset()
ROW = [2.0, 1.0, 0.0, -1.0, 3.0]


def sequence(*reply: int, guide: Any = None, seed: int = 1, **kwargs: Any) -> Sequence:
    members = {name: kwargs.pop(name) for name in ("logprobs", "min_tokens", "stop_tokens") if name in kwargs}
    request = TokenRequest(id="a", prompt=(1,), max_tokens=9, sampling=Sampling(**kwargs), **members)
    return Sequence(request, 0, 0, seed, guide, tokens=[1, *reply])


def drawn(count: int, **kwargs: Any) -> list[int]:
    told = draw(torch.tensor([ROW] * count), [sequence(seed=number, **kwargs) for number in range(count)], NONE)
    return [result.token.id for result in told]


def test_each_token_comes_as_often_as_it_is_likely() -> None:
    chances = torch.tensor(ROW).softmax(-1).tolist()
    tokens = drawn(4000)
    for token, chance in enumerate(chances):
        assert abs(tokens.count(token) / 4000 - chance) < 4 * math.sqrt(chance * (1 - chance) / 4000)


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"temperature": 0.0}, {4}),
        ({"temperature": 1e-9}, {4}),
        ({"top_k": 1}, {4}),
        ({"top_k": 2}, {0, 4}),
        ({"top_p": 0.0}, {4}),
        ({"top_p": 0.64}, {0, 4}),  # the likeliest has 0.636
        ({"top_p": 0.63}, {4}),
        ({"top_k": 3, "top_p": 0.64}, {0, 4}),
        ({"logit_bias": {4: -100.0}, "top_k": 2}, {0, 1}),
        ({"logit_bias": {3: 100.0}}, {3}),
        ({"temperature": 100.0}, {0, 1, 2, 3, 4}),
    ],
)
def test_only_what_may_come_comes(kwargs: dict[str, Any], expected: set[int]) -> None:
    assert expected == set(drawn(300, **({"temperature": 1.0} | kwargs)))


def test_penalties_count_the_reply_and_not_the_prompt() -> None:
    def likeliest(*reply: int, **kwargs: Any) -> int:
        (result,) = draw(torch.tensor([ROW]), [sequence(*reply, temperature=0.0, **kwargs)], NONE)
        assert result.token is not None
        return result.token.id

    assert 4 == likeliest(4, presence_penalty=0.9)
    assert 0 == likeliest(4, presence_penalty=1.1)
    assert 4 == likeliest(4, frequency_penalty=0.6)
    assert 0 == likeliest(4, 4, frequency_penalty=0.6)
    assert 0 == likeliest(4, 4, frequency_penalty=0.3, presence_penalty=0.5)
    assert 1 == likeliest(presence_penalty=2.0, logit_bias={4: -5, 0: -5})


def test_no_stop_token_comes_before_it_may() -> None:
    both = {"temperature": 0.0, "min_tokens": 2, "stop_tokens": frozenset({0})}
    rows = torch.tensor([ROW] * 3)
    told = draw(rows, [sequence(**both), sequence(1, **both), sequence(1, 1, **both)], frozenset({4}))
    assert [1, 1, 4] == [result.token.id for result in told if result.token]


def test_logprobs_are_the_models_own_whatever_was_done_to_the_logits() -> None:
    own = torch.tensor(ROW).log_softmax(-1).tolist()
    plain, shifted, none = draw(
        torch.tensor([ROW] * 3),
        [
            sequence(temperature=0.0, logprobs=2),
            sequence(temperature=0.5, top_k=1, logit_bias={3: 50.0}, logprobs=0),
            sequence(temperature=0.0),
        ],
        NONE,
    )
    assert plain.token is not None
    assert shifted.token is not None
    assert none.token is not None
    assert (4, own[4], ((4, own[4]), (0, own[0]))) == (plain.token.id, plain.token.logprob, plain.token.top)
    assert (3, own[3], ()) == (shifted.token.id, shifted.token.logprob, shifted.token.top)
    assert None is none.token.logprob


class Allows:
    def __init__(self, mask: Any) -> None:
        self._mask = mask

    def mask(self, step: int) -> Any:
        if isinstance(self._mask, Exception):
            raise self._mask
        return self._mask

    def accept(self, token: int) -> None:
        pass


def test_a_guide_rules_its_own_row_and_no_other() -> None:
    guides = [
        None,
        Allows(np.array([False, True, True, False, False])),
        Allows(np.array([0b00110], dtype=np.int32)),
        Allows(np.array([True, True])),
        Allows(np.zeros(5, dtype=bool)),
        Allows(ValueError("lost")),
        Allows(None),
    ]
    rows = [sequence(guide=guide, temperature=0.0, logprobs=0) for guide in guides]
    told = draw(torch.tensor([ROW] * len(rows)), rows, NONE)
    assert [4, 1, 1, 0, None, None, 4] == [result.token and result.token.id for result in told]
    assert ["", "the guide failed: ValueError('lost')"] == [told[4].message, told[5].message]


def test_a_text_that_is_complete_ends_though_more_tokens_were_wanted() -> None:
    guide = Allows(np.array([False, True, False, False, False]))
    early, late, free = draw(
        torch.tensor([ROW] * 3),
        [
            sequence(guide=guide, temperature=0.0, min_tokens=3, stop_tokens=frozenset({1})),
            sequence(5, 6, 7, guide=guide, temperature=0.0, min_tokens=3, stop_tokens=frozenset({1})),
            sequence(guide=Allows(np.array([True, True])), temperature=0.0, min_tokens=3, stop_tokens=frozenset({1})),
        ],
        NONE,
    )
    assert [None, 1, 0] == [result.token and result.token.id for result in (early, late, free)]
    assert "" == early.message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kwargs", [{"temperature": 0.0}, {"top_p": 0.9}, {}, {"temperature": 0.0, "logprobs": 2}])
def test_logits_that_are_no_numbers_fail_their_own_row_and_no_other(value: float, kwargs: dict[str, Any]) -> None:
    bad = [value] * 5 if value < 0 else [value, *ROW[1:]]
    wrong, right = draw(torch.tensor([bad, ROW]), [sequence(**kwargs), sequence(**kwargs)], NONE)
    assert (None, True) == (wrong.token, "not a number" in wrong.message)
    assert right.token is not None
    assert "" == right.message


def test_by_chance_too_only_what_a_guide_allows_comes() -> None:
    allowed = np.array([False, True, True, False, False])
    rows = [sequence(guide=Allows(allowed), seed=seed, top_p=0.99) for seed in range(200)]
    told = draw(torch.tensor([ROW] * 200), rows, NONE)
    assert {1, 2} == {result.token.id for result in told if result.token}
