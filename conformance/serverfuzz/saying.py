"""A failure as something to paste: as curl, and as Python. Knows no server; no key is ever in it.

The key stands for itself as a variable of the shell or of the environment.
"""

import json
import shlex
from collections.abc import Sequence

from conformance.probes.way import Way
from conformance.protocols.credentials import without_credentials_in_url
from conformance.protocols.exchange import Exchange
from mockserver.parameters import OPENAI

KEY = "OPENAI_API_KEY"
FLAGS = {
    Way.CHUNKED: " -H 'transfer-encoding: chunked'",
    Way.OF_CLIENTS: " -H 'accept: application/json'",
}
"""What curl is told besides; one byte at a time, and in capitals, it cannot send."""


def curl(exchange: Exchange, way: Way = Way.WHOLE, key: str = "", header: str = "authorization") -> str:
    """The request of an exchange as a line for a shell; `key` is the variable that holds the key, "" for none."""
    request = exchange.request
    body = request.body if isinstance(request.body, str) else json.dumps(request.body, ensure_ascii=True)
    secret = f"Bearer ${key}" if header.lower() == "authorization" else f"${key}"
    auth = f' -H "{header}: {secret}"' if key else ""
    url = shlex.quote(without_credentials_in_url(request.url))
    headers = f"-H 'content-type: application/json'{auth}{FLAGS.get(way, '')}"
    return f"curl -sN {url} {headers} --data-binary {shlex.quote(body)}"


def python(exchanges: Sequence[Exchange], key: str = "") -> str:
    """The requests of some exchanges with the openai client, or with httpx where what is sent is no object."""
    if any(not isinstance(exchange.request.body, dict) for exchange in exchanges):
        return _with_httpx(exchanges, key)
    base = without_credentials_in_url(exchanges[0].request.url).partition("/chat/completions")[0]
    secret = f'os.environ["{key}"]' if key else '"none"'
    lines = [
        *(["import os", ""] if key else []),
        "from openai import OpenAI",
        "",
        f'client = OpenAI(base_url="{base}", api_key={secret}, max_retries=0)',
    ]
    for exchange in exchanges:
        body = exchange.request.body
        assert isinstance(body, dict)
        lines += [f"answer = client.chat.completions.create({_arguments(body)})"]
        if body.get("stream") is True:
            lines += ["for chunk in answer:", "    print(chunk.model_dump_json(exclude_unset=True))"]
        else:
            lines += ["print(answer.model_dump_json(exclude_unset=True))"]
    return "\n".join(lines)


def _arguments(body: dict[str, object]) -> str:
    """The members of a request as keyword arguments; what the client asks for and is not there goes in by force."""
    named = {name: value for name, value in body.items() if name in OPENAI}
    others = {name: value for name, value in body.items() if name not in named}
    for needed in ("model", "messages"):
        if needed not in named:
            named[needed] = "left out below" if needed == "model" else []
    words = [f"{name}={value!r}" for name, value in named.items()]
    return ", ".join([*words, *([f"extra_body={others!r}"] if others else [])])


def _with_httpx(exchanges: Sequence[Exchange], key: str) -> str:
    secret = f', "authorization": "Bearer " + os.environ["{key}"]' if key else ""
    lines = [*(["import os", ""] if key else []), "import httpx", ""]
    for exchange in exchanges:
        body, url = exchange.request.body, without_credentials_in_url(exchange.request.url)
        content = body if isinstance(body, str) else json.dumps(body)
        lines += [
            f'headers = {{"content-type": "application/json"{secret}}}',
            f'answer = httpx.post("{url}", content={content!r}, headers=headers, timeout=60)',
            "print(answer.status_code, answer.text)",
        ]
    return "\n".join(lines)
