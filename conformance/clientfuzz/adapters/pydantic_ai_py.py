"""pydantic-ai: a model asked directly, its parts as they come."""

from openai import AsyncOpenAI
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelRequest, TextPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from reporting import TIMEOUT, report


async def ask(base_url, model, heard):
    async with AsyncOpenAI(base_url=base_url, api_key="any", timeout=TIMEOUT, max_retries=0) as client:
        chat = OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client))
        async with model_request_stream(chat, [ModelRequest.user_text_prompt("Say hi")]) as stream:
            async for _ in stream:
                heard.chunks += 1
                take(stream.get(), heard)
            take(stream.get(), heard)


def take(response, heard):
    heard.text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    heard.finish_reason = {"tool_call": "tool_calls"}.get(response.finish_reason, response.finish_reason)
    heard.tool_calls = [
        {"id": call.tool_call_id, "name": call.tool_name, "arguments": call.args or ""} for call in response.tool_calls
    ]
    if response.usage.has_values():
        usage = response.usage
        heard.usage = {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens}


report(ask)
