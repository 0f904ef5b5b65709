"""An exchange in lines: what is said of it, and how little a peer can do with it."""

import pytest

from conformance.protocols.chat.dialects.facts import MEMBERS, MESSAGES, facts, members
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader

HEAD = b"HTTP/1.1 200 OK\r\nServer: llama.cpp\r\nconnection: close\r\n\r\n"


def exchange(body: bytes, head: bytes = HEAD, path: str = "/v1/chat/completions") -> Exchange:
    reader = ExchangeReader(Request("POST", f"http://x{path}", (), {"messages": []}))
    reader.feed(head + body, 0.1)
    return reader.close(Ending.EOF, 0.1)


def test_headers_members_order_comments_and_names_of_events_become_lines():
    body = b': wait\n\nevent: error\ndata: {"error":{"code":400,"message":"no"},"choices":[{"index":0}]}\n\n'
    assert {
        "header server: llama.cpp",
        "header connection: close",
        "order error,choices",
        "order /error code,message",
        "/error/code = 400",
        '/error/message = "no"',
        "/choices/*/index = 0",
        "comment wait",
        "event error",
    } == set(facts(exchange(body)))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_messages_are_read_whether_their_grammar_is_known_or_not(path):
    assert '/id = "a"' in set(facts(exchange(b'data: {"id":"a"}\n\n', path=path)))


def test_a_document_is_read_like_a_message():
    assert ["order detail", '/detail = "Not Found"'] == list(facts(exchange(b'{"detail":"Not Found"}')))[-2:]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": {"b": [1, {"c": None}]}}, ["/a/b/* = 1", "/a/b/*/c = null"]),
        ({"a": {}, "b": []}, ["/a = {}", "/b = []"]),
        ([], []),
        ("text", []),
        (None, []),
        ({"a\nb = 1": "c\nd"}, ['/a\\nb = 1 = "c\\nd"']),
    ],
)
def test_members_come_with_their_path_and_without_line_ends(value, expected):
    assert expected == list(members(value))


def test_what_is_looked_at_is_bounded():
    many = b"".join(b'data: {"n%d":1}\n\n' % n for n in range(5000))
    assert 2 * MESSAGES == sum(1 for fact in facts(exchange(many)) if fact.startswith("/n"))
    assert MEMBERS == sum(1 for _ in members({str(n): n for n in range(100_000)}))
    assert all(len(line) < 1000 for line in members({"k" * 10**6: "v" * 10**6}))
    deep: object = 1
    for _ in range(100):
        deep = {"a": deep}
    assert 1 == len(list(members(deep)))


def test_the_last_messages_are_looked_at_too():
    many = b"".join(b'data: {"n":%d}\n\n' % n for n in range(1000))
    assert {"/n = 0", "/n = 999"} <= set(facts(exchange(many)))


def test_no_byte_of_a_peer_makes_it_raise_or_break_a_line():
    body = bytes(range(256)) + b'\n\ndata: {"a":"\xff\\ud800\xe2\x80\xa8"}\n\ndata: [1]\n\ndata: nonsense\n\n'
    assert [] == [fact for fact in facts(exchange(body)) if not fact.isprintable()]
