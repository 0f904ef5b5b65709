"""httpx without a reader of SSE: `iter_lines`, each line that begins with data: read as JSON up to [DONE]."""

import json

import httpx
from reporting import BODY, TIMEOUT, report


def ask(base_url, model, heard):
    url = f"{base_url}/chat/completions"
    with httpx.stream("POST", url, json=BODY | {"model": model}, timeout=TIMEOUT) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data:"):
                continue
            data = line[len("data:") :].strip()
            if data == "[DONE]":
                break
            heard.document(json.loads(data))


report(ask)
