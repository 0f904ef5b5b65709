"""Cassettes as vcrpy and Ruby's VCR write them."""

import base64
import gzip
import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.chat.states import Kind
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.imports.assume import NOT_RECORDED
from conformance.protocols.imports.foreign import ForeignFormatError, OtherFormatError
from conformance.protocols.imports.vcr import read

STREAM = (
    b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}\n\n'
    b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b"data: [DONE]\n\n"
)
VCRPY = rb"""
interactions:
- request:
    body: '{"messages":[{"role":"user","content":"Say hi"}],"model":"m","stream":true}'
    headers:
      accept:
      - application/json
      authorization:
      - Bearer sk-1
      content-type:
      - application/json
      host:
      - api.example.com
    method: POST
    uri: https://api.example.com/v1/chat/completions
  response:
    body:
      string: 'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}


        data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}


        data: [DONE]


        '
    headers:
      Content-Type:
      - text/event-stream; charset=utf-8
      Date:
      - Wed, 01 Jan 2025 00:00:00 GMT
      Set-Cookie:
      - a=sk-2
      - b=sk-3
      X-Twice:
      - '1'
      - '2'
    status:
      code: 200
      message: OK
- request:
    body: '{"input":"x"}'
    headers: {}
    method: POST
    uri: https://api.example.com/v1/embeddings
  response:
    body:
      string: '{"data": []}'
    headers:
      Content-Type:
      - application/json
    status:
      code: 200
      message: OK
version: 1
"""
RUBY = rb"""---
http_interactions:
- request:
    method: post
    uri: https://api.example.com/v1/chat/completions
    body:
      encoding: UTF-8
      string: '{"model":"m","stream":true,"messages":[]}'
    headers:
      Authorization:
      - Bearer sk-1
  response:
    status:
      code: 200
      message: OK
    headers:
      Content-Type:
      - text/event-stream
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        ZGF0YTogW0RPTkVdCgo=
  recorded_at: Wed, 01 Jan 2025 00:00:00 GMT
recorded_with: VCR 6.2.0
"""


def interaction(**changes: Any) -> dict[str, Any]:
    """One of vcrpy, as its JSON serializer writes it; members named like `response__body` replace."""
    value: dict[str, Any] = {
        "request": {
            "method": "POST",
            "uri": "https://api.example.com/v1/chat/completions",
            "body": '{"stream": true, "messages": []}',
            "headers": {"accept": ["*/*"]},
        },
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": {"content-type": ["text/event-stream"]},
            "body": {"string": STREAM.decode()},
        },
    }
    for name, change in changes.items():
        part, _, member = name.partition("__")
        if change is None:
            del value[part][member]
        else:
            value[part][member] = change
    return value


def cassette(**changes: Any) -> bytes:
    return json.dumps({"version": 1, "interactions": [interaction(**changes)]}).encode()


def as_yaml(**changes: Any) -> bytes:
    """As vcrpy writes it, bytes as !!binary."""
    return yaml.dump({"interactions": [interaction(**changes)], "version": 1}).encode()


def only(data: bytes, request: Request | None = None) -> Exchange:
    (found,) = read(data, source="c.yaml", request=request).found
    assert found.exchange is not None, found.problem
    return found.exchange


def problem(data: bytes) -> str:
    (found,) = read(data).found
    assert found.exchange is None
    return found.problem


def test_a_cassette_of_vcrpy_is_read() -> None:
    imported = read(VCRPY, source="c.yaml")
    (found,) = imported.found
    assert (found.number, imported.left_out) == (1, 1)
    exchange = found.exchange
    assert exchange is not None
    assert (exchange.source, exchange.layer, exchange.protocol) == ("c.yaml#1", "body", "chat")
    assert (exchange.status, exchange.ending, exchange.ended_at) == (200, Ending.EOF, None)
    assert exchange.body == STREAM
    assert [step.kind for step in exchange.steps] == [Kind.DELTA, Kind.FINISH, Kind.TERMINATOR]
    assert exchange.request.body == {"messages": [{"role": "user", "content": "Say hi"}], "model": "m", "stream": True}


def test_headers_come_once_per_value_and_without_credentials() -> None:
    exchange = only(VCRPY)
    assert exchange.head is not None
    assert exchange.head.headers == (
        ("Content-Type", "text/event-stream; charset=utf-8"),
        ("Date", "Wed, 01 Jan 2025 00:00:00 GMT"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
    )
    assert "sk-" not in str(exchange)


def test_a_cassette_of_ruby_is_read() -> None:
    exchange = only(RUBY)
    assert (exchange.request.method, exchange.member("stream"), exchange.body) == ("POST", True, b"data: [DONE]\n\n")


def test_a_json_cassette_is_read() -> None:
    assert only(cassette()).body == STREAM
    packed = {"encoding": "ASCII-8BIT", "base64_string": base64.b64encode(STREAM).decode()}
    assert only(cassette(response__body=packed)).body == STREAM


def test_a_binary_body_is_read() -> None:
    exchange = only(as_yaml(response__body={"string": STREAM}, request__body=b'{"stream": true, "messages": []}'))
    assert (exchange.body, exchange.member("stream")) == (STREAM, True)


def test_the_form_of_older_versions_for_httpx_is_read() -> None:
    old = as_yaml(response__body=None, response__status=None, response__content=STREAM, response__status_code=200)
    assert (only(old).status, only(old).body) == (200, STREAM)


def test_bodies_that_were_parsed_before_they_were_kept_are_read() -> None:
    data = as_yaml(
        request__body=None,
        request__parsed_body={"messages": [], "created": "2025-01-01"},
        response__body=None,
        response__parsed_body={"object": "chat.completion", "choices": []},
        response__headers={"content-type": ["application/json"]},
    ).replace(b"'2025-01-01'", b"2025-01-01")
    exchange = only(data)
    assert exchange.request.body == {"messages": [], "created": "2025-01-01"}
    assert exchange.document == {"object": "chat.completion", "choices": []}


def test_a_request_body_that_is_a_mapping_is_json() -> None:
    assert only(as_yaml(request__body={"stream": True, "messages": []})).member("stream") is True


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", gzip.compress(STREAM)), ("gzip", STREAM), ("br", STREAM), ("deflate", b"x\x9c\x03\x00\x00\x00\x00\x01")],
    ids=["still gzip", "gzip undone", "br undone", "still deflate"],
)
def test_a_content_coding_is_undone_once(coding: str, body: bytes) -> None:
    headers = {"content-type": ["text/event-stream"], "Content-Encoding": [coding], "Content-Length": ["7"]}
    exchange = only(as_yaml(response__headers=headers, response__body={"string": body}))
    assert exchange.head is not None
    assert exchange.head.headers == (("content-type", "text/event-stream"),)
    assert exchange.body == (STREAM if coding != "deflate" else b"")


@pytest.mark.parametrize(
    ("coding", "body", "says"),
    [("br", b"\x1b\xff\x00", "still 'br' coded"), ("gzip", b"\x1f\x8b\x00\x00", "broken"), ("gzip", b"\xff", "still")],
)
def test_a_coding_that_cannot_be_undone_is_a_problem(coding: str, body: bytes, says: str) -> None:
    headers = {"content-type": ["text/event-stream"], "content-encoding": [coding]}
    assert says in problem(as_yaml(response__headers=headers, response__body={"string": body}))


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.protocols.imports.foreign.MAX_BODY", 1 << 20)
    body = gzip.compress(bytes(1 << 21))
    headers = {"content-type": ["text/event-stream"], "content-encoding": ["gzip"]}
    assert "longer than" in problem(as_yaml(response__headers=headers, response__body={"string": body}))


def test_a_request_that_was_not_kept_is_assumed_or_given() -> None:
    data = cassette(request__body="")
    assert only(data).member("stream_options") == NOT_RECORDED
    given_body = {"stream": True, "n": 1}
    assert only(data, Request("POST", "http://h/", (), given_body)).request.body == given_body


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"request__uri": "http://me:sk-1@["}, "the URL of the request is none"),
        ({"response__status": {"code": "200"}}, "no interaction: Expected `int`"),
        ({"response__status": {"code": 0}}, "no response status"),
        ({"response__headers": []}, "no interaction"),
        ({"request__method": None}, "no interaction: Object missing required field `method`"),
        ({"response__body": {"string": [1]}}, "neither text nor bytes, but list"),
        ({"response__body": {"base64_string": "?"}}, "base64"),
    ],
)
def test_an_interaction_that_cannot_be_judged_says_why(changes: dict[str, Any], says: str) -> None:
    assert says in problem(cassette(**changes))


@pytest.mark.parametrize(
    "path",
    ["/model/m/converse", "/model/m/invoke", "/v2/chat", "/api/chat", "/v1/messages", "/v1/messages/count_tokens"],
)
def test_messages_in_another_grammar_are_left_out(path: str) -> None:
    data = cassette(
        request__uri=f"https://api.example.com{path}",
        request__body='{"messages": []}',
        response__headers={"content-type": ["application/json"]},
    )
    assert (read(data).found, read(data).left_out) == ((), 1)


def test_what_is_no_http_in_a_cassette_is_left_out() -> None:
    imported = read(b"interactions:\n- request_sample: {raw: a}\n- messages: []\n")
    assert (imported.found, imported.left_out) == ((), 2)


@pytest.mark.parametrize(
    "data", [b"a: 1", b"[]", b"interactions: {}", b'{"log": {"entries": []}}', b"text", b"", b"interactions:"]
)
def test_other_yaml_and_json_is_something_else(data: bytes) -> None:
    with pytest.raises(OtherFormatError, match="interactions"):
        read(data)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a: [", "in line 2"),
        (b"a: 1\n---\nb: 2\n", "no YAML"),
        (b"interactions: !!python/object:os.system {}", "no YAML"),
        (b"interactions: [" + b"*a, " * 1000 + b"]", "aliases"),
        (b"[" * 200_000, "levels"),
        (b"{a: " * 200_000, "levels"),
        (b"- " * 10_000, "levels"),
        (b"a: &a {k: v}\ninteractions: [{<<: [*a, *a]}]", "no YAML"),
        (b"\xff\xfe\xff", "no YAML"),
        (b"a: " + b"9" * 5000, "no YAML"),
        (b"{[]: 1}", "no YAML"),
    ],
    ids=["cut", "two", "object", "aliases", "lists", "mappings", "nested", "merge", "bytes", "number", "key"],
)
def test_yaml_that_could_do_harm_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ForeignFormatError, match=says):
        read(data)


def test_a_few_aliases_are_fine() -> None:
    data = VCRPY.replace(b"headers: {}", b"headers: &h {}").replace(b"version: 1", b"unused: *h\nversion: 1")
    assert only(data).body == STREAM


def test_a_body_of_laughs_is_refused() -> None:
    data = as_yaml(request__body="BODY").replace(b"BODY", b"*z")
    laughs = b"".join(b"- &%c [%s]\n" % (c, b", ".join([b"*%c" % (c - 1)] * 3)) for c in range(98, 123))
    text = b"pile:\n- &a [x]\n" + laughs + data
    assert "values" in problem(text)


def test_a_body_that_contains_itself_is_refused() -> None:
    data = as_yaml(request__body="BODY").replace(b"body: BODY", b"body: &b {a: *b}")
    assert "contains itself" in problem(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_change_to_an_interaction_is_an_exchange_or_a_problem(data: st.DataObject) -> None:
    value = interaction()
    place = data.draw(st.sampled_from([value["request"], value["response"], value["response"]["body"], value]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    with suppress(ForeignFormatError):
        read(yaml.dump({"interactions": [value]}).encode("utf-8", "surrogatepass"))
    with suppress(ForeignFormatError, TypeError):  # TypeError: json has no bytes
        read(json.dumps({"interactions": [value]}).encode())


@given(st.binary() | st.text(st.sampled_from("-:[]{}&*!|>%@`'\"# \nab0"), max_size=40).map(str.encode))
def test_any_bytes_are_refused_as_such(data: bytes) -> None:
    with pytest.raises(ForeignFormatError):
        read(data)
