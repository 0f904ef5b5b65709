"""sseclient-py over requests: the events of `SSEClient`, each read as JSON up to [DONE]."""

import json

import requests
import sseclient
from reporting import BODY, TIMEOUT, report


def ask(base_url, model, heard):
    url = f"{base_url}/chat/completions"
    with requests.post(url, json=BODY | {"model": model}, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        for event in sseclient.SSEClient(response).events():
            if event.data == "[DONE]":
                break
            heard.document(json.loads(event.data))


report(ask)
