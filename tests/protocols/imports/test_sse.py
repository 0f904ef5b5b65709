"""Bare event streams."""

from typing import Any

import pytest

from conformance.judge import findings_of
from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.imports.foreign import ForeignFormatError
from conformance.protocols.imports.sse import read

FIRST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
)
TEXT = FIRST.replace(b'"role":"assistant","content":""', b'"content":"Hello"')
FINISH = FIRST.replace(b'"role":"assistant","content":""', b"").replace(b":null", b':"stop"')
USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n'
)
DONE = b"data: [DONE]\n\n"
STREAM = FIRST + TEXT + FINISH + DONE


def only(data: bytes, request: Request | None = None) -> Exchange:
    (found,) = read(data, source="a.sse", request=request).found
    assert found.exchange is not None
    return found.exchange


def found_by(exchange: Exchange) -> list[str]:
    return [rule for rule, findings in findings_of(exchange).items() if findings]


def test_a_bare_stream_is_the_body_of_a_chat_stream() -> None:
    exchange = only(STREAM)
    assert STREAM == exchange.body
    assert (exchange.layer, exchange.protocol, exchange.status, exchange.transport) == ("body", "chat", 200, None)
    assert (exchange.ending, exchange.ended_at, exchange.source) == (Ending.EOF, None, "a.sse")
    assert [step.kind for step in exchange.steps] == [Kind.DELTA, Kind.DELTA, Kind.FINISH, Kind.TERMINATOR]


def test_nothing_is_said_about_what_is_not_in_the_file() -> None:
    assert found_by(only(STREAM)) == []


def test_usage_is_right_whether_it_was_asked_for_or_not() -> None:
    assert found_by(only(FIRST + TEXT + FINISH + USAGE + DONE)) == []


def test_a_reply_that_says_nothing_may_have_been_asked_for() -> None:
    assert found_by(only(FIRST + FINISH + DONE)) == []


def test_what_is_wrong_in_the_stream_is_still_found() -> None:
    assert "chat/termination/done-sent" in found_by(only(FIRST + TEXT + FINISH))


def test_as_many_choices_were_asked_for_as_came() -> None:
    second = (FIRST + TEXT + FINISH).replace(b'"index":0', b'"index":1')
    exchange = only(FIRST + TEXT + FINISH + second + DONE)
    assert exchange.member("n") == 2
    assert found_by(exchange) == []


def test_an_absurd_choice_index_is_not_taken_for_a_number_of_choices() -> None:
    assert only(STREAM.replace(b'"index":0', b'"index":1000000')).member("n") is None


def test_a_given_request_is_taken_as_it_is() -> None:
    request = Request("POST", "http://h/v1/chat/completions", (), {"stream": True, "messages": [], "max_tokens": 1})
    assert only(STREAM, request).request == request


def test_the_message_text_of_a_chat_stream_does_not_make_it_another_protocol() -> None:
    text = TEXT.replace(b"Hello", b'{\\"type\\":\\"message_start\\"}')
    assert only(FIRST + text + FINISH + DONE).protocol == "chat"


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'event: response.created\ndata: {"type":"response.created"}\n\n', "/v1/responses"),
        (b'event: message_start\ndata: {"type": "message_start"}\n\n', "/v1/messages"),
    ],
)
def test_streams_of_other_protocols_are_not_read_as_chat(data: bytes, path: str) -> None:
    exchange = only(data)
    assert (exchange.protocol, exchange.request.path) == ("", path)


def test_a_stream_of_text_completions_is_read_as_such() -> None:
    chunk = b'data: {"id":"cmpl-1","object":"text_completion","choices":[{"index":1,"text":"a"}]}\n\n'
    exchange = only(chunk)
    assert (exchange.protocol, exchange.request.path) == ("completions", "/v1/completions")
    assert exchange.member("n") == 2
    assert exchange.member("messages") is None


@pytest.mark.parametrize("data", [b"", b"garbage", b"\xff\xfe", b"<html>", b"data: {", b"{ no json"])
def test_whatever_the_bytes_are_they_are_the_body(data: bytes) -> None:
    assert only(data).body == data


@pytest.mark.parametrize("data", [b'{"error": {"message": "no"}}', b"\n [1]"])
def test_a_json_document_is_no_event_stream(data: bytes) -> None:
    with pytest.raises(ForeignFormatError, match=r"JSON document.*\.http"):
        read(data)


def test_a_given_request_does_not_make_a_stream_of_a_document() -> None:
    body: dict[str, Any] = {"stream": True}
    with pytest.raises(ForeignFormatError):
        read(b"{}", request=Request("POST", "http://h/v1/chat/completions", (), body))
