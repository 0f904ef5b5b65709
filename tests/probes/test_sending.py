"""Requests as bytes, and what is kept of them."""

import pytest

from conformance.probes.endpoint import Endpoint
from conformance.probes.sending import Mask, agent, bytes_of, recorded
from conformance.protocols.exchange import Request

KEY = "sk-very-secret-0123456789"
URL = "http://host:8000/v1/chat/completions"
ENDPOINT = Endpoint(url="http://host:8000/v1", model="m", key=KEY)
REQUEST = Request("POST", URL, (), {"model": "m", "stream": True})


def test_a_request_goes_out_with_these_bytes():
    assert (
        bytes_of(REQUEST, ENDPOINT)
        == (
            "POST /v1/chat/completions HTTP/1.1\r\n"
            "host: host:8000\r\n"
            f"user-agent: {agent()}\r\n"
            "accept: text/event-stream\r\n"
            "accept-encoding: identity\r\n"
            "authorization: Bearer sk-very-secret-0123456789\r\n"
            "content-type: application/json\r\n"
            "content-length: 30\r\n"
            "\r\n"
            '{"model": "m", "stream": true}'
        ).encode()
    )


def test_a_text_body_is_sent_as_it_is():
    assert bytes_of(Request("POST", URL, (), "{ü"), ENDPOINT).endswith(b"content-length: 3\r\n\r\n{\xc3\xbc")


def test_azure_gets_the_key_in_a_header_of_its_own_and_keeps_its_query():
    azure = Endpoint(url="https://host/openai/v1?api-version=2024", model="m", key=KEY, key_header="api-key")
    request = Request("POST", "https://host/openai/v1/chat/completions?api-version=2024", (), {})
    sent = bytes_of(request, azure)
    assert sent.startswith(b"POST /openai/v1/chat/completions?api-version=2024 HTTP/1.1\r\n")
    assert f"\r\napi-key: {KEY}\r\n".encode() in sent
    assert b"authorization" not in sent


def test_headers_of_the_endpoint_replace_ours_and_are_sent_once():
    sent = bytes_of(REQUEST, Endpoint(url="http://host/v1", model="m", headers={"Accept": "*/*", "X-Team": "search"}))
    assert b"\r\naccept: */*\r\n" in sent
    assert b"\r\nx-team: search\r\n" in sent
    assert sent.count(b"accept:") == 1


def test_without_the_key_no_credential_is_sent():
    endpoint = Endpoint(url="http://host/v1", model="m", key=KEY, headers={"x-api-key": KEY, "Cookie": KEY, "x-a": "b"})
    sent = bytes_of(REQUEST, endpoint, with_key=False)
    assert KEY.encode() not in sent
    assert b"\r\nx-a: b\r\n" in sent


def test_a_path_is_percent_encoded_and_cannot_break_the_request_line():
    sent = bytes_of(Request("POST", "http://host/mödel a/b%20c\r\nX: y/chat/completions", (), {}), ENDPOINT)
    assert sent.startswith(b"POST /m%C3%B6del%20a/b%20cX:%20y/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "name", ["Authorization", "api-key", "x-api-key", "Proxy-Authorization", "Cookie", "X-Auth-Token"]
)
def test_what_is_kept_of_a_request_holds_no_credentials(name):
    endpoint = Endpoint(url="http://host/v1", model="m", headers={name: KEY, "x-team": "search"})
    kept = recorded(Request("POST", f"{URL}?key={KEY}", (), {"model": "m", "api_key": KEY}), endpoint)
    assert KEY not in repr(kept)
    assert kept.header("x-team") == "search"
    assert kept.header("content-type") == "application/json"


SECRET = b"sk-very-secret-0123456789"


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_a_key_in_two_reads_is_blotted_out_wherever_it_is_cut(cut):
    mask = Mask(KEY)
    text = b"<" + SECRET + b">"
    assert mask.feed(text[: cut + 1]) + mask.feed(text[cut + 1 :]) + mask.rest() == b"<" + b"*" * 25 + b">"


def test_what_only_begins_like_the_key_comes_out_in_the_end():
    mask = Mask(KEY)
    assert (mask.feed(b"a task"), mask.feed(b"-list sk"), mask.rest()) == (b"a ta", b"sk-list ", b"sk")
    assert mask.keeps is False


def test_a_word_that_is_no_secret_stays():
    mask = Mask("ollama")
    assert mask.feed(b"owned_by ollama") == b"owned_by ollama"
