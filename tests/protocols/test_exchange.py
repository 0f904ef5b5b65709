"""What an exchange says of itself."""

import pytest

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head


def exchange(body: object = None, head: Head | None = None, data: bytes = b"") -> Exchange:
    reader = ExchangeReader(
        Request("POST", "http://t/v1/chat/completions?a=b", (("X-Key", "1"),), body), head=head, layer="body"
    )
    reader.feed(data)
    return reader.close(Ending.EOF)


def test_a_member_of_a_body_that_is_no_object_is_absent() -> None:
    assert [None, None, "x", 2] == [
        exchange(None).member("n"),
        exchange("{").member("n"),
        exchange([1]).member("n", "x"),
        exchange({"n": 2}).member("n"),
    ]


def test_the_status_of_no_head_is_zero() -> None:
    assert [0, 503] == [exchange().status, exchange(head=Head(503, ())).status]


def test_a_request_header_is_found_without_case() -> None:
    request = exchange().request
    assert ["1", None, "/v1/chat/completions"] == [request.header("x-key"), request.header("none"), request.path]


@pytest.mark.parametrize(("got", "shown"), [("plain text", "plain text"), ({"a": 1}, '{"a": 1}'), (None, "null")])
def test_a_finding_shows_text_as_it_is_and_all_else_as_json(got: object, shown: str) -> None:
    assert shown == exchange().finding("x", got).got


def test_text_of_a_span_is_escaped() -> None:
    assert '"b\\u001bc"' == exchange(data=b"ab\x1bcd").text((1, 4))
