"""httpx-sse: the events of `connect_sse`, each read as JSON up to [DONE]."""

import json

import httpx
from httpx_sse import connect_sse
from reporting import BODY, TIMEOUT, report


def ask(base_url, model, heard):
    with (
        httpx.Client(timeout=TIMEOUT) as client,
        connect_sse(client, "POST", f"{base_url}/chat/completions", json=BODY | {"model": model}) as source,
    ):
        source.response.raise_for_status()
        for event in source.iter_sse():
            if event.data == "[DONE]":
                break
            heard.document(json.loads(event.data))


report(ask)
