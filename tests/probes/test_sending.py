"""Requests as bytes, and what is kept of them."""

from dataclasses import replace

import pytest

from conformance.probes.endpoint import Endpoint
from conformance.probes.sending import agent, bytes_of, recorded
from conformance.probes.way import Way
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


# ---- the same request in other ways


def sent(way: Way, request: Request = REQUEST) -> tuple[list[str], str]:
    """The lines of the head, and the body."""
    head, _, body = bytes_of(request, ENDPOINT, way=way).decode().partition("\r\n\r\n")
    return head.split("\r\n"), body


def test_a_chunked_body_has_no_length_and_ends_with_an_empty_chunk():
    head, body = sent(Way.CHUNKED)
    assert ("transfer-encoding: chunked" in head, [line for line in head if "content-length" in line]) == (True, [])
    assert body == '1e\r\n{"model": "m", "stream": true}\r\n0\r\n\r\n'


def test_a_long_body_comes_in_several_chunks():
    request = replace(REQUEST, body="x" * 100)
    assert sent(Way.CHUNKED, request)[1] == f"28\r\n{'x' * 40}\r\n28\r\n{'x' * 40}\r\n14\r\n{'x' * 20}\r\n0\r\n\r\n"


def test_header_names_in_capitals_have_the_values_they_always_have():
    names = [line.partition(":")[0] for line in sent(Way.CAPITALS)[0][1:]]
    assert names == [name.upper() for name in names]
    assert [line.partition(":")[2] for line in sent(Way.CAPITALS)[0]] == [
        line.partition(":")[2] for line in sent(Way.WHOLE)[0]
    ]


def test_a_request_without_content_type_has_its_length_all_the_same():
    head, _ = sent(Way.UNTYPED)
    assert [line for line in head if line.startswith("content-")] == ["content-length: 30"]


def test_a_request_without_a_body_says_nothing_of_one():
    head, body = sent(Way.WHOLE, Request("GET", "http://host:8000/v1/models"))
    assert ([line for line in head if line.startswith(("content-", "transfer-"))], body) == ([], "")


def test_what_is_recorded_is_how_it_was_sent():
    assert recorded(REQUEST, ENDPOINT, way=Way.CHUNKED).header("transfer-encoding") == "chunked"
    assert recorded(REQUEST, ENDPOINT, way=Way.UNTYPED).header("content-type") is None
    assert recorded(REQUEST, ENDPOINT, way=Way.PLAIN_TEXT).header("content-type") == "text/plain"
