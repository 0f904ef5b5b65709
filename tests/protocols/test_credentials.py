"""What is kept out of recordings, and what stays in."""

import pytest

from conformance.protocols.credentials import (
    without_credentials,
    without_credentials_in_body,
    without_credentials_in_url,
)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "api-key",
        "X-API-Key",
        "x-goog-api-key",
        "Ocp-Apim-Subscription-Key",
        "X-Amz-Security-Token",
        "helicone-auth",
        "Cookie",
        "set-cookie",
    ],
)
def test_a_header_that_carries_a_credential_is_dropped(name: str) -> None:
    assert without_credentials([(name, "sk-1"), ("accept", "*/*")]) == (("accept", "*/*"),)


@pytest.mark.parametrize(
    "name",
    ["WWW-Authenticate", "x-ratelimit-remaining-tokens", "openai-organization", "x-request-id", "content-type"],
)
def test_other_headers_stay(name: str) -> None:
    assert ((name, "x"),) == without_credentials([(name, "x")])


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/p?key=AIza", "https://h/p?key=***"),
        ("https://h/p?api-version=2024-06-01&api_key=s", "https://h/p?api-version=2024-06-01&api_key=***"),
        ("https://h/p?api%5Fkey=s&b=%20", "https://h/p?api%5Fkey=***&b=%20"),
        ("https://h/p?accessToken=s", "https://h/p?accessToken=***"),
        ("https://h/p?X-Amz-Signature=s&flag", "https://h/p?X-Amz-Signature=***&flag"),
        ("https://me:pw@h:8080/p", "https://h:8080/p"),
        ("https://h/p#access_token=s", "https://h/p"),
    ],
)
def test_credentials_in_a_url_are_masked(url: str, kept: str) -> None:
    assert kept == without_credentials_in_url(url)


def test_a_key_in_the_body_is_masked() -> None:
    assert without_credentials_in_body({"api_key": "sk-1", "model": "m"}) == {"api_key": "***", "model": "m"}


def test_any_other_body_stays_as_it_is() -> None:
    body = {"prompt_cache_key": "a", "messages": []}
    assert body is without_credentials_in_body(body)
