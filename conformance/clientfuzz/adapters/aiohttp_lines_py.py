"""aiohttp without a reader of SSE: the lines of `response.content`, read by the loop that is copied everywhere."""

import json

import aiohttp
from reporting import BODY, TIMEOUT, report


async def ask(base_url, model, heard):
    limits = aiohttp.ClientTimeout(sock_connect=TIMEOUT, sock_read=TIMEOUT)
    async with (
        aiohttp.ClientSession(timeout=limits, raise_for_status=True) as session,
        session.post(f"{base_url}/chat/completions", json=BODY | {"model": model}) as response,
    ):
        async for line in response.content:
            if not line.startswith(b"data: "):
                continue
            data = line[len(b"data: ") :].strip()
            if data == b"[DONE]":
                break
            heard.document(json.loads(data))


report(ask)
