"""A guided choice: vLLM keeps to its grammar, and near its limit each token is one that the guide lets come."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mockserver.engines.decoding.events import Finish, StepEvent
from mockserver.engines.decoding.interface import EngineInfo
from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.vllm.choice import Choice

END, LETTER, CLOSE = 1, 10, 20
INFO = EngineInfo(
    model="m",
    vocabulary=32,
    context=64,
    stop_tokens=frozenset({END}),
    device="vllm",
    precision="bfloat16",
    mode="fast",
    stops_within_a_step=False,
)


class Held:
    """Lets come: letters; from the token `at` on so many closing ones, and then the end, or nothing."""

    grammar = "start: /a+/"

    def __init__(self, at: int, closing: int, last: list[int]) -> None:
        self.accepted: list[int] = []
        self._at, self._closing, self._last = at, closing, last

    def __call__(self, choice: int) -> "Held":
        return self

    def narrows(self, step: int) -> bool:
        return step >= self._at

    def mask(self, step: int) -> Any:
        mask = np.zeros(INFO.vocabulary, dtype=bool)
        mask[[CLOSE] if self.accepted.count(CLOSE) < self._closing else self._last] = True
        return mask

    def accept(self, token: int) -> None:
        self.accepted.append(token)


class Writing:
    """A vLLM that likes letters and never ends, in deltas of so many tokens; of what it may say it says the first."""

    def __init__(self, each: int) -> None:
        self.asked: list[tuple[list[int], Any]] = []
        self.left = 0
        self._each = each

    async def generate(self, prompt: Any, parameters: Any, request_id: str) -> AsyncIterator[Any]:
        self.asked.append((prompt["prompt_token_ids"], parameters))
        said = 0
        try:
            while said < parameters.max_tokens:
                await asyncio.sleep(0)
                token = getattr(parameters, "allowed_token_ids", [LETTER])[0]
                tokens = [token] * min(self._each, parameters.max_tokens - said)
                said += len(tokens)
                finish = "stop" if token == END else "length" if said == parameters.max_tokens else None
                part = SimpleNamespace(token_ids=tokens, finish_reason=finish, logprobs=None)
                yield SimpleNamespace(outputs=[part], prompt_logprobs=None)
        except GeneratorExit:
            self.left += 1
            raise


def decoded(vllm: Writing, guide: Held | None, most: int = 12) -> list[StepEvent]:
    request = TokenRequest(id="a", prompt=(3, 4), max_tokens=most, guide=guide)
    choice = Choice(engine=vllm, parameters=SimpleNamespace, info=INFO, request=request, number=0)

    async def all_of_it() -> list[StepEvent]:
        return [event async for event in choice.events()]

    return asyncio.run(asyncio.wait_for(all_of_it(), 60))


def said(events: list[StepEvent]) -> list[int]:
    return [token.id for event in events for token in event.tokens]


@pytest.mark.parametrize("each", [1, 3, 5, 100])
@pytest.mark.parametrize(
    ("last", "after", "stopped_by"), [([END], [END], END), ([], [], None)], ids=["an end", "nothing more"]
)
def test_a_reply_closes_in_time_however_many_tokens_come_at_once(
    last: list[int], after: list[int], stopped_by: int | None, each: int
) -> None:
    vllm, guide = Writing(each), Held(7, 2, last)
    events = decoded(vllm, guide)
    assert [LETTER] * 7 + [CLOSE] * 2 + after == said(events)
    assert guide.accepted == said(events)
    assert [(Finish.STOP, stopped_by)] == [(event.finish, event.stopped_by) for event in events if event.finish]
    assert events[-1].finish is Finish.STOP
    first, *others = vllm.asked
    assert "start: /a+/" == first[1].grammar
    assert [[3, 4, *said(events)[:made]] for made in range(7, 7 + len(others))] == [prompt for prompt, _ in others]


def test_what_cannot_be_closed_in_time_ends_at_its_limit() -> None:
    events = decoded(Writing(1), Held(7, 9, [END]))
    assert [LETTER] * 7 + [CLOSE] * 5 == said(events)
    assert [None] * 11 + [Finish.LENGTH] == [event.finish for event in events]


@pytest.mark.parametrize("guide", [None, Held(99, 0, [])])
def test_where_nothing_has_to_close_there_is_one_request(guide: Held | None) -> None:
    vllm = Writing(5)
    events = decoded(vllm, guide)
    assert ([LETTER] * 12, 1, 0) == (said(events), len(vllm.asked), vllm.left)
    assert [None, None, Finish.LENGTH] == [event.finish for event in events]


def test_what_vllm_made_beyond_the_place_is_left_to_nobody() -> None:
    vllm = Writing(3)
    decoded(vllm, Held(7, 1, []))
    assert 1 == vllm.left


@pytest.mark.parametrize("each", [1, 4])
def test_a_reply_that_is_complete_ends_though_vllm_would_go_on(each: int) -> None:
    vllm, guide = Writing(each), Held(7, 0, [])
    events = decoded(vllm, guide)
    assert ([LETTER] * 7, Finish.STOP, None) == (said(events), events[-1].finish, events[-1].stopped_by)
    assert (1, 1) == (len(vllm.asked), vllm.left)
