"""Gateways as people write them with FastAPI: five recipes in one module, served by `python -m tests.gateways.recipes`.

Nothing here is better or worse than what tutorials show; what each does when its caller leaves is what is tested.
"""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask

from .program import Program

SSE = "text/event-stream"
TIMEOUT = 60.0
PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def inside(app: FastAPI, upstream: str) -> None:
    """The asynchronous client of openai, called inside of the generator."""
    client = openai.AsyncOpenAI(base_url=f"{upstream}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)

    @app.post(PATH)
    async def chat(request: Request) -> Response:
        body = await request.json()
        if not body.get("stream"):
            whole = await client.chat.completions.create(**body)
            return Response(whole.model_dump_json(), media_type="application/json")

        async def events() -> AsyncIterator[str]:
            stream: Any = await client.chat.completions.create(**body)
            async for chunk in stream:
                yield f"data: {chunk.model_dump_json()}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type=SSE)


def eager(app: FastAPI, upstream: str) -> None:
    """The same client, awaited before the response is made."""
    client = openai.AsyncOpenAI(base_url=f"{upstream}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)

    @app.post(PATH)
    async def chat(request: Request) -> Response:
        answer: Any = await client.chat.completions.create(**await request.json())
        if not isinstance(answer, openai.AsyncStream):
            return Response(answer.model_dump_json(), media_type="application/json")

        async def events() -> AsyncIterator[str]:
            async for chunk in answer:
                yield f"data: {chunk.model_dump_json()}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type=SSE)


def synchronous(app: FastAPI, upstream: str) -> None:
    """The synchronous client of openai, in a plain function and a plain generator."""
    client = openai.OpenAI(base_url=f"{upstream}/v1", api_key="none", max_retries=0, timeout=TIMEOUT)

    @app.post(PATH)
    def chat(body: dict[str, Any]) -> Response:
        answer: Any = client.chat.completions.create(**body)
        if not isinstance(answer, openai.Stream):
            return Response(answer.model_dump_json(), media_type="application/json")

        def events() -> Iterator[str]:
            for chunk in answer:
                yield f"data: {chunk.model_dump_json()}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(events(), media_type=SSE)


def raw(app: FastAPI, upstream: str) -> None:
    """httpx: the upstream's answer is awaited, then its bytes are handed on."""
    client = httpx.AsyncClient(timeout=TIMEOUT)

    @app.post(PATH)
    async def chat(request: Request) -> Response:
        asked = client.build_request("POST", upstream + PATH, content=await request.body(), headers=JSON)
        answer = await client.send(asked, stream=True)
        return StreamingResponse(
            answer.aiter_raw(),
            status_code=answer.status_code,
            media_type=answer.headers.get("content-type"),
            background=BackgroundTask(answer.aclose),
        )


def lines(app: FastAPI, upstream: str) -> None:
    """httpx: inside of the generator, line by line."""
    client = httpx.AsyncClient(timeout=TIMEOUT)

    @app.post(PATH)
    async def chat(request: Request) -> Response:
        content = await request.body()

        async def events() -> AsyncIterator[str]:
            async with client.stream("POST", upstream + PATH, content=content, headers=JSON) as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data: "):
                        yield f"{line}\n\n"

        return StreamingResponse(events(), media_type=SSE)


RECIPES = {recipe.__name__: recipe for recipe in (inside, eager, synchronous, raw, lines)}


def _program(name: str) -> Program:
    root = Path(__file__).parents[2]

    def command(upstream: str, port: int, folder: Path) -> tuple[str, ...]:
        return "-m", "tests.gateways.recipes", name, upstream, str(port)

    says = (RECIPES[name].__doc__ or "").rstrip(".")
    version = (sys.executable, "-c", "import fastapi; print(fastapi.__version__)")
    env = {"PYTHONPATH": str(root)}
    return Program(f"fastapi-{name}", says, sys.executable, command, version, "pip install -e '.[test]'", env=env)


INSIDE, EAGER, SYNCHRONOUS, RAW, LINES = ALL = tuple(map(_program, RECIPES))


def main(name: str, upstream: str, port: str) -> None:
    """Serve one recipe until told to end."""
    app = FastAPI()
    RECIPES[name](app, upstream)
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
