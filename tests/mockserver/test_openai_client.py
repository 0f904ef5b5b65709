"""OpenAI's own client, which shares no code with us, reads the mock server."""

import asyncio
from collections.abc import Iterator

import openai
import pytest

from mockserver.answering import Settings
from mockserver.app import running

COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."
COUNT = [{"role": "user", "content": "Count from 1 to 10"}]
ASK = {"model": "mock", "messages": COUNT}


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with (
        running(Settings(keys=frozenset({"secret"}))) as url,
        openai.OpenAI(base_url=url, api_key="secret", max_retries=0) as client,
    ):
        yield client


def read(client: openai.OpenAI, **members: object) -> list[object]:
    with client.chat.completions.create(**ASK, stream=True, **members) as stream:
        return list(stream)


def said(chunks: list[object], index: int = 0) -> str:
    return "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices if c.index == index)


def reasons(chunks: list[object]) -> list[str]:
    return [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]


def test_it_reads_a_stream(client: openai.OpenAI) -> None:
    chunks = read(client)
    assert (COUNTED, ["stop"]) == (said(chunks), reasons(chunks))


def test_it_reads_a_document(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(**ASK)
    assert COUNTED == completion.choices[0].message.content
    assert 10 == completion.usage.completion_tokens


def test_it_reads_usage(client: openai.OpenAI) -> None:
    chunks = read(client, stream_options={"include_usage": True})
    assert 10 == chunks[-1].usage.completion_tokens
    assert {None} == {chunk.usage for chunk in chunks[:-1]}


def test_it_reads_two_choices(client: openai.OpenAI) -> None:
    chunks = read(client, n=2)
    assert (COUNTED, f"{COUNTED} (1)") == (said(chunks, 0), said(chunks, 1))
    assert ["stop", "stop"] == reasons(chunks)


def test_stop_and_max_tokens_end_the_text(client: openai.OpenAI) -> None:
    stopped, cut = read(client, stop=["5"]), read(client, max_tokens=2)
    assert ("1, 2, 3, 4, ", ["stop"]) == (said(stopped), reasons(stopped))
    assert ("1, 2,", ["length"]) == (said(cut), reasons(cut))


def test_its_stream_helper_puts_the_completion_together(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(**ASK, n=2) as stream:
        completion = stream.get_final_completion()
    assert [COUNTED, f"{COUNTED} (1)"] == [choice.message.content for choice in completion.choices]


def test_it_understands_refusals(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(**ASK, n=0)
    assert ("n", "below_min_value") == (wrong.value.param, wrong.value.code)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="nobody", messages=COUNT)
    assert "model_not_found" == unknown.value.code
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").chat.completions.create(**ASK)


def test_it_lists_models(client: openai.OpenAI) -> None:
    assert ["mock"] == [model.id for model in client.models.list()]
    assert "mock" == client.models.retrieve("mock").id


def test_it_stumbles_over_a_fault(client: openai.OpenAI) -> None:
    with pytest.raises(Exception, match="Expecting"):
        read(client, extra_headers={"x-streamspec-fault": "chat/json/parses"})
    assert COUNTED == said(read(client))


def test_its_asynchronous_half_reads_streams_side_by_side() -> None:
    async def talk(url: str) -> list[str]:
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:

            async def one() -> str:
                stream = await client.chat.completions.create(**ASK, stream=True)
                return said([chunk async for chunk in stream])

            return list(await asyncio.gather(*(one() for _ in range(10))))

    with running() as url:
        assert [COUNTED] * 10 == asyncio.run(talk(url))
