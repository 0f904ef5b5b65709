"""Replies that are bytes: what a scenario holds goes over the connection as it is."""

import base64
import socket
from urllib.parse import urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conformance.clientfuzz.keeping import scenario_of
from conformance.mistakes import ConfigurationError
from conformance.wire.script import Answer, Framing, Reset, Send, Wait
from mockserver.scenarios.breaking import FOR_EVER
from mockserver.scenarios.reading import parse
from mockserver.testing import mocked

REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
)
BODY = b'{"model": "mock", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'


def wire(*acts):
    return {"scenario": [{"reply": {"wire": list(acts)}}]}


def told(acts):
    return parse(yaml.safe_dump(wire(*acts))).entries[0].replies[0].wire


def test_each_act_is_read():
    acts = [{"send": "a\r\n"}, {"base64": base64.b64encode(b"\xff").decode()}, {"wait": 0.5}, {"reset": True}]
    assert (Send(b"a\r\n"), Send(b"\xff"), Wait(0.5), Reset()) == told(acts)
    assert (Wait(FOR_EVER),) == told([{"stall": True}])


@given(st.lists(st.binary(min_size=1) | st.text(min_size=1).map(lambda t: t.encode("utf-8", "replace")), min_size=1))
def test_any_bytes_come_back_from_a_scenario_that_was_written(pieces):
    answer = Answer(200, (), tuple(map(Send, pieces)), Framing.RAW)
    assert answer.acts == parse(scenario_of(answer, "bytes")).entries[0].replies[0].wire


def test_the_bytes_go_over_the_connection_as_they_are():
    response = b"HTTP/1.1 299 Odd\r\nx: 1\r\n\r\ndata: \xff\n\ndata: [DONE]\n\n"
    answer = Answer(200, (), (Send(response[:30]), Send(response[30:])), Framing.RAW)
    with mocked(scenario=yaml.safe_load(scenario_of(answer, "odd"))) as mock:
        address = urlsplit(mock.base_url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(REQUEST % (len(BODY), BODY))
            got = b""
            while data := connection.recv(65536):
                got += data
    assert response == got


@pytest.mark.parametrize(
    ("acts", "says"),
    [
        ([{"base64": "?"}], "this is not base64"),
        ([{"send": "a", "wait": 1}], "wire"),
        ([{"wait": 0}], "wait"),
        ([], "wire"),
    ],
)
def test_what_is_no_act_is_told(acts, says):
    with pytest.raises(ConfigurationError, match=says):
        told(acts)


def test_nothing_else_goes_with_bytes():
    with pytest.raises(ConfigurationError, match="'text' does not go with `wire`"):
        parse("scenario: [{reply: {text: a, wire: [{send: b}]}}]")
