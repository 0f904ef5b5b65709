"""`streamspec serve --engine vllm` with vLLM itself: what the stand-in cannot show. Takes minutes on a processor."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import psutil
import pytest

from tests.gpu.judging import judged, wrong

pytestmark = [
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: docs/servers/vllm.md"),
    pytest.mark.timeout(900),
]
ON_A_PROCESSOR = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
SERVE = [sys.executable, "-m", "conformance.cli", "serve", "--rows", "16", "--context", "4096"]
VLLM = "--engine vllm --precision float32 --vllm enforce_eager=true --vllm gpu_memory_utilization=0.2"
STATE = "/debug/state"
ENDLESS = {"ignore_eos": True, "max_tokens": 3000, "prompt": "Write forever"}
Asking = Callable[..., Awaitable[Any]]


class Server:
    """One that runs, and its processes."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [*SERVE, *VLLM.split(), "--port", str(port)],
            env={**os.environ, **ON_A_PROCESSOR, "HF_HUB_OFFLINE": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._said: list[str] = []
        self._spoke = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._spoke.wait()
        assert self.url in self._said[-1], "".join(self._said)

    def _listen(self) -> None:
        """Read what it says: when it listens it says where, and all else is vLLM's."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if not self._spoke.is_set():
                self._said.append(line)
            if self.url in line:
                self._spoke.set()
        self._said += [] if self._spoke.is_set() else ["it ended"]
        self._spoke.set()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> list[psutil.Process]:
        """What of it is left when it was told to end."""
        begun = self.children()
        self.process.terminate()
        self.process.wait(120)
        _, left = psutil.wait_procs(begun, timeout=30)
        return [process for process in left if process.status() != psutil.STATUS_ZOMBIE]

    def close(self) -> None:
        """Its last words have been read."""
        if self.process.poll() is None:
            self.end()
        self._listener.join()
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def use(server: Server, what: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def whole() -> None:
        timeout = aiohttp.ClientTimeout(total=300)
        async with aiohttp.ClientSession(server.url, timeout=timeout) as client:
            await what(client)

    asyncio.run(whole())


async def text(client: aiohttp.ClientSession, prompt: str, **members: Any) -> list[str]:
    """What is said by each choice."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": prompt}], "temperature": 0, **members}
    async with client.post("/v1/chat/completions", json=body) as response:
        answer = await response.json()
        assert 200 == response.status, answer
        return [choice["message"]["content"] for choice in answer["choices"]]


async def stream(client: aiohttp.ClientSession, **members: Any) -> list[Any]:
    """The chunks of a text completion; where there was no stream, the answer alone."""
    async with client.post("/v1/completions", json={"model": "tiny", "stream": True, **members}) as response:
        if response.status != 200:
            return [await response.json()]
        return [json.loads(line[6:]) async for line in response.content if line.startswith(b"data: {")]


async def state(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get(STATE) as response:
        found: dict[str, Any] = await response.json()
        return found


async def until(client: aiohttp.ClientSession, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while not holds(found := await state(client)):
        pass  # the server is asked again: nothing tells when a process has heard of something
    return found


def test_greedy_replies_are_the_same_alone_and_side_by_side(server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        prompts = ["Hello", "Count from 1 to 10", "Write unicode"]
        alone = [await text(client, prompt) for prompt in prompts]
        beside = await asyncio.gather(*(text(client, prompts[n % 3], n=2) for n in range(12)))
        assert [alone[n % 3] * 2 for n in range(12)] == beside

    use(server, what)


def test_a_seed_repeats_a_reply_and_choices_differ(server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        for seed in (7, -1, 1 << 70):
            drawn = [await text(client, "Hello", seed=seed, temperature=2, max_tokens=40, n=3) for _ in range(2)]
            assert drawn[0] == drawn[1]
            assert len(set(drawn[0])) > 1

    use(server, what)


def test_a_client_that_leaves_gives_the_memory_back(server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        async with client.post(
            "/v1/completions", json={"model": "tiny", "stream": True, "n": 3, **ENDLESS}
        ) as response:
            await until(client, lambda found: found["running"] == 3 and found["blocks_used"] > 0)
            response.close()
        found = await until(client, lambda found: found["running"] == found["blocks_used"] == 0)
        assert (3, 0) == (found["aborted"], found["waiting"])

    use(server, what)


def test_one_choice_that_meets_its_stop_string_leaves_the_others_alone(server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        whole = (await text(client, "Count from 1 to 10"))[0]
        assert [whole.partition("5")[0]] * 2 == await text(client, "Count from 1 to 10", stop="5", n=2)
        await until(client, lambda found: found["running"] == 0)

    use(server, what)


OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"enum": ["x", "y"]}, "c": {"type": "boolean"}},
    "required": ["a", "b", "c"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "schema",
    [
        OBJECT,
        {"type": "array", "items": OBJECT, "minItems": 1, "maxItems": 2},
        {"enum": ["a", 1, None]},
        {"type": "string", "pattern": "^[a-f]{2,8}$"},
        {"anyOf": [{"type": "null"}, OBJECT]},
        {"type": "string", "enum": ["start: ::= /x/", '%json {"a": 1}']},
    ],
)
def test_what_is_said_under_a_schema_fits_it(schema: dict[str, Any], server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        wanted = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
        for members in ({}, {"temperature": 2, "n": 6}, {"ignore_eos": True}, {"min_tokens": 300}, {"max_tokens": 120}):
            for said in await text(client, "Hello", **{"max_tokens": 1500, "response_format": wanted, **members}):
                jsonschema.validate(json.loads(said), schema)

    use(server, what)


def test_calls_that_have_to_come_do(server: Server) -> None:
    look = {"name": "look", "parameters": OBJECT}

    async def what(client: aiohttp.ClientSession) -> None:
        body = {
            "model": "tiny",
            "messages": [{"role": "user", "content": "Hello"}],
            "tools": [{"type": "function", "function": look}],
            "tool_choice": "required",
            "temperature": 2,
            "n": 8,
            "max_tokens": 3000,
        }
        async with client.post("/v1/chat/completions", json=body) as response:
            answer = await response.json()
        for choice in answer["choices"]:
            assert "tool_calls" == choice["finish_reason"]
            for call in choice["message"]["tool_calls"]:
                jsonschema.validate(json.loads(call["function"]["arguments"]), OBJECT)

    use(server, what)


def test_what_no_grammar_says_and_what_vllm_does_not_take_is_refused_before_the_stream(server: Server) -> None:
    async def what(client: aiohttp.ClientSession) -> None:
        schema = {"type": "json_schema", "json_schema": {"name": "it", "schema": {"not": {"type": "string"}}}}
        for members in ({"response_format": schema}, {"guided_regex": "("}, {"logit_bias": {"99999": 1}}):
            body = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "stream": True, **members}
            async with client.post("/v1/chat/completions", json=body) as response:
                assert 400 == response.status, members

    use(server, what)


@pytest.mark.timeout(1800)
def test_of_the_whole_suite_nothing_is_red_and_nothing_warns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ON_A_PROCESSOR.items():
        monkeypatch.setenv(name, value)
    rules, said = judged(tmp_path, options=VLLM, seconds=1700)
    assert {} == wrong(rules), said


def test_an_engine_that_dies_is_told_of_on_every_stream_and_by_503_after() -> None:
    with serving() as server:

        async def what(client: aiohttp.ClientSession) -> None:
            streams = [asyncio.create_task(stream(client, n=1 + n % 2, **ENDLESS)) for n in range(4)]
            await until(client, lambda found: found["running"] == 6)
            victim = next(process for process in server.children() if "EngineCore" in " ".join(process.cmdline()))
            victim.send_signal(signal.SIGKILL)
            for chunks in await asyncio.gather(*streams):
                assert "error" in chunks[-1]
            assert "engine_dead" == (await stream(client, prompt="Hello"))[0]["error"]["code"]
            async with client.get("/health") as response:
                assert 503 == response.status
            assert 0 == (await state(client))["running"]

        use(server, what)
        assert [] == server.end()


def test_a_stop_lets_streams_end_and_leaves_no_process() -> None:
    with serving() as server:

        async def what(client: aiohttp.ClientSession) -> None:
            members = {**ENDLESS, "max_tokens": 200}
            streams = [asyncio.create_task(stream(client, **members)) for _ in range(3)]
            await until(client, lambda found: found["running"] == 3)
            begun = server.children()
            server.process.terminate()
            for chunks in await asyncio.gather(*streams):
                assert "length" == chunks[-1]["choices"][0]["finish_reason"]
            server.process.wait(120)
            _, left = psutil.wait_procs(begun, timeout=30)
            assert [] == [process for process in left if process.status() != psutil.STATUS_ZOMBIE]

        use(server, what)
