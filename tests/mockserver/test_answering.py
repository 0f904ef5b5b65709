"""The good answer to one request, in memory."""

import json
from typing import Any

import pytest

import schemas
from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Framing, body
from mockserver.answering import Settings, answer, read_body

URL = "http://mock/v1/chat/completions"
COUNT = "Count from 1 to 10"
COUNTED = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."


def ask(text: object = COUNT, settings: Settings = Settings(), **members: object) -> Answer:  # noqa: B008 - frozen
    body = {"model": "mock", "messages": [{"role": "user", "content": text}], **members}
    return answer(Request("POST", URL, (), body), settings)


def document(got: Answer) -> Any:
    assert Framing.LENGTH is got.framing
    return json.loads(body(got.acts))


def chunks(got: Answer) -> list[Any]:
    messages = body(got.acts).decode().removesuffix("\n\n").split("\n\n")
    assert "data: [DONE]" == messages[-1]
    return [json.loads(message.removeprefix("data: ")) for message in messages[:-1]]


def texts(got: Answer, choices: int = 1) -> list[str]:
    said = [""] * choices
    for chunk in chunks(got):
        for choice in chunk["choices"]:
            said[choice["index"]] += choice["delta"].get("content", "")
    return said


def finishes(got: Answer) -> list[str]:
    return [c["finish_reason"] for chunk in chunks(got) for c in chunk["choices"] if c["finish_reason"]]


def test_a_stream_and_its_twin_say_the_same() -> None:
    twin = document(ask())
    assert [COUNTED] == texts(ask(stream=True))
    assert COUNTED == twin["choices"][0]["message"]["content"]
    assert "stop" == twin["choices"][0]["finish_reason"]
    assert ["stop"] == finishes(ask(stream=True))


@pytest.mark.parametrize("members", [{}, {"stream": False}, {"stream": None}])
def test_without_stream_the_answer_is_a_document(members: dict[str, object]) -> None:
    assert "chat.completion" == document(ask(**members))["object"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_tokens_ends_every_choice_with_length(name: str) -> None:
    got = ask(stream=True, n=2, **{name: 3})
    assert ["1, 2, 3,", "1, 2, 3,"] == texts(got, 2)
    assert ["length", "length"] == finishes(got)


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    assert ["stop"] == finishes(ask(stream=True, max_tokens=11))


def test_a_limit_that_is_reached_by_the_last_word_ends_the_choice() -> None:
    assert ["length"] == finishes(ask(stream=True, max_tokens=10))


@pytest.mark.parametrize("stop", ["5", ["5"], ["7", "5", ""]])
def test_the_text_ends_before_the_first_stop_sequence(stop: object) -> None:
    got = ask(stream=True, stop=stop)
    assert ["1, 2, 3, 4, "] == texts(got)
    assert ["stop"] == finishes(got)


def test_a_stop_sequence_at_the_very_start_leaves_nothing() -> None:
    got = ask(stream=True, stop="1", stream_options={"include_usage": True})
    assert [""] == texts(got)
    assert 0 == chunks(got)[-1]["usage"]["completion_tokens"]


def test_usage_comes_last_and_only_where_it_was_asked_for() -> None:
    asked, not_asked = ask(stream=True, stream_options={"include_usage": True}), ask(stream=True, stream_options={})
    assert [] == chunks(asked)[-1]["choices"]
    assert all(chunk["usage"] is None for chunk in chunks(asked)[:-1])
    assert not any("usage" in chunk for chunk in chunks(not_asked))


def test_usage_counts_the_pieces_of_every_choice() -> None:
    got = chunks(ask(stream=True, n=3, stream_options={"include_usage": True}))
    pieces = sum(bool(choice["delta"].get("content")) for chunk in got for choice in chunk["choices"])
    usage = got[-1]["usage"]
    assert pieces == usage["completion_tokens"]
    assert usage["prompt_tokens"] + pieces == usage["total_tokens"]
    assert usage == document(ask(n=3))["usage"]


def test_the_seed_of_a_request_chooses_the_words() -> None:
    assert texts(ask("Tell me", stream=True, seed=1)) == texts(ask("Tell me", stream=True, seed=1))
    assert texts(ask("Tell me", stream=True, seed=1)) != texts(ask("Tell me", stream=True, seed=2))


def test_the_seed_of_the_server_chooses_words_and_ids() -> None:
    one, two = (ask("Tell me", settings=Settings(seed=seed), stream=True) for seed in (1, 2))
    assert texts(one) != texts(two)
    assert chunks(one)[0]["id"] != chunks(two)[0]["id"]


def test_another_request_has_another_id() -> None:
    assert document(ask("a"))["id"] != document(ask("b"))["id"]


def test_content_parts_are_read_as_text() -> None:
    parts = [{"type": "text", "text": COUNT}, {"type": "image_url", "image_url": {"url": "x"}}]
    assert [COUNTED] == texts(ask(parts, stream=True))


def test_created_is_pinned() -> None:
    assert 1_767_225_600 == document(ask())["created"]
    assert 7 == document(ask(settings=Settings(created=7)))["created"]


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "below_min_value"),
        ({"n": 0}, "n", "below_min_value"),
        ({"n": 129}, "n", "above_max_value"),
        ({"temperature": 9.5}, "temperature", "above_max_value"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": [{"role": "wizard"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
        ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
        ({"stream_options": {}}, "stream_options", None),
    ],
)
def test_a_wrong_member_is_refused_by_its_name(members: dict[str, object], param: str, code: str | None) -> None:
    got = ask(**members)
    error = document(got)["error"]
    assert (400, "invalid_request_error", param, code) == (got.status, error["type"], error["param"], error["code"])
    assert param in error["message"]


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_a_missing_member_is_refused_by_its_name(missing: str) -> None:
    whole = {"model": "mock", "messages": [{"role": "user", "content": "x"}]}
    got = answer(Request("POST", URL, (), {k: v for k, v in whole.items() if k != missing}), Settings())
    assert (400, missing) == (got.status, document(got)["error"]["param"])


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b'{"model": ', b"\xff", b'{"a": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    got = answer(Request("POST", URL, (), read_body(raw)), Settings())
    assert 400 == got.status
    assert schemas.fast("chat/error.strict").is_valid(document(got))


def test_an_unknown_model_does_not_exist() -> None:
    got = ask(model="nobody")
    error = document(got)["error"]
    assert (404, "model", "model_not_found") == (got.status, error["param"], error["code"])


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic secret", "secret", "Bearer"])
def test_with_keys_others_are_not_let_in(header: str | None) -> None:
    request = Request("POST", URL, (("Authorization", header),) if header else (), {"model": "mock"})
    got = answer(request, Settings(keys=frozenset({"secret"})))
    assert (401, "invalid_api_key") == (got.status, document(got)["error"]["code"])
    assert ("www-authenticate", "Bearer") in got.headers
    assert b"wrong" not in body(got.acts)


@pytest.mark.parametrize("header", ["Bearer secret", "bearer secret"])
def test_with_keys_the_right_one_is_let_in(header: str) -> None:
    whole = {"model": "mock", "messages": [{"role": "user", "content": "x"}]}
    request = Request("POST", URL, (("authorization", header),), whole)
    assert 200 == answer(request, Settings(keys=frozenset({"secret"}))).status


def test_the_order_of_members_changes_nothing() -> None:
    one = {"model": "mock", "messages": [{"role": "user", "content": "x"}], "n": 2}
    other = dict(reversed(one.items()))
    assert answer(Request("POST", URL, (), one), Settings()) == answer(Request("POST", URL, (), other), Settings())


def sent_as(kind: str | None) -> Answer:
    headers = () if kind is None else (("Content-Type", kind),)
    body = {"model": "mock", "messages": [{"role": "user", "content": COUNT}]}
    return answer(Request("POST", URL, headers, body), Settings())


@pytest.mark.parametrize(
    "kind", [None, "application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"]
)
def test_a_body_is_read_that_is_called_json_or_that_nobody_gave_a_name(kind: str | None) -> None:
    assert 200 == sent_as(kind).status


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=utf-8", "multipart/form-data; boundary=a", "json"])
def test_a_body_that_is_called_something_else_is_not_read(kind: str) -> None:
    assert (415, "unsupported_media_type") == (sent_as(kind).status, document(sent_as(kind))["error"]["code"])


def test_a_parameter_that_nobody_knows_is_refused_by_name() -> None:
    refused = ask(temprature=1)
    assert 400 == refused.status
    assert ("temprature", "unknown_parameter") == tuple(document(refused)["error"][k] for k in ("param", "code"))


@pytest.mark.parametrize("member", ["top_k", "chat_template_kwargs", "repetition_penalty", "reasoning_effort", "store"])
def test_parameters_of_other_servers_and_of_later_versions_are_let_pass(member: str) -> None:
    assert [COUNTED] == texts(ask(stream=True, **{member: None}))


@pytest.mark.parametrize(("letters", "status"), [(512_000, 200), (512_001, 400)])
def test_a_prompt_longer_than_the_context_is_refused(letters: int, status: int) -> None:
    got = ask("x" * letters, max_tokens=1)
    assert status == got.status
    if status == 400:
        assert "context_length_exceeded" == document(got)["error"]["code"]
