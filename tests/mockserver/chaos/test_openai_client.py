"""OpenAI's own client reads the same with and without chaos."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from mockserver.answering import Settings
from mockserver.app import running

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
ASKED: tuple[dict[str, Any], ...] = (
    {"content": "Write unicode", "n": 2},
    {"content": "Think first", "stream_options": {"include_usage": True}},
    {"content": "What is the weather in Paris?", "tools": [TOOL]},
    {"content": "Count from 1 to 10", "logprobs": True},
    {"content": "Say hi", "max_tokens": 1},
)


def read(url: str, content: str, **members: Any) -> dict[object, Any]:
    """What a client makes of a stream."""
    made: dict[object, Any] = {}
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        messages: Any = [{"role": "user", "content": content}]
        with client.chat.completions.create(model="mock", messages=messages, stream=True, **members) as stream:
            for chunk in stream:
                made["usage"] = chunk.usage or made.get("usage")
                for choice in chunk.choices:
                    told = {
                        "role": choice.delta.role,
                        "text": choice.delta.content,
                        "finish_reason": choice.finish_reason,
                        "tokens": [token.token for token in choice.logprobs.content or ()] if choice.logprobs else None,
                    }
                    for call in choice.delta.tool_calls or ():
                        told[f"name {call.index}"] = call.function.name if call.function else None
                        told[f"arguments {call.index}"] = call.function.arguments if call.function else None
                    for name, value in told.items():
                        if value is not None:
                            place = choice.index, name
                            made[place] = made[place] + value if place in made else value
    return made


@pytest.fixture(scope="module")
def plain() -> Iterator[list[dict[object, Any]]]:
    with running() as url:
        yield [read(url, **asked) for asked in ASKED]


@pytest.mark.parametrize("seed", range(12))
def test_it_reads_the_same(plain: list[dict[object, Any]], seed: int) -> None:
    with running(Settings(chaos=seed)) as url:
        assert plain == [read(url, **asked) for asked in ASKED]
