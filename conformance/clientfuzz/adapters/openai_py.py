"""openai (Python): `create(stream=True)`, chunk by chunk."""

from openai import OpenAI
from reporting import MESSAGES, TIMEOUT, report


def ask(base_url, model, heard):
    client = OpenAI(base_url=base_url, api_key="any", timeout=TIMEOUT, max_retries=0)
    stream = client.chat.completions.create(
        model=model, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        heard.chunk(chunk)


report(ask)
