"""OpenAI's own client, which shares no code with us, plays through scenarios."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from mockserver.app import running
from mockserver.scenarios.reading import parse


@contextmanager
def client_of(text: str, **options: Any) -> Iterator[openai.OpenAI]:
    with running(scenario=parse(text)) as url, openai.OpenAI(base_url=url, api_key="any", **options) as client:
        yield client


def asked(said: str, **members: Any) -> dict[str, Any]:
    return {"model": "mock", "messages": [{"role": "user", "content": said}], **members}


def test_it_tries_again_until_the_scenario_lets_it_through() -> None:
    text = """\
scenario:
  - replies: [{error: 429, headers: {retry-after-ms: '1'}}, {error: 503, headers: {retry-after-ms: '1'}}, Fine now]
"""
    with client_of(text, max_retries=2) as client:
        assert "Fine now" == client.chat.completions.create(**asked("Go")).choices[0].message.content


def test_an_agent_calls_the_tool_and_is_told_the_end() -> None:
    text = """\
otherwise: refuse
scenario:
  - when: {message: {regex: 'weather in (?P<city>[A-Z][a-z]+)'}, messages: 1}
    reply: {tool_calls: [{name: get_weather, arguments: {city: '{city}'}}]}
  - when: {tool_result: sunny}
    reply: Take your sunglasses.
"""
    tools: Any = [{"type": "function", "function": {"name": "get_weather"}}]
    with client_of(text) as client:
        request = asked("How is the weather in Rome?", tools=tools)
        message = client.chat.completions.create(**request).choices[0].message
        (call,) = message.tool_calls or ()
        assert '{"city": "Rome"}' == call.function.arguments
        request["messages"] += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        stream = client.chat.completions.create(**request, stream=True)
        assert "Take your sunglasses." == "".join(chunk.choices[0].delta.content or "" for chunk in stream)


def test_a_refusal_is_read_from_its_stream() -> None:
    with (
        client_of("scenario: [{reply: {refusal: I cannot.}}]") as client,
        client.chat.completions.stream(**asked("Go")) as stream,
    ):
        assert "I cannot." == stream.get_final_completion().choices[0].message.refusal


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_break_is_an_error_of_the_connection(how: str) -> None:
    text = f"scenario: [{{reply: {{text: a b c, break: {{at_event: 3, how: {how}}}}}}}]"
    with client_of(text, max_retries=0) as client:
        stream = client.chat.completions.create(**asked("Go", stream=True))
        with pytest.raises(openai.APIConnectionError):
            list(stream)
