"""LiteLLM: `litellm.completion(stream=True)`, chunk by chunk."""

import litellm
from reporting import MESSAGES, TIMEOUT, report


def ask(base_url, model, heard):
    stream = litellm.completion(
        model=f"openai/{model}",
        api_base=base_url,
        api_key="any",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        timeout=TIMEOUT,
        max_retries=0,
    )
    for chunk in stream:
        heard.chunk(chunk)


report(ask)
