"""A real endpoint behind the mock; here it is another mock, or a few lines that answer what no mock would."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from aiohttp import web

from conformance.loading import load
from conformance.protocols.exchange import Ending, Exchange
from mockserver import MockServer, Settings
from mockserver.relaying import Relay, RelayError
from mockserver.replaying import Replay

HI = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": True}
STORY = {
    "model": "mock",
    "messages": [{"role": "user", "content": "Write a story of ten thousand words"}],
    "stream": True,
}
KEY = "sk-very-secret-0123456789"
Talk = Callable[[aiohttp.ClientSession, MockServer], Awaitable[Any]]


def relayed(folder: Path, talk: Talk, upstream: Any = None, key: str = "", **options: Any) -> Any:
    """What `talk` gives that talks to a mock in front of an upstream."""

    async def run() -> Any:
        async with (
            upstream or MockServer(Settings(keys=frozenset({KEY}))) as behind,
            MockServer(relay=Relay(behind.url, folder, key), **options) as server,
            aiohttp.ClientSession() as session,
        ):
            return await talk(session, server)

    return asyncio.run(run())


class Upstream:
    """An endpoint that answers what it is told to."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        self._answer = answer
        self.asked: list[web.BaseRequest] = []

    async def __aenter__(self) -> Self:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            self.asked.append(request)
            return await self._answer(request)

        self._runner = web.ServerRunner(web.Server(handle))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


def recordings(folder: Path) -> list[Exchange]:
    return [loaded.exchange for loaded in load(folder) if loaded.exchange is not None]


def everything(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in sorted(folder.iterdir()))


async def post(
    session: aiohttp.ClientSession,
    server: MockServer,
    value: object = HI,
    path: str = "/chat/completions",
    **headers: str,
) -> tuple[int, bytes]:
    async with session.post(server.url + path, json=value, headers=headers) as response:
        return response.status, await response.read()


def test_a_stream_passes_and_is_recorded_and_replayed_byte_for_byte(tmp_path: Path) -> None:
    async def talk(session: aiohttp.ClientSession, server: MockServer) -> bytes:
        status, body = await post(session, server, authorization=f"Bearer {KEY}")
        entry = server.journal.entries[0]
        assert (200, 200, True, HI) == (status, entry.status, entry.ended, entry.body)
        assert entry.events == len(entry.writes) > 0
        return body

    body = relayed(tmp_path, talk)
    (exchange,) = recordings(tmp_path)
    assert ("00001-chat-200.jsonl", body, Ending.EOF) == (Path(exchange.source).name, exchange.body, exchange.ending)
    assert "text/event-stream" == exchange.head.media_type

    async def again() -> bytes:
        async with MockServer(replay=Replay([exchange], speed=0)) as server, aiohttp.ClientSession() as session:
            return (await post(session, server))[1]

    assert body == asyncio.run(again())


def test_no_key_is_written_down(tmp_path: Path) -> None:
    async def talk(session: aiohttp.ClientSession, server: MockServer) -> list[int]:
        own = await post(session, server, {**HI, "api_key": KEY}, authorization=f"Bearer {KEY}")
        none = await post(session, server)
        return [own[0], none[0]]

    assert [400, 401] == relayed(tmp_path, talk)
    assert 2 == len(recordings(tmp_path))
    assert KEY not in everything(tmp_path)


def test_a_key_of_ours_takes_the_place_of_the_clients(tmp_path: Path) -> None:
    async def talk(session: aiohttp.ClientSession, server: MockServer) -> int:
        return (await post(session, server, authorization="Bearer wrong", **{"api-key": "wrong"}))[0]

    assert 200 == relayed(tmp_path, talk, key=KEY)
    assert KEY not in everything(tmp_path)


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_no_web_page_gets_to_use_a_key_of_ours(tmp_path: Path, headers: dict[str, str]) -> None:
    async def talk(session: aiohttp.ClientSession, server: MockServer) -> int:
        return (await post(session, server, **headers))[0]

    assert 403 == relayed(tmp_path, talk, key=KEY)
    assert [] == list(tmp_path.iterdir())


def test_a_key_that_the_endpoint_repeats_is_starred_also_across_reads(tmp_path: Path) -> None:
    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", "set-cookie": f"a={KEY}"})
        await response.prepare(request)
        for part in (b"data: you sent sk-very-", b"secret-0123456789 to us\n\n"):
            await response.write(part)
            await asyncio.sleep(0.02)
        return response

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> bytes:
        return (await post(session, server, authorization=f"Bearer {KEY}"))[1]

    assert f"data: you sent {KEY} to us\n\n".encode() == relayed(tmp_path, talk, Upstream(echo))
    (exchange,) = recordings(tmp_path)
    assert f"data: you sent {'*' * len(KEY)} to us\n\n".encode() == exchange.body
    assert KEY not in everything(tmp_path)


@pytest.mark.parametrize(
    "path", ["/../admin", "/%2e%2e/admin", "/a/../../admin", "/..%2fadmin", "//evil.example/x", "/a//b"]
)
def test_nothing_but_paths_below_is_passed_on(tmp_path: Path, path: str) -> None:
    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="reached")

    upstream = Upstream(answer)

    async def talk(_: aiohttp.ClientSession, server: MockServer) -> bytes:
        host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /v1{path} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n".encode())
        got = await reader.read()
        writer.close()
        return got

    assert relayed(tmp_path, talk, upstream).startswith(b"HTTP/1.1 404 ")
    assert [] == upstream.asked


def test_it_follows_no_redirect(tmp_path: Path) -> None:
    async def elsewhere(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=302, headers={"location": "http://evil.example/"})

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> int:
        async with session.post(server.url + "/chat/completions", json=HI, allow_redirects=False) as response:
            return response.status

    assert 302 == relayed(tmp_path, talk, Upstream(elsewhere))


def test_a_client_that_leaves_takes_the_endpoint_along_and_the_recording_says_so(tmp_path: Path) -> None:
    behind = MockServer()

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> tuple[bool, bool]:
        async with session.post(server.url + "/chat/completions", json=STORY) as response:
            await response.content.readany()
            response.close()
        for _ in range(500):
            if behind.journal.entries[0].left:
                break
            await asyncio.sleep(0.002)
        return server.journal.entries[0].left, behind.journal.entries[0].left

    assert (True, True) == relayed(tmp_path, talk, behind)
    (exchange,) = recordings(tmp_path)
    assert (Ending.LEFT, True) == (exchange.ending, exchange.body.startswith(b"data: {"))


def test_an_endpoint_that_breaks_off_is_passed_on_and_recorded_as_it_is(tmp_path: Path) -> None:
    behind = MockServer(fault="http/framing/last-chunk")

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> None:
        with pytest.raises(aiohttp.ClientError):
            await post(session, server)

    relayed(tmp_path, talk, behind)
    assert [Ending.RESET] == [exchange.ending for exchange in recordings(tmp_path)]


def test_a_response_that_never_ends_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.relaying.RESPONSE_MAXIMUM", 100_000)

    async def flood(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b"data: x\n\n" * 1000)

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> None:
        with pytest.raises(aiohttp.ClientError):
            await post(session, server)

    relayed(tmp_path, talk, Upstream(flood))
    (exchange,) = recordings(tmp_path)
    assert (Ending.CUT, True) == (exchange.ending, len(exchange.body) <= 100_001)


def test_an_endpoint_that_is_not_there_is_an_error_object(tmp_path: Path) -> None:
    async def run() -> tuple[int, bytes]:
        relay = Relay("http://127.0.0.1:9/v1", tmp_path)
        async with MockServer(relay=relay) as server, aiohttp.ClientSession() as session:
            return await post(session, server)

    status, body = asyncio.run(run())
    assert (502, "upstream_unreachable") == (status, json.loads(body)["error"]["code"])
    assert [] == list(tmp_path.iterdir())


def test_numbers_go_on_after_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "00041-chat-200.jsonl").write_text("")

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> None:
        async with session.get(server.url + "/models", headers={"authorization": f"Bearer {KEY}"}) as response:
            assert "list" == (await response.json())["object"]

    relayed(tmp_path, talk)
    assert (tmp_path / "00042-other-200.jsonl").exists()


@pytest.mark.parametrize(
    "url", ["", "api.example", "ftp://x/v1", "http://user:secret@x/v1", "http://x/v1?key=1", "http://"]
)
def test_what_is_no_endpoint_is_told_without_its_secrets(tmp_path: Path, url: str) -> None:
    with pytest.raises(RelayError, match="wanted the URL of an endpoint") as told:
        Relay(url, tmp_path)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("query", "headers", "members"),
    [("?key=" + KEY, {}, {}), ("", {"x-goog-api-key": KEY}, {}), ("", {}, {"api_key": KEY})],
)
def test_wherever_a_key_was_sent_it_is_not_written_down(
    tmp_path: Path, query: str, headers: dict[str, str], members: dict[str, str]
) -> None:
    async def echo(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"error": {"message": f"Incorrect API key provided: {KEY}."}}, status=401)

    async def talk(session: aiohttp.ClientSession, server: MockServer) -> bytes:
        return (await post(session, server, {**HI, **members}, f"/chat/completions{query}", **headers))[1]

    assert KEY.encode() in relayed(tmp_path, talk, Upstream(echo))
    assert [401] == [exchange.status for exchange in recordings(tmp_path)]
    assert KEY not in everything(tmp_path)
