"""openai (Python): `create(stream=True)` of the client for asyncio, chunk by chunk."""

from openai import AsyncOpenAI
from reporting import MESSAGES, TIMEOUT, report


async def ask(base_url, model, heard):
    async with AsyncOpenAI(base_url=base_url, api_key="any", timeout=TIMEOUT, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            heard.chunk(chunk)


report(ask)
