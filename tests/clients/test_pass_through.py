"""Gateways as people write them with FastAPI in front of a good server: what the suite says of each."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import openai
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from conformance.running import QUICK, Order, run_target
from conformance.targets import FEATURES, Target
from conformance.verdicts import Report, Verdict
from mockserver.answering import Settings
from mockserver.app import running

KEY = "gateway-key"
KEPT = {"content-type", "x-request-id", "cache-control", "x-accel-buffering", "www-authenticate", "allow"}


def byte_for_byte(url: str) -> FastAPI:
    """The upstream's bytes as they are."""
    app = FastAPI()

    @app.api_route("/v1/{path:path}", methods=["GET", "POST", "PUT"])
    async def forward(path: str, request: Request) -> StreamingResponse:
        session = aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["content-type"])
        headers = {k: v for k, v in request.headers.items() if k in ("authorization", "content-type")}
        body = request.stream() if request.method == "POST" else None
        answer = await session.request(request.method, f"{url}/{path}", data=body, headers=headers)

        async def pieces() -> AsyncIterator[bytes]:
            async with session, answer:
                async for piece in answer.content.iter_any():
                    yield piece

        kept = {k: v for k, v in answer.headers.items() if k.lower() in KEPT}
        return StreamingResponse(pieces(), status_code=answer.status, headers=kept)

    return app


def by_the_client(url: str, *, wait_for_the_first: bool = False, without_nulls: bool = False) -> FastAPI:
    """Chunks of OpenAI's client, each written with model_dump_json: the recipe of many tutorials."""
    client = openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0)
    app = FastAPI()

    async def events(body: dict[str, Any], stream: Any = None) -> AsyncIterator[str]:
        async for chunk in stream or await client.chat.completions.create(**body):
            yield f"data: {chunk.model_dump_json(exclude_unset=without_nulls)}\n\n"
        yield "data: [DONE]\n\n"

    @app.post("/v1/chat/completions", response_model=None)
    async def chat(request: Request) -> StreamingResponse | JSONResponse:
        body = await request.json()
        if not body.get("stream"):
            whole = await client.chat.completions.create(**body)
            return JSONResponse(whole.model_dump(exclude_unset=without_nulls))
        if not wait_for_the_first:
            return StreamingResponse(events(body), media_type="text/event-stream")
        try:
            stream = await client.chat.completions.create(**body)
        except openai.APIStatusError as refused:
            return JSONResponse({"error": refused.body}, refused.status_code)
        return StreamingResponse(events(body, stream), media_type="text/event-stream")

    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The app on a port of its own."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()


def judged(make: Callable[[str], FastAPI], *, without: frozenset[str] = frozenset()) -> Report:
    """What the suite says of a gateway in front of the mock server."""
    features = frozenset(FEATURES) - without
    with running(Settings(keys=frozenset({KEY}))) as url, serving(make(url)) as gateway:
        target = Target(name="gateway", url=gateway, model="mock", features=features)
        return asyncio.run(run_target(target, key=KEY, order=Order(quick=True)))


NOT_SERVED = frozenset({"completions", "auth"})
"""The recipes below serve chat alone, and with a key of their own."""


@pytest.fixture(scope="module")
def recipe() -> Report:
    return judged(by_the_client, without=NOT_SERVED)


def of(report: Report, verdict: Verdict) -> set[str]:
    return {v.rule.id for v in report.verdicts if v.verdict is verdict}


def test_a_gateway_that_hands_on_every_byte_is_as_good_as_what_is_behind_it() -> None:
    report = judged(byte_for_byte)
    assert {Verdict.PASS} == {v.verdict for v in report.verdicts if v.reason != QUICK}


def test_the_streams_of_the_recipe_are_sound_but_for_their_nulls(recipe: Report) -> None:
    streams = {"chat/delta", "chat/envelope", "chat/order", "chat/content", "chat/usage", "chat/termination", "sse"}
    spoken = {v.rule.id for v in recipe.verdicts if v.findings and v.rule.id.startswith(tuple(streams))}
    assert {"chat/delta/absent-not-null"} == spoken


def test_the_recipe_answers_refused_requests_with_success_and_an_empty_body(recipe: Report) -> None:
    """The status is sent before the upstream is asked."""
    failed = {rule for rule in of(recipe, Verdict.FAIL) if rule.startswith("chat/refusals")}
    assert {"chat/refusals/messages-missing", "chat/refusals/wrong-type", "chat/refusals/model-unknown"} <= failed
    (verdict,) = [v for v in recipe.verdicts if v.rule.id == "chat/refusals/messages-missing"]
    assert "status 200 and an empty body" == verdict.findings[0].finding.got


def test_the_recipe_cuts_the_body_short_when_the_upstream_refuses(recipe: Report) -> None:
    assert "http/framing/last-chunk" in of(recipe, Verdict.FAIL)


def test_asking_the_upstream_first_mends_the_refusals(recipe: Report) -> None:
    mended = judged(lambda url: by_the_client(url, wait_for_the_first=True), without=NOT_SERVED)
    broken = {rule for rule in of(recipe, Verdict.FAIL) if rule.startswith("chat/refusals")}
    still = {rule for rule in of(mended, Verdict.FAIL) if rule.startswith("chat/refusals")}
    assert "http/framing/last-chunk" not in of(mended, Verdict.FAIL)
    assert {"chat/refusals/no-server-error"} == still & broken  # a body that is not JSON breaks request.json()


def test_leaving_out_what_was_not_sent_mends_the_nulls() -> None:
    mended = judged(lambda url: by_the_client(url, without_nulls=True), without=NOT_SERVED)
    assert "chat/delta/absent-not-null" in of(mended, Verdict.PASS)
