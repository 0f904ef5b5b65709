"""OpenAI's own client calls tools through the mock server, and stumbles where a fault says that it does."""

import json
from collections.abc import Iterator

import openai
import pytest

from conformance.probes.tools import ONE_CITY, TEXT_FIRST, TIME, TWO_CITIES, WEATHER
from mockserver.app import running

PARIS, ROME = {"city": "Paris", "unit": "celsius"}, {"city": "Rome", "unit": "celsius"}


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with running() as url, openai.OpenAI(base_url=url, api_key="any", max_retries=0) as client:
        yield client


def ask(prompt: str, fault: str = "") -> dict[str, object]:
    model = f"mock#{fault}" if fault else "mock"
    return {"model": model, "messages": [{"role": "user", "content": prompt}], "tools": [WEATHER, TIME]}


def put_together(client: openai.OpenAI, prompt: str, fault: str = "") -> list[tuple[str, str]]:
    """As the documentation of OpenAI puts calls together: by their index."""
    calls: dict[int, list[str]] = {}
    with client.chat.completions.create(**ask(prompt, fault), stream=True) as stream:
        for chunk in stream:
            for fragment in chunk.choices[0].delta.tool_calls or []:
                name, arguments = fragment.function.name or "", fragment.function.arguments or ""
                call = calls.setdefault(fragment.index, ["", ""])
                calls[fragment.index] = [call[0] + name, call[1] + arguments]
    return [(name, arguments) for name, arguments in calls.values()]


def helped(client: openai.OpenAI, prompt: str, fault: str = "") -> list[tuple[str, object]]:
    """As the helper of the client puts them together."""
    with client.chat.completions.stream(**ask(prompt, fault)) as stream:
        message = stream.get_final_completion().choices[0].message
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_calls_are_put_together_from_a_stream(client: openai.OpenAI) -> None:
    calls = [(name, json.loads(arguments)) for name, arguments in put_together(client, TWO_CITIES)]
    assert [("get_weather", PARIS), ("get_weather", ROME)] == calls


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (ONE_CITY, [("get_weather", PARIS)]),
        (TWO_CITIES, [("get_weather", PARIS), ("get_weather", ROME)]),
        (TEXT_FIRST, [("get_time", {"zone": "UTC"})]),
        ("Hello", []),
    ],
)
def test_the_helper_sees_what_the_plain_answer_has(
    client: openai.OpenAI, prompt: str, expected: list[tuple[str, object]]
) -> None:
    plain = client.chat.completions.create(**ask(prompt)).choices[0].message.tool_calls or []
    assert expected == [(call.function.name, json.loads(call.function.arguments)) for call in plain]
    assert expected == helped(client, prompt)


def test_calls_of_one_index_are_glued_together(client: openai.OpenAI) -> None:
    ((name, arguments),) = put_together(client, TWO_CITIES, "chat/tool-calls/own-index#all-index-zero")
    assert ("get_weatherget_weather", json.dumps(PARIS, separators=(",", ":"))) == (name, arguments[:33])
    with pytest.raises(json.JSONDecodeError):
        json.loads(arguments)


def test_a_name_on_every_fragment_is_put_together_by_the_helper(client: openai.OpenAI) -> None:
    ((name, _),) = helped(client, ONE_CITY, "chat/tool-fragments/name-once#name-on-every-fragment")
    assert "get_weather" * 11 == name


def test_a_call_counted_from_one_makes_the_helper_raise(client: openai.OpenAI) -> None:
    with pytest.raises(IndexError):
        helped(client, ONE_CITY, "chat/tool-calls/counted#counted-from-one")


def test_a_lost_brace_reaches_the_caller(client: openai.OpenAI) -> None:
    ((_, arguments),) = put_together(client, ONE_CITY, "chat/tool-arguments/json#last-brace-lost")
    assert '{"city":"Paris","unit":"celsius"' == arguments


def test_a_tool_choice_of_a_function_that_was_not_offered_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="get_tide"):
        client.chat.completions.create(
            **ask(ONE_CITY), tool_choice={"type": "function", "function": {"name": "get_tide"}}
        )
