"""Requests in vLLM's words, and vLLM's outputs as events."""

from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.engines.decoding.events import Finish, Token
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.request import Sampling, TokenRequest
from mockserver.engines.vllm.wording import asked, asked_next, told

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
GUIDE: Any = SimpleNamespace(grammar="start: /a/")


def ask(**kwargs: Any) -> TokenRequest:
    return TokenRequest(**({"id": "a", "prompt": (3, 4), "max_tokens": 9} | kwargs))


def output(tokens: list[int], finish: str | None = None, **kwargs: Any) -> Any:
    part = SimpleNamespace(token_ids=tokens, finish_reason=finish, logprobs=kwargs.pop("logprobs", None))
    return SimpleNamespace(outputs=[part], prompt_logprobs=kwargs.pop("prompt_logprobs", None))


def logprobs(**known: float) -> dict[int, Any]:
    return {int(token[1:]): SimpleNamespace(logprob=logprob) for token, logprob in known.items()}


def test_a_request_is_put_in_vllms_words() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=7, logit_bias={5: 1.0}, frequency_penalty=0.1)
    words = asked(ask(sampling=sampling, min_tokens=2, logprobs=3, stop_tokens=frozenset({9})), 0, INFO)
    assert {
        "max_tokens": 9,
        "min_tokens": 2,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.0,
        "logit_bias": {5: 1.0},
        "seed": None,
        "stop_token_ids": [1, 9],
        "ignore_eos": False,
        "logprobs": 3,
        "prompt_logprobs": None,
        "detokenize": False,
    } == words


@pytest.mark.parametrize(
    ("seed", "choice", "given"), [(7, 0, 7), (7, 2, 9), (-1, 0, (1 << 63) - 1), (1 << 80, 1, 1), (None, 3, None)]
)
def test_seeds_differ_between_choices_and_are_numbers_that_vllm_takes(
    seed: int | None, choice: int, given: int | None
) -> None:
    assert given == asked(ask(sampling=Sampling(seed=seed)), choice, INFO)["seed"]


@pytest.mark.parametrize(
    ("wanted", "stops", "ignores"),
    [
        ({}, [1], False),
        ({"ignore_eos": True}, [], True),
        ({"ignore_eos": True, "guide": GUIDE}, [1], False),
        ({"stop_tokens": frozenset({5})}, [1, 5], False),
    ],
)
def test_stop_tokens_are_told_and_a_grammar_has_an_end(wanted: dict[str, Any], stops: list[int], ignores: bool) -> None:
    words = asked(ask(**wanted), 0, INFO)
    assert (stops, ignores) == (words["stop_token_ids"], words["ignore_eos"])


def test_a_top_p_of_nothing_is_the_likeliest_token_alone() -> None:
    assert 0 < asked(ask(sampling=Sampling(top_p=0.0)), 0, INFO)["top_p"] < 1e-6


@pytest.mark.parametrize(
    ("finish", "end", "stopped_by"),
    [(None, None, None), ("stop", Finish.STOP, 12), ("length", Finish.LENGTH, None), ("abort", Finish.ABORTED, None)],
)
def test_a_delta_may_hold_several_tokens_and_an_end(
    finish: str | None, end: Finish | None, stopped_by: int | None
) -> None:
    event = told(output([11, 12], finish), ask(), 3, 5)
    assert (3, 5, (Token(11), Token(12)), end, stopped_by, "") == (
        event.choice,
        event.step,
        event.tokens,
        event.finish,
        event.stopped_by,
        event.message,
    )


def test_an_end_of_another_kind_is_an_error_that_names_it() -> None:
    event = told(output([11], "repetition"), ask(), 0, 1)
    assert (Finish.ERROR, "vLLM ended it by 'repetition'") == (event.finish, event.message)


def test_logprobs_are_ranked_and_cut_to_what_was_asked_for() -> None:
    known = logprobs(t7=-3.0, t8=-0.1, t9=-0.5)
    event = told(output([7], logprobs=[known]), ask(logprobs=2), 0, 1)
    assert (Token(7, -3.0, ((8, -0.1), (9, -0.5))),) == event.tokens
    assert (Token(7, -3.0),) == told(output([7], logprobs=[known]), ask(logprobs=0), 0, 1).tokens


def test_what_a_grammar_rules_out_has_no_logprob_that_json_could_say() -> None:
    known = logprobs(t7=float("-inf"), t8=-0.1, t9=float("-inf"))
    event = told(output([7], logprobs=[known]), ask(logprobs=3), 0, 1)
    assert (Token(7, -9999.0, ((8, -0.1),)),) == event.tokens


def test_a_prompts_logprobs_begin_with_none() -> None:
    known = [None, logprobs(t4=-0.2)]
    event = told(
        output([7], logprobs=[logprobs(t7=-1.0)], prompt_logprobs=known), ask(logprobs=1, prompt_logprobs=True), 0, 1
    )
    assert (Token(3), Token(4, -0.2, ((4, -0.2),))) == event.prompt


def test_one_more_token_is_asked_for_out_of_those_that_may_come() -> None:
    request = ask(sampling=Sampling(temperature=0.5, seed=7), min_tokens=5, logprobs=1, prompt_logprobs=True)
    words = asked(request, 2, INFO)
    one = {"max_tokens": 1, "min_tokens": 0, "prompt_logprobs": None, "allowed_token_ids": [4, 5]}
    made = [asked_next(request, 2, INFO, number, [4, 5]) for number in (3, 4)]
    assert words | one | {"seed": made[0]["seed"]} == made[0]
    assert 3 == len({words["seed"], made[0]["seed"], made[1]["seed"]})
