"""LlamaIndex: `OpenAILike(...).stream_chat()`, answer by answer."""

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from reporting import TIMEOUT, report


def ask(base_url, model, heard):
    chat = OpenAILike(model=model, api_base=base_url, api_key="any", is_chat_model=True, timeout=TIMEOUT, max_retries=0)
    del heard.usage  # it does not tell it
    for answer in chat.stream_chat([ChatMessage(role="user", content="Say hi")]):
        heard.chunks += 1
        heard.text += answer.delta or ""
        if answer.raw.choices:
            heard.finish_reason = answer.raw.choices[0].finish_reason or heard.finish_reason
        heard.tool_calls = [
            {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
            for call in answer.message.additional_kwargs.get("tool_calls", [])
        ]


report(ask)
