"""HAR files as Chrome, Firefox and mitmproxy write them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.exchange import Ending, Request
from conformance.protocols.imports.assume import NOT_RECORDED
from conformance.protocols.imports.foreign import ForeignFormatError, Found, OtherFormatError
from conformance.protocols.imports.har import read

STREAM = 'data: {"choices":[{"index":0,"delta":{"content":"é"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
CHROME: dict[str, Any] = {
    "log": {
        "version": "1.2",
        "creator": {"name": "WebInspector", "version": "537.36"},
        "pages": [],
        "entries": [
            {
                "_initiator": {"type": "script"},
                "_priority": "High",
                "_resourceType": "script",
                "request": {
                    "method": "GET",
                    "url": "https://chat.example.com/app.js",
                    "httpVersion": "h3",
                    "headers": [],
                },
                "response": {
                    "status": 200,
                    "statusText": "",
                    "headers": [],
                    "content": {"size": 9, "text": "var a = 1"},
                },
            },
            {
                "_resourceType": "fetch",
                "cache": {},
                "connection": "443",
                "request": {
                    "method": "POST",
                    "url": "https://chat.example.com/v1/chat/completions?key=sk-3",
                    "httpVersion": "http/2.0",
                    "headers": [
                        {"name": ":authority", "value": "chat.example.com"},
                        {"name": ":method", "value": "POST"},
                        {"name": "authorization", "value": "Bearer sk-1"},
                        {"name": "content-type", "value": "application/json"},
                    ],
                    "queryString": [],
                    "cookies": [],
                    "headersSize": -1,
                    "bodySize": 90,
                    "postData": {
                        "mimeType": "application/json",
                        "text": '{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}',
                    },
                },
                "response": {
                    "status": 200,
                    "statusText": "",
                    "httpVersion": "http/2.0",
                    "headers": [
                        {"name": ":status", "value": "200"},
                        {"name": "content-encoding", "value": "br"},
                        {"name": "content-type", "value": "text/event-stream; charset=utf-8"},
                        {"name": "set-cookie", "value": "session=sk-2"},
                    ],
                    "cookies": [],
                    "content": {"size": 113, "mimeType": "text/event-stream", "compression": 0, "text": STREAM},
                    "redirectURL": "",
                    "headersSize": -1,
                    "bodySize": -1,
                    "_transferSize": 300,
                    "_error": None,
                },
                "serverIPAddress": "192.0.2.1",
                "startedDateTime": "2026-01-01T00:00:00.000Z",
                "time": 812.5,
                "timings": {
                    "blocked": 1,
                    "dns": -1,
                    "ssl": -1,
                    "connect": -1,
                    "send": 0.2,
                    "wait": 300,
                    "receive": 511,
                },
            },
        ],
    }
}


def har(*, response: dict[str, Any] | None = None, request: dict[str, Any] | None = None) -> bytes:
    """Chrome's file with members of the second entry replaced."""
    value = json.loads(json.dumps(CHROME))
    entry = value["log"]["entries"][1]
    entry["request"].update(request or {})
    entry["response"].update(response or {})
    return json.dumps(value).encode()


def only(data: bytes, request: Request | None = None) -> Found:
    (found,) = read(data, source="page.har", request=request).found
    return found


def problem(data: bytes) -> str:
    found = only(data)
    assert found.exchange is None
    return found.problem


def test_the_chat_completion_among_the_entries_is_found() -> None:
    imported = read(har(), source="page.har")
    (found,) = imported.found
    assert (found.number, imported.left_out) == (2, 1)
    exchange = found.exchange
    assert exchange is not None
    assert exchange.source == "page.har#2"
    assert (exchange.layer, exchange.protocol, exchange.status, exchange.ending) == ("body", "chat", 200, Ending.EOF)
    assert exchange.body == STREAM.encode()
    assert exchange.member("stream") is True
    assert len(exchange.steps) == 2


def test_a_har_has_no_times() -> None:
    exchange = only(har()).exchange
    assert exchange is not None
    assert (exchange.head_at, exchange.ended_at, exchange.steps[0].event.at) == (None, None, None)


def test_headers_lose_credentials_pseudo_headers_and_the_coding_that_was_undone() -> None:
    exchange = only(har()).exchange
    assert exchange is not None
    assert exchange.head is not None
    assert exchange.head.headers == (("content-type", "text/event-stream; charset=utf-8"),)
    assert exchange.request.headers == (("content-type", "application/json"),)
    assert "sk-" not in str(exchange)


def test_base64_content_is_undone() -> None:
    content = {"size": 14, "mimeType": "text/event-stream", "text": "ZGF0YTogW0RPTkVdCgo=", "encoding": "base64"}
    exchange = only(har(response={"content": content})).exchange
    assert exchange is not None
    assert exchange.body == b"data: [DONE]\n\n"


def test_an_event_stream_on_any_path_is_found() -> None:
    exchange = only(har(request={"url": "https://chat.example.com/api/talk", "postData": {"text": "{}"}})).exchange
    assert exchange is not None
    assert (exchange.protocol, len(exchange.events)) == ("", 2)


@pytest.mark.parametrize(
    ("error", "ending"),
    [("", Ending.EOF), ("net::ERR_ABORTED", Ending.LEFT), ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", Ending.RESET)],
)
def test_how_the_load_failed_is_how_the_exchange_ended(error: str, ending: Ending) -> None:
    exchange = only(har(response={"_error": error})).exchange
    assert exchange is not None
    assert exchange.ending is ending


def test_a_request_whose_body_was_not_kept_is_assumed() -> None:
    exchange = only(har(request={"postData": None})).exchange
    assert exchange is not None
    assert (exchange.member("stream"), exchange.member("stream_options")) == (True, NOT_RECORDED)


def test_a_request_whose_body_was_not_kept_is_the_given_one() -> None:
    given_body = {"stream": True, "max_tokens": 7}
    exchange = only(har(request={"postData": None}), Request("POST", "http://h/", (), given_body)).exchange
    assert exchange is not None
    assert exchange.request.body == given_body
    assert exchange.request.url == "https://chat.example.com/v1/chat/completions?key=***"


def test_half_a_surrogate_pair_is_a_lost_character() -> None:
    exchange = only(har(response={"content": {"text": "data: \ud83d\n\ndata: \ud83d\ude00\n\n"}})).exchange
    assert exchange is not None
    assert exchange.body == "data: \ufffd\n\ndata: 😀\n\n".encode()


def test_a_firefox_file_is_read() -> None:
    exchange = only(
        har(
            response={
                "httpVersion": "HTTP/2",
                "content": {"mimeType": "text/event-stream", "size": 113, "text": STREAM},
            },
            request={
                "postData": {"mimeType": "application/json", "params": [], "text": '{"stream":true,"messages":[]}'}
            },
        )
    ).exchange
    assert exchange is not None
    assert exchange.protocol == "chat"


def test_a_byte_order_mark_does_no_harm() -> None:
    assert only(b"\xef\xbb\xbf" + har()).exchange is not None


@pytest.mark.parametrize(
    ("response", "says"),
    [
        ({"content": {"size": 113, "mimeType": "text/event-stream"}}, "the body was not saved"),
        ({"content": {"text": "?", "encoding": "base64"}}, "base64"),
        ({"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"}, "net::ERR_CONNECTION_REFUSED"),
        ({"status": "200"}, "no HAR entry: Expected `int`"),
        ({"headers": None}, "no HAR entry"),
    ],
)
def test_an_entry_that_cannot_be_judged_says_why(response: dict[str, Any], says: str) -> None:
    assert says in problem(har(response=response))


def test_a_response_of_no_bytes_is_an_empty_body() -> None:
    exchange = only(har(response={"content": {"size": 0, "mimeType": "x-unknown"}})).exchange
    assert exchange is not None
    assert exchange.body == b""


def test_a_url_that_is_none_is_a_problem_that_shows_no_credential() -> None:
    text = problem(har(request={"url": "https://me:sk-1@[/v1/chat/completions"}))
    assert "sk-1" not in text


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"log": []}', b'{"log": {"entries": {}}}', b'{"interactions": []}'])
def test_json_that_is_no_har_is_something_else(data: bytes) -> None:
    with pytest.raises(OtherFormatError, match=r"log\.entries"):
        read(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ForeignFormatError):
        read(data)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["POST", STREAM, "base64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_change_to_an_entry_is_an_exchange_or_a_problem(data: st.DataObject) -> None:
    value = json.loads(har())
    entry = value["log"]["entries"][1]
    place = data.draw(
        st.sampled_from(
            [entry, entry["request"], entry["response"], entry["response"]["content"], entry["request"]["postData"]]
        )
    )
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    with suppress(ForeignFormatError):
        read(json.dumps(value).encode())


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(ForeignFormatError):
        read(data)
