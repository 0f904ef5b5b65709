"""Dialects are data: every tolerance names a rule, says why and where to read of it, and what it covers."""

import pytest

from conformance.protocols.chat.dialects import AUTO, DIALECTS, NAMES, STRICT, check_name, choose, find
from conformance.protocols.chat.dialects.dialect import Tolerance
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import Finding
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.rules.rule import Level

VENDORS = (
    *("openai", "azure", "vllm", "sglang", "llamacpp", "ollama", "tgi", "transformers", "litellm", "openrouter"),
    *("groq", "mistral", "deepseek", "strict"),
)
TWO = b'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\ndata: {"choices":[],"id":""}\n\n'


def exchange(body: bytes = TWO, **asked) -> Exchange:
    reader = ExchangeReader(Request("POST", "http://x/v1/chat/completions", (), {"messages": [], **asked}))
    reader.feed(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + body, 0.1)
    return reader.close(Ending.EOF, 0.1)


def tolerance(**members: str) -> Tolerance:
    return Tolerance(**{"rule": "a/b/c", "reason": "why", "link": "https://x", "seen": "v1", **members})


def finding(got: str, event: int | None = None, rule: str = "a/b/c") -> Finding:
    return Finding(wanted="else", got=got, event=event, rule=rule)


def test_the_vendors_are_there():
    assert VENDORS == tuple(dialect.name for dialect in DIALECTS)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_tolerance_names_a_rule_that_counts_a_reason_and_where_to_read_of_it(dialect):
    counted = [rule.id for rule in ALL if rule.level is not Level.MAY]
    assert [] == [t for t in dialect.tolerances if not any(map(t.concerns, counted))]
    assert [] == [t for t in dialect.tolerances if not t.reason or not t.seen]
    assert all(t.link.startswith("https://") for t in dialect.tolerances)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_no_tolerance_is_written_twice(dialect):
    told = [str(tolerance) for tolerance in dialect.tolerances]
    assert sorted(set(told)) == sorted(told)


def test_strict_tolerates_nothing():
    assert () == STRICT.tolerances


@pytest.mark.parametrize(
    ("limits", "found", "expected"),
    [
        ({}, finding("anything"), True),
        ({}, finding("anything", rule="a/b/d"), False),
        ({"rule": "*/b/c"}, finding("anything", rule="x/b/c"), True),
        ({"rule": "*/b/c"}, finding("anything", rule="x/b/d"), False),
        ({"got": '""*'}, finding('"" (and in 2 more messages)'), True),
        ({"got": '""*'}, finding('"x"'), False),
        ({"message": "/prompt_filter_results*"}, finding("", 1), True),
        ({"message": "/prompt_filter_results*"}, finding("", 2), False),
        ({"message": "/prompt_filter_results*"}, finding("", 3), False),
        ({"message": "/prompt_filter_results*"}, finding(""), False),
        ({"request": "/n = 2"}, finding(""), True),
        ({"request": "/n = 3"}, finding(""), False),
        ({"request": "/stream_options/include_usage = true"}, finding(""), True),
    ],
)
def test_a_tolerance_covers_what_it_names_and_nothing_else(limits, found, expected):
    asked = exchange(n=2, stream_options={"include_usage": True})
    assert expected is tolerance(**limits).covers(found, asked)


def test_without_a_stream_the_message_at_fault_is_the_document():
    document = exchange(b'{"error":{"code":400}}')
    assert tolerance(message="/error/code = 400").covers(finding("400"), document)
    assert not tolerance(message="/error/code = 500").covers(finding("400"), document)


def test_a_tolerance_says_what_narrows_it():
    assert "a/b/c" == str(tolerance())
    assert "a/b/c (got 4*, request /n = *)" == str(tolerance(got="4*", request="/n = *"))


def test_an_unknown_dialect_says_which_there_are():
    for look in (find, check_name):
        with pytest.raises(LookupError, match=r"there are openai, azure, vllm.* auto"):
            look("klingon")


def test_auto_is_a_name_to_ask_for_and_no_dialect():
    check_name(AUTO)
    assert AUTO in NAMES
    with pytest.raises(LookupError):
        find(AUTO)


def test_a_dialect_that_is_named_is_not_guessed():
    assert ("vllm", "") == ((chosen := choose("vllm", [exchange()])).dialect.name, chosen.why)
    assert ("azure", "prompt_filter_results: /prompt_filter_results/*/prompt_index = 0") == (
        (guessed := choose(AUTO, [exchange()])).dialect.name,
        guessed.why,
    )
