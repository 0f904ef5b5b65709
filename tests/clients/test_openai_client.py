"""Code as users of OpenAI's client write it, against the mock server: what they get, and what the server sees."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import openai
import pytest
from pydantic import BaseModel

from mockserver.answering import Settings
from mockserver.app import running
from mockserver.pacing import Pacing

COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."
COUNT = [{"role": "user", "content": "Count from 1 to 10"}]
ASK: dict[str, Any] = {"model": "mock", "messages": COUNT}
KEY = "secret"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK_WEATHER: dict[str, Any] = {
    "model": "mock",
    "messages": [{"role": "user", "content": "Weather in Paris and Rome?"}],
    "tools": [WEATHER],
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(Settings(keys=frozenset({KEY}))) as url:
        yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        yield client


def awaited(url: str, talk: Any) -> Any:
    """What `talk` returns, having been given an asynchronous client."""

    async def run() -> Any:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
            return await talk(client)

    return asyncio.run(run())


# ---- reading a stream


def test_a_for_loop_gets_the_full_text(client: openai.OpenAI) -> None:
    text = ""
    for chunk in client.chat.completions.create(**ASK, stream=True):
        text += chunk.choices[0].delta.content or ""
    assert COUNTED == text


def test_an_async_for_loop_gets_the_full_text(url: str) -> None:
    async def talk(client: openai.AsyncOpenAI) -> str:
        text = ""
        async for chunk in await client.chat.completions.create(**ASK, stream=True):
            text += chunk.choices[0].delta.content or ""
        return text

    assert COUNTED == awaited(url, talk)


def test_usage_comes_last_and_without_choices(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
    text, usage, after_usage = "", None, 0
    for chunk in stream:
        after_usage += usage is not None
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
        if chunk.usage:
            usage = chunk.usage
    assert (COUNTED, 0) == (text, after_usage)
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 10 == usage.completion_tokens


def test_two_streams_on_one_client_do_not_mix(url: str) -> None:
    async def talk(client: openai.AsyncOpenAI) -> list[set[str]]:
        streams = [await client.chat.completions.create(**ASK, stream=True, seed=seed) for seed in (1, 2)]
        ids: list[set[str]] = [set(), set()]
        for one, other in zip(*[[c async for c in s] for s in streams], strict=True):
            ids[0].add(one.id)
            ids[1].add(other.id)
        return ids

    one, other = awaited(url, talk)
    assert (1, 1, 2) == (len(one), len(other), len(one | other))


# ---- leaving early


def left(url: str) -> dict[str, Any]:
    """The journal's last entry, once the server knows how it ended."""
    for _ in range(200):
        with urlopen(url.removesuffix("/v1") + "/journal") as journal:
            entry = json.load(journal)["requests"][-1]
        if entry["left"] or entry["ended"]:
            return entry
        time.sleep(0.01)
    return entry


@pytest.fixture
def slow() -> Iterator[str]:
    with running(pacing=Pacing(gap=0.02)) as url:
        yield url


LONG: dict[str, Any] = {"model": "mock", "messages": [{"role": "user", "content": "Write a long list"}], "stream": True}


def test_a_break_inside_a_with_block_ends_the_stream_at_the_server(slow: str) -> None:
    client = openai.OpenAI(base_url=slow, api_key=KEY, max_retries=0)
    with client, client.chat.completions.create(**LONG) as stream:
        for number, _ in enumerate(stream):
            if number == 2:
                break
    entry = left(slow)
    assert (True, False) == (entry["left"], entry["ended"])
    assert entry["events"] < 60


def test_closing_an_asynchronous_stream_ends_it_at_the_server(slow: str) -> None:
    async def talk(client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(**LONG)
        async for _ in stream:
            break
        await stream.close()

    awaited(slow, talk)
    assert left(slow)["left"]


def test_a_cancelled_task_ends_the_stream_at_the_server(slow: str) -> None:
    async def talk(client: openai.AsyncOpenAI) -> None:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in await client.chat.completions.create(**LONG):
                started.set()

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    awaited(slow, talk)
    assert left(slow)["left"]


# ---- helpers of the client


def test_the_stream_helper_gives_the_completion_that_comes_without_stream(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**ASK, stream_options={"include_usage": True}) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        streamed = stream.get_final_completion()
    whole = client.chat.completions.create(**ASK)
    assert COUNTED == "".join(pieces)
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason, whole.usage) == (
        streamed.choices[0].message.content,
        streamed.choices[0].finish_reason,
        streamed.usage,
    )
    assert (whole.model, whole.choices[0].message.role) == (streamed.model, streamed.choices[0].message.role)


def test_fragments_of_tool_calls_add_up_to_the_calls_that_come_without_stream(client: openai.OpenAI) -> None:
    calls: dict[int, dict[str, str]] = {}
    finish = None
    for chunk in client.chat.completions.create(**ASK_WEATHER, stream=True):
        finish = chunk.choices[0].finish_reason or finish
        for fragment in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(fragment.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += fragment.id or ""
            call["name"] += fragment.function.name or ""
            call["arguments"] += fragment.function.arguments or ""
    whole = client.chat.completions.create(**ASK_WEATHER).choices[0]
    assert ("tool_calls", 2) == (finish, len(calls))
    assert [(c.function.name, c.function.arguments) for c in whole.message.tool_calls] == [
        (call["name"], call["arguments"]) for call in calls.values()
    ]
    assert ["Paris", "Rome"] == [json.loads(call["arguments"])["city"] for call in calls.values()]
    assert 2 == len({call["id"] for call in calls.values()})


def test_the_stream_helper_puts_tool_calls_together(client: openai.OpenAI) -> None:
    strict = {**WEATHER, "function": {**WEATHER["function"], "strict": True}}
    strict["function"]["parameters"] = {**WEATHER["function"]["parameters"], "additionalProperties": False}
    with client.chat.completions.stream(**{**ASK_WEATHER, "tools": [strict]}) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        message = stream.get_final_completion().choices[0].message
    assert [{"city": "Paris"}, {"city": "Rome"}] == [
        event.parsed_arguments or json.loads(event.arguments) for event in done
    ]
    assert ["get_weather", "get_weather"] == [call.function.name for call in message.tool_calls]


class Answer(BaseModel):
    """What is asked for by its schema."""

    city: str
    temperature: int


def test_the_stream_helper_reads_a_reply_into_a_model(client: openai.OpenAI) -> None:
    ask = {"model": "mock", "messages": [{"role": "user", "content": "Weather in Paris as JSON"}]}
    with client.chat.completions.stream(**ask, response_format=Answer) as stream:
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(parsed, Answer)


# ---- what users catch

REFUSALS = [
    (openai.BadRequestError, 400, {"n": 0}, {}),
    (openai.BadRequestError, 400, {"temperature": 9}, {}),
    (openai.BadRequestError, 400, {"messages": []}, {}),
    (openai.AuthenticationError, 401, {}, {"authorization": "Bearer wrong"}),
    (
        openai.PermissionDeniedError,
        403,
        {},
        {"authorization": "Bearer wrong", "x-streamspec-fault": "chat/refusals/key-missing#forbidden"},
    ),
    (openai.NotFoundError, 404, {"model": "nobody"}, {}),
    (openai.InternalServerError, 500, {"n": 0}, {"x-streamspec-fault": "chat/refusals/no-server-error#server-error"}),
    (openai.InternalServerError, 502, {"n": 0}, {"x-streamspec-fault": "chat/refusals/no-server-error#bad-gateway"}),
]


@pytest.mark.parametrize(("kind", "status", "members", "headers"), REFUSALS)
@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_is_an_api_error_of_its_status(
    client: openai.OpenAI, kind: type[openai.APIStatusError], status: int, members: Any, headers: Any, stream: bool
) -> None:
    with pytest.raises(kind) as refused:
        client.chat.completions.create(**{**ASK, **members}, stream=stream, extra_headers=headers)
    assert isinstance(refused.value, openai.APIError)
    assert status == refused.value.status_code
    assert refused.value.message


def faulty(client: openai.OpenAI, fault: str, **options: Any) -> list[Any]:
    """The chunks of a stream with a fault."""
    return list(
        client.chat.completions.create(**ASK, stream=True, extra_headers={"x-streamspec-fault": fault}, **options)
    )


def test_an_error_inside_a_stream_is_an_api_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError) as error:
        faulty(client, "chat/errors/not-first#only-message")
    assert not isinstance(error.value, openai.APIStatusError)


@pytest.mark.parametrize(
    "fault",
    [
        "chat/termination/done-sent#left-out-with-the-finish",
        "chat/termination/finish-before-done#finish-left-out",
        "http/status/streams#error-with-success",
        "http/status/stream-honoured#whole-completion",
    ],
)
def test_what_the_suite_fails_the_client_takes_for_a_good_stream(client: openai.OpenAI, fault: str) -> None:
    """No error is raised: without the suite, nobody would know."""
    chunks = faulty(client, fault)
    assert [] == [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]


@pytest.mark.parametrize(
    "fault", ["http/framing/last-chunk#closed-inside-a-chunk", "http/connection/not-reset#reset-inside-an-event"]
)
def test_a_connection_that_breaks_off_raises_something_without_a_status(client: openai.OpenAI, fault: str) -> None:
    """APIConnectionError from newer clients, an error of the HTTP library from older ones."""
    with pytest.raises(Exception) as broken:
        faulty(client, fault)
    assert not hasattr(broken.value, "status_code")


def test_nobody_at_the_port_is_an_api_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=KEY, max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ASK, stream=True)


def test_it_asks_for_json_even_when_it_wants_a_stream() -> None:
    """The rule http/sending/accept stands on this."""
    heads: list[bytes] = []

    def serve(server: socket.socket) -> None:
        peer, _ = server.accept()
        with peer:
            heads.append(peer.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        base = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        with (
            openai.OpenAI(base_url=base, api_key=KEY, max_retries=0) as client,
            pytest.raises(openai.APIConnectionError),
        ):
            client.chat.completions.create(**ASK, stream=True)
        thread.join()
    assert b"accept: application/json\r\n" in heads[0].lower()
