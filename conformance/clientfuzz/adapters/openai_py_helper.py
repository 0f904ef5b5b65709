"""openai (Python): the helper `.stream()`, its events and then the completion that it put together."""

from openai import OpenAI
from reporting import MESSAGES, TIMEOUT, report


def ask(base_url, model, heard):
    client = OpenAI(base_url=base_url, api_key="any", timeout=TIMEOUT, max_retries=0)
    with client.chat.completions.stream(
        model=model, messages=MESSAGES, stream_options={"include_usage": True}
    ) as stream:
        for event in stream:
            if event.type == "chunk":
                heard.chunks += 1
            elif event.type == "content.delta":
                heard.text += event.delta
        completion = stream.get_final_completion()
    choice = completion.choices[0]
    heard.text, heard.finish_reason, heard.usage = choice.message.content or "", choice.finish_reason, completion.usage
    heard.role = choice.message.role
    for call in choice.message.tool_calls or []:
        heard.tool_calls.append({"id": call.id, "name": call.function.name, "arguments": call.function.arguments})


report(ask)
