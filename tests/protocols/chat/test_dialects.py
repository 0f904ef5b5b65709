"""Dialects are data: every tolerance names a rule, covers what it was written for, and nothing else."""

import pytest

from conformance.judge import judge
from conformance.protocols.chat.dialects import AZURE, DIALECTS, OPENAI, STRICT, find
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.verdicts import Verdict

FILTERS = (
    b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":'
    b'[{"prompt_index":0,"content_filter_results":{}}]}\n\n'
)
REST = (
    b'data: {"choices":[{"content_filter_results":{},"delta":{"content":"","role":"assistant"},"finish_reason":null,'
    b'"index":0,"logprobs":null}],"created":1767225600,"id":"%s","model":"m","object":"chat.completion.chunk"}\n\n'
    b'data: {"choices":[{"content_filter_results":{},"delta":{"content":"Hi"},"finish_reason":null,'
    b'"index":0,"logprobs":null}],"created":1767225600,"id":"%s","model":"m","object":"chat.completion.chunk"}\n\n'
    b'data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],'
    b'"created":1767225600,"id":"%s","model":"m","object":"chat.completion.chunk"}\n\n'
    b"data: [DONE]\n\n"
)
GOOD = b"chatcmpl-1"


def findings(body: bytes, dialect) -> dict[str, Verdict]:
    request = Request(
        "POST",
        "http://x/v1/chat/completions",
        (),
        {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]},
    )
    reader = ExchangeReader(request)
    reader.feed(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + body, 0.1)
    verdicts = judge([reader.close(Ending.EOF, 0.1)], dialect=dialect)
    return {v.rule.id: v.verdict for v in verdicts if v.findings and v.verdict is not Verdict.PASS}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_tolerance_names_a_rule_a_reason_and_where_to_read_of_it(dialect):
    ids = {rule.id for rule in ALL}
    assert [] == [t for t in dialect.tolerances if t.rule not in ids or not t.reason or not t.seen]
    assert all(t.link.startswith("https://") for t in dialect.tolerances)


def test_the_first_chunk_of_azure_is_tolerated_and_every_tolerance_is_needed():
    assert {t.rule: Verdict.TOLERATED for t in AZURE.tolerances} == findings(FILTERS + REST % (GOOD, GOOD, GOOD), AZURE)


def test_the_same_chunk_is_red_in_the_dialect_of_openai():
    assert Verdict.FAIL is findings(FILTERS + REST % (GOOD, GOOD, GOOD), OPENAI)["chat/identity/id-not-empty"]


def test_azure_is_not_excused_for_anything_else():
    assert {"chat/identity/id-constant": Verdict.FAIL} == {
        rule: verdict
        for rule, verdict in findings(FILTERS + REST % (GOOD, GOOD, b"chatcmpl-2"), AZURE).items()
        if verdict is Verdict.FAIL
    }


def test_strict_tolerates_nothing():
    assert () == STRICT.tolerances


def test_an_unknown_dialect_says_which_there_are():
    with pytest.raises(LookupError, match="openai, azure, strict"):
        find("klingon")
