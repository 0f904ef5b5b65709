"""The reference server over sockets, in front of an engine whose replies are written down: how it answers and ends."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from mockserver.answering import Settings
from mockserver.engines.decoding.request import TokenRequest
from mockserver.engines.decoding.scheduler import Limits
from mockserver.engines.decoding.scripted import ScriptedStepper, scripted
from mockserver.engines.decoding.sequence import Plan
from mockserver.engines.decoding.stepping import Patience, SteppingEngine
from mockserver.reference import server as serving
from mockserver.reference.asking import Model
from mockserver.reference.guiding import Guiding
from mockserver.reference.server import ReferenceServer
from mockserver.reference.template import Template
from mockserver.reference.words import Words

Use = Callable[[aiohttp.ClientSession, ReferenceServer], Awaitable[None]]
HELLO: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}

ENDLESS = {**HELLO, "stream": True, "ignore_eos": True, "max_tokens": 3000}
IMPOSSIBLE = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"not": {}}}}
SPEAKING = b'"content":"H'
"""What a stream has when the engine is at work on it."""


class Serving:
    """Makes servers whose every reply is one text."""

    def __init__(self, tiny: Words, said: Template) -> None:
        self.tiny, self.said = tiny, said

    def __call__(
        self, use: Use, *, text: str = "Hi there!", before: Callable[[Plan], object] = bool, **kept: Any
    ) -> None:
        script = self.tiny.encode_marked(text)
        end = self.tiny.added["<|im_end|>"]

        def reply(request: TokenRequest, choice: int) -> list[int]:
            return script * 1000 if request.ignore_eos else script

        info = scripted(reply, vocabulary=self.tiny.size, stop_token=end).info
        engine = SteppingEngine(
            replace(ScriptedStepper(reply, info), before=before, limits=Limits(**kept.pop("limits", {}))),
            Patience(**kept.pop("engine", {})),
        )
        model = Model(info, self.tiny, self.said, Guiding(self.tiny, self.tiny.size, [end]))

        async def all_of_it() -> None:
            settings = Settings(models=("tiny",), keys=kept.pop("keys", frozenset()))
            deadlines = serving.Deadlines(**{"drain": 5.0, **kept})
            async with (
                ReferenceServer(engine, model, settings, deadlines=deadlines) as server,
                aiohttp.ClientSession(base_url=server.url.removesuffix("v1")) as client,
            ):
                await asyncio.wait_for(use(client, server), 60)

        asyncio.run(all_of_it())


@pytest.fixture
def serve(tiny: Words, said: Template) -> Serving:
    return Serving(tiny, said)


async def chunks(response: aiohttp.ClientResponse) -> list[Any]:
    body = (await response.read()).decode()
    assert body.endswith("\n\n")
    data = [event.removeprefix("data: ") for event in body.removesuffix("\n\n").split("\n\n")]
    assert "[DONE]" == data.pop()
    return [json.loads(each) for each in data]


def test_a_stream_and_a_document_say_the_same(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, "stream": True}) as response:
            told = await chunks(response)
        async with client.post("/v1/chat/completions", json=HELLO) as response:
            document = await response.json()
        text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in told)
        assert "Hi there!" == text == document["choices"][0]["message"]["content"]
        assert "stop" == told[-1]["choices"][0]["finish_reason"] == document["choices"][0]["finish_reason"]

    serve(use)


def test_usage_counts_prompt_and_reply_of_all_choices(serve: Serving, tiny: Words, said: Template):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, "n": 3}) as response:
            usage = (await response.json())["usage"]
        prompt = len(said.prompt(HELLO["messages"]))
        made = 3 * (len(tiny.encode("Hi there!")) + 1)
        assert (prompt, made, prompt + made) == tuple(
            usage[name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")
        )

    serve(use)


@pytest.mark.parametrize(
    ("members", "status", "param"),
    [
        ({"model": "gpt"}, 404, "model"),
        ({"messages": []}, 400, "messages"),
        ({"temperature": 9}, 400, "temperature"),
        ({"logit_bias": {"9999": 1}}, 400, "logit_bias"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"not": {}}}}},
            400,
            "response_format",
        ),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, 400, "messages"),
    ],
)
def test_what_cannot_be_served_is_refused_by_name(serve: Serving, members: dict[str, Any], status: int, param: str):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, **members, "stream": True}) as response:
            error = (await response.json())["error"]
        assert (status, param) == (response.status, error["param"])

    serve(use)


def test_a_client_that_leaves_ends_its_work_before_another_step(serve: Serving):
    steps: list[int] = []

    def before(plan: Plan) -> None:
        steps.append(len(plan.works))

    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        response = await client.post("/v1/chat/completions", json=ENDLESS)
        await response.content.readuntil(SPEAKING)
        response.close()
        state: dict[str, Any] = {"running": 1}
        while state["running"]:
            async with client.get("/debug/state") as shown:
                state = await shown.json()
        after = len(steps)
        async with client.get("/debug/state") as shown:
            state = await shown.json()
        assert (1, 0, after) == (state["aborted"], state["blocks_used"], len(steps))
        assert after < 3000

    serve(use, before=before)


def test_an_engine_that_dies_is_told_of_on_every_stream_and_by_503_after(serve: Serving):
    def before(plan: Plan) -> None:
        if len(plan.works) == 3 and all(work.sequence.replied > 2 for work in plan.works):
            raise RuntimeError("out of memory")

    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async def ask() -> list[Any]:
            async with client.post("/v1/chat/completions", json=ENDLESS) as response:
                return await chunks(response)

        for told in await asyncio.gather(ask(), ask(), ask()):
            assert "out of memory" in told[-1]["error"]["message"]
        async with client.post("/v1/chat/completions", json=HELLO) as response:
            assert (503, "engine_dead") == (response.status, (await response.json())["error"]["code"])
        async with client.get("/health") as response:
            assert 503 == response.status

    serve(use, before=before)


def test_an_engine_that_fails_before_the_first_token_is_told_of_by_the_status(serve: Serving):
    def before(plan: Plan) -> None:
        raise RuntimeError("no")

    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, "stream": True}) as response:
            assert 500 == response.status

    serve(use, before=before)


def test_too_many_that_wait_are_sent_away(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, "n": 5}) as response:
            assert (429, "1") == (response.status, response.headers["retry-after"])

    serve(use, engine={"waiting": 4})


@pytest.mark.parametrize(
    "members",
    [
        {"logprobs": True, "top_logprobs": 2.0, "seed": 1.0, "temperature": 1, "max_tokens": 9.0, "n": 2.0},
        {"stop_token_ids": [10**40], "min_tokens": 4},
        {"stop_token_ids": [99999], "min_tokens": 4},
        {"top_k": 10**400},
        {"top_k": "x"},
        {"chat_template_kwargs": {"self": 1}},
        {"messages": [{"role": "assistant", "tool_calls": "none"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
    ],
)
def test_odd_members_are_served_or_refused_and_hurt_nobody(serve: Serving, members: dict[str, Any]):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json={**HELLO, **members}) as response:
            assert response.status in (200, 400)
        async with client.get("/health") as response:
            assert 200 == response.status

    serve(use)


@pytest.mark.parametrize("last", [[99999], [38] * 5000])
def test_a_prompt_that_is_refused_takes_those_before_it_along(serve: Serving, last: object):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        body = {
            "model": "tiny",
            "prompt": [[38], [39], last],
            "max_tokens": 3000,
            "ignore_eos": True,
        }
        async with client.post("/v1/completions", json=body) as response:
            assert 400 == response.status
        state: dict[str, Any] = {"running": 1}
        while state["running"] or state["waiting"]:
            async with client.get("/debug/state") as shown:
                state = await shown.json()
        assert state["generated_tokens"] < 3000

    serve(use)


def test_what_goes_wrong_inside_is_told_in_the_words_of_the_protocol(
    serve: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("mockserver.reference.asking.of_chat", fail)

    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json=HELLO) as response:
            assert (500, "The server failed at this request.") == (
                response.status,
                (await response.json())["error"]["message"],
            )

    serve(use)
    assert ["the server failed at POST /v1/chat/completions"] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("path", "name", "item"),
    [("chat/completions", "messages", {"role": "user", "content": "Hello"}), ("completions", "prompt", [1])],
)
def test_more_than_could_be_served_is_refused_before_it_is_looked_into(
    serve: Serving, path: str, name: str, item: object
):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post(f"/v1/{path}", json={"model": "tiny", name: [item] * 6_000 + [[[]]]}) as response:
            error = (await response.json())["error"]
        assert (400, name, "context_length_exceeded") == (response.status, error["param"], error["code"])

    serve(use)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", b""),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n", b""),
        (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{", b"HTTP/1.1 408 "),
        (b"GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET", b"HTTP/1.1 200 "),
    ],
)
def test_a_request_that_does_not_come_is_not_waited_for(serve: Serving, sent: bytes, answered: bytes):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        parts = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(sent)
        assert answered == (await reader.read())[: len(answered)]
        writer.close()

    serve(use, asked=0.1)


@pytest.mark.parametrize("members", [{"stream": True, "max_tokens": 3900}, {"max_tokens": 1200}])
def test_a_client_that_takes_nothing_is_left(serve: Serving, members: dict[str, Any]):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        parts = urlsplit(server.url)
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            with suppress(BlockingIOError):
                deaf.connect((parts.hostname, parts.port))
            loop = asyncio.get_running_loop()
            body = {**HELLO, "ignore_eos": True, "logprobs": True, "top_logprobs": 20, "n": 4, **members}
            raw = json.dumps(body).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(raw)}\r\n\r\n"
            await loop.sock_sendall(deaf, head.encode() + raw)
            state: dict[str, Any] = {"finished": 0}
            held = server._at.reception
            while state["finished"] < 4 or (held is not None and len(held.connections) > 1):
                async with client.get("/debug/state") as shown:
                    state = await shown.json()

    serve(use, stalled=0.3)


def test_who_has_no_key_is_not_let_in(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        for key, status in (("", 401), ("right", 200)):
            headers = {"authorization": f"Bearer {key}"}
            async with client.post("/v1/chat/completions", json=HELLO, headers=headers) as response:
                assert status == response.status

    serve(use, keys=frozenset({"right"}))


def test_a_stop_lets_streams_end(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        body = {**HELLO, "stream": True, "ignore_eos": True, "max_tokens": 200}
        response = await client.post("/v1/chat/completions", json=body)
        await response.content.readuntil(SPEAKING)
        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        told = await response.content.read()
        await stopping
        assert told.endswith(b'"finish_reason":"length"}]}\n\ndata: [DONE]\n\n')

    serve(use)


def test_a_stop_that_takes_too_long_is_told_of(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        body = {**HELLO, "stream": True, "ignore_eos": True, "max_tokens": 3900}
        response = await client.post("/v1/chat/completions", json=body)
        await response.content.readuntil(SPEAKING)
        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        told = await response.content.read()
        await stopping
        assert b'"error":{"message":"The server had an error: the engine was stopped' in told
        assert told.endswith(b"data: [DONE]\n\n")

    serve(use, drain=0.0)


def test_what_the_engine_does_can_be_seen(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.post("/v1/chat/completions", json=HELLO) as response:
            made = (await response.json())["usage"]["completion_tokens"]
        async with client.get("/metrics") as response:
            text = await response.text()
        async with client.get("/debug/state") as response:
            state = await response.json()
        assert f"vllm:generation_tokens_total {made}\n" in text
        assert "vllm:num_requests_running 0\n" in text
        assert (made, 0) == (state["generated_tokens"], state["blocks_used"])

    serve(use)


@pytest.mark.parametrize("path", ["/journal", "/slots", "/control/reset", "/"])
def test_nobody_is_told_what_others_asked(serve: Serving, path: str):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        async with client.get(path) as response:
            assert 404 == response.status

    serve(use)


def test_several_prompts_are_told_side_by_side(serve: Serving):
    async def use(client: aiohttp.ClientSession, server: ReferenceServer) -> None:
        body = {"model": "tiny", "prompt": ["Hello", [38, 39]], "n": 2, "stream": True, "max_tokens": 50}
        async with client.post("/v1/completions", json=body) as response:
            told = await chunks(response)
        texts = dict.fromkeys(range(4), "")
        for chunk in told:
            texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
        assert {"Hi there!"} == set(texts.values())

    serve(use)
