"""The mock as a test uses it, told and asked from outside; the clients are OpenAI's own."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator

import openai
import pytest

from conformance.mistakes import ConfigurationError
from mockserver import Mock, MockServer, mocked

HI = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}]}
STORY = {"model": "mock", "messages": [{"role": "user", "content": "Write a story of ten thousand words"}]}
TWO = {"scenario": [{"when": {"message": "Say hi"}, "replies": [{"error": 429}, "Fine now."]}]}


@pytest.fixture
def client(streamspec_mock: Mock) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=streamspec_mock.base_url, api_key=streamspec_mock.api_key, max_retries=0) as client:
        yield client


def said(client: openai.OpenAI) -> str | None:
    return client.chat.completions.create(**HI).choices[0].message.content


def test_a_client_is_pointed_at_it(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    assert "Hi there!" == said(client)
    (entry,) = streamspec_mock.asked(1, path="/chat/completions", message="hi", model="mock")
    assert (200, True) == (entry.status, entry.ended)


def ends(client: openai.OpenAI) -> list[str]:
    with client.chat.completions.create(**HI, stream=True) as stream:
        return [choice.finish_reason for chunk in stream for choice in chunk.choices if choice.finish_reason]


def test_a_fault_is_there_while_its_context_is_open(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    with streamspec_mock.fault("chat/termination/finish-before-done#finish-left-out"):
        assert [] == ends(client)
    assert ["stop"] == ends(client)


def test_a_fault_that_is_set_by_a_call_stays(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    streamspec_mock.fault("chat/termination/finish-before-done#finish-left-out")
    assert [[], []] == [ends(client), ends(client)]
    streamspec_mock.reset()
    assert () == streamspec_mock.journal
    assert ["stop"] == ends(client)


def test_a_fault_that_does_not_exist_is_told_with_those_that_do(streamspec_mock: Mock) -> None:
    with pytest.raises(LookupError, match="did you mean chat/termination/done-sent"):
        streamspec_mock.fault("done-sent")


@pytest.mark.parametrize("told", [TWO, json.dumps(TWO, indent=1)], ids=["as a value", "as text"])
def test_a_scenario_replies_while_its_context_is_open(
    streamspec_mock: Mock, client: openai.OpenAI, told: object
) -> None:
    with streamspec_mock.scenario(told):
        with pytest.raises(openai.RateLimitError):
            said(client)
        assert "Fine now." == said(client)
    assert "Hi there!" == said(client)


def test_a_scenario_with_a_mistake_is_told_with_the_line_to_write(streamspec_mock: Mock) -> None:
    with pytest.raises(ConfigurationError, match=r"unknown key 'replie'.*write:  replies"):
        streamspec_mock.scenario({"scenario": [{"replie": "Hello"}]})


@pytest.mark.streamspec_mock(scenario=TWO, keys=frozenset({"secret"}))
def test_a_marker_says_what_it_is_like(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        said(client)
    assert "secret" == streamspec_mock.api_key
    streamspec_mock.reset()
    with pytest.raises(openai.RateLimitError):  # the sequence begins anew
        said(client)


def test_what_was_not_asked_fails_with_what_was(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    said(client)
    with pytest.raises(AssertionError) as failed:
        streamspec_mock.asked(message="Say bye", stream=True)
    wanted, got = str(failed.value).splitlines()
    assert 'wanted a request with {"message": "Say bye", "stream": true}, got 0 of these:' == wanted
    assert got.startswith('  POST /v1/chat/completions -> 200: {"model": "mock", "messages":')
    with pytest.raises(AssertionError, match=r"wanted 2 requests with \{\}, got 1"):
        streamspec_mock.asked(2)


def test_who_left_is_told(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    with client.chat.completions.create(**STORY, stream=True) as stream:
        next(iter(stream))
    (entry,) = streamspec_mock.left()
    assert (True, False) == (entry.left, entry.ended)
    with pytest.raises(AssertionError, match="wanted 0 clients that left, got 1"):
        streamspec_mock.left(0)


def test_nobody_left_is_told_once_all_is_sent(streamspec_mock: Mock, client: openai.OpenAI) -> None:
    said(client)
    assert () == streamspec_mock.left(0)
    with pytest.raises(AssertionError, match=r"wanted 1 clients that left, got 0 within 0\.01 s"):
        streamspec_mock.left(within=0.01)


def test_an_asynchronous_test_asks_it_too(streamspec_mock: Mock) -> None:
    async def test() -> None:
        async with openai.AsyncOpenAI(base_url=streamspec_mock.base_url, api_key="any", max_retries=0) as client:
            async with await client.chat.completions.create(**STORY, stream=True) as stream:
                await anext(stream)
            assert 1 == len(await asyncio.to_thread(streamspec_mock.left))

    asyncio.run(test())


def test_a_server_in_the_loop_of_the_test_is_told_directly() -> None:
    async def test() -> str | None:
        async with MockServer() as server, openai.AsyncOpenAI(base_url=server.url, api_key="any") as client:
            server.use_scenario(None)
            server.use_fault(None)
            return (await client.chat.completions.create(**HI)).choices[0].message.content

    assert "Hi there!" == asyncio.run(test())


def test_it_starts_within_fifty_milliseconds() -> None:
    def started_in() -> float:
        started = time.perf_counter()
        with mocked():
            return time.perf_counter() - started

    assert any(started_in() < 0.05 for _ in range(30))  # what a busy machine adds, it does not add each time


def test_one_that_cannot_start_says_why() -> None:
    with (
        mocked() as first,
        pytest.raises(OSError, match="is in use"),
        mocked(port=int(first.base_url.split(":")[2][:-3])),
    ):
        pass


FOREIGN = """
import urllib.request, json, pytest

@pytest.mark.streamspec_mock(seed=7)
def test_mine(streamspec_mock):
    body = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}]}
    request = urllib.request.Request(streamspec_mock.base_url + "/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request) as answer:
        assert "fp_0000000007" == json.load(answer)["system_fingerprint"]
    streamspec_mock.asked(times=1)
"""


def test_a_project_that_only_installs_it_has_the_fixture(tmp_path, monkeypatch) -> None:
    (tmp_path / "test_mine.py").write_text(FOREIGN)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout
