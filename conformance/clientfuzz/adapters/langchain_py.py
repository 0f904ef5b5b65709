"""LangChain (Python): `ChatOpenAI(...).stream()`, the chunks added up as its documentation does."""

from langchain_openai import ChatOpenAI
from reporting import TIMEOUT, report


def ask(base_url, model, heard):
    chat = ChatOpenAI(model=model, base_url=base_url, api_key="any", timeout=TIMEOUT, max_retries=0, stream_usage=True)
    answer = None
    for chunk in chat.stream("Say hi"):
        heard.chunks += 1
        answer = chunk if answer is None else answer + chunk
        heard.text += chunk.text
        heard.finish_reason = answer.response_metadata.get("finish_reason")
        heard.usage = counts(answer.usage_metadata)
        heard.tool_calls = [
            {"id": call["id"], "name": call["name"], "arguments": call["args"]} for call in answer.tool_call_chunks
        ]


def counts(usage):
    """Its words for the counts, in OpenAI's."""
    return usage and {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }


report(ask)
