"""Methods and paths, in memory."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import body
from mockserver.answering import Settings
from mockserver.routes import respond

LOCKED = Settings(keys=frozenset({"secret"}))


def get(path: str, settings: Settings = Settings(), method: str = "GET") -> tuple[int, Any]:  # noqa: B008 - frozen
    answer = respond(Request(method, f"http://mock{path}"), settings, lambda: {"requests": []})
    return answer.status, json.loads(body(answer.acts))


def test_the_models_are_listed() -> None:
    status, found = get("/v1/models", Settings(models=("a", "b"), created=7))
    assert 200 == status
    assert "list" == found["object"]
    assert [{"id": n, "object": "model", "created": 7, "owned_by": "streamspec"} for n in ("a", "b")] == found["data"]


@pytest.mark.parametrize(("path", "name"), [("/v1/models/mock", "mock"), ("/v1/models/org%2Fname", "org/name")])
def test_one_model_is_shown(path: str, name: str) -> None:
    status, found = get(path, Settings(models=("mock", "org/name")))
    assert (200, name) == (status, found["id"])


def test_an_unknown_model_is_not_found() -> None:
    status, found = get("/v1/models/nobody")
    assert (404, "model_not_found") == (status, found["error"]["code"])


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/chat/completions", "/v1/models/", "/v1/responses"])
def test_an_unknown_path_is_an_error_object(path: str) -> None:
    status, found = get(path, method="POST")
    assert (404, "invalid_request_error") == (status, found["error"]["type"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/mock", "GET"),
        ("HEAD", "/health", "GET"),
        ("POST", "/journal", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(method: str, path: str, allowed: str) -> None:
    answer = respond(Request(method, f"http://mock{path}"), Settings())
    assert 405 == answer.status
    assert ("allow", allowed) in answer.headers
    assert "method_not_allowed" == json.loads(body(answer.acts))["error"]["code"]


def test_models_need_a_key_and_health_does_not() -> None:
    assert 401 == get("/v1/models", LOCKED)[0]
    assert 401 == get("/v1/models/mock", LOCKED)[0]
    assert (200, {"status": "ok"}) == get("/health", LOCKED)


def test_the_journal_is_what_the_server_says_it_is() -> None:
    assert (200, {"requests": []}) == get("/journal")
