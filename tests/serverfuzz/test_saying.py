"""A failure as something to paste: it runs, and holds no key."""

import shlex

from conformance.probes.way import Way
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.serverfuzz.saying import curl, python
from conformance.wire.script import Answer

URL = "http://127.0.0.1:1/v1/chat/completions?api-key=sk-secret-of-mine"


def exchange(body: object) -> Exchange:
    return exchange_of(Request("POST", URL, (), body), Answer(200, (), ()))


def test_curl_sends_the_body_whatever_is_in_it() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "it's $HOME `id` 👋"}]}
    words = shlex.split(curl(exchange(body), key="MY_KEY"))
    assert "authorization: Bearer $MY_KEY" in words
    assert words[-1].startswith('{"model": "m"')
    assert "it's $HOME `id`" in words[-1]
    assert "sk-secret-of-mine" not in " ".join(words)


def test_a_chunked_request_is_sent_so() -> None:
    assert "transfer-encoding: chunked" in shlex.split(curl(exchange({}), Way.CHUNKED))


def test_python_compiles_and_puts_what_the_client_does_not_know_into_extra_body() -> None:
    body = {"model": "m", "messages": [], "top_k": 1, "stream": True, "stop": None}
    text = python([exchange(body)], "MY_KEY")
    compile(text, "example", "exec")
    assert "extra_body={'top_k': 1}" in text
    assert "for chunk in answer" in text
    assert "sk-secret-of-mine" not in text


def test_what_is_no_object_is_sent_as_it_is() -> None:
    text = python([exchange('{"model": ')], "MY_KEY")
    compile(text, "example", "exec")
    assert "httpx.post" in text
    assert "content='{\"model\": '" in text
