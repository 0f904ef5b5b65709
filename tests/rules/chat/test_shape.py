"""What the rules about the shape of chunks say, and what they stay silent about, on bytes written out here."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import Finding
from conformance.protocols.payload import duplicate_key
from conformance.protocols.reading import ExchangeReader
from conformance.rules.chat.json import RULES as JSON_RULES
from conformance.wire.http import Head

SHARED = b'"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"mock"'
ROLE = b'{%s,"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}' % SHARED
TEXT = b'{%s,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}' % SHARED
FINISH = b'{%s,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}' % SHARED
DONE = b"[DONE]"


def exchange_of(*messages: bytes, **members: Any) -> Exchange:
    body = {"model": "mock", "messages": [{"role": "user", "content": "Go"}], "stream": True, **members}
    request = Request("POST", "http://mock/v1/chat/completions", (), body)
    reader = ExchangeReader(request, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed(b"".join(b"data: " + message + b"\n\n" for message in messages), 0.1)
    return reader.close(Ending.EOF, 0.2)


def found(*messages: bytes, **members: Any) -> dict[str, list[Finding]]:
    everything = findings_of(exchange_of(*messages, **members))
    return {rule: findings for rule, findings in everything.items() if findings}


def test_a_plain_stream_is_found_good() -> None:
    assert {} == found(ROLE, TEXT, FINISH, DONE)


def test_what_is_not_json_is_shown_with_the_place_where_it_breaks() -> None:
    (finding,) = found(ROLE, b'{"id":"chatcmpl-1",}', FINISH, DONE)["chat/json/parses"]

    assert 2 == finding.event
    assert finding.got.endswith("at character 20 of 20)")


def test_ten_thousand_broken_messages_are_one_finding() -> None:
    (finding,) = found(ROLE, *[b"ping"] * 10_000, FINISH, DONE)["chat/json/parses"]

    assert 2 == finding.event
    assert finding.got.endswith("(and in 9999 more messages)")


def test_broken_messages_after_done_are_no_matter_of_json() -> None:
    assert {"chat/termination/nothing-after-done"} == found(ROLE, TEXT, FINISH, DONE, b"ping", b"{}").keys()


KEYS = st.sampled_from(["a", "b", '"', '":', "\\u0022", "ü", ""])
VALUES = st.recursive(
    st.sampled_from([None, 1, 'say "a": b', '\\"', "\\u0022", ""]),
    lambda inner: st.lists(st.tuples(KEYS, inner), max_size=4) | st.lists(inner, max_size=2).map(tuple),
    max_leaves=6,
)
"""JSON values; a list stands for an object whose keys need not differ, a tuple for an array."""


@st.composite
def spelled(draw: st.DrawFn, value: Any) -> str:
    """A value as JSON text, with space between the tokens and quotation marks in either spelling."""
    space = draw(st.sampled_from(["", " ", "\t"]))
    if isinstance(value, list):
        members = [f"{draw(spelled(key))}{space}:{space}{draw(spelled(inner))}" for key, inner in value]
        return "{" + f"{space},".join(members) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(draw(spelled(inner)) for inner in value) + "]"
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return text[0] + text[1:-1].replace('\\"', "\\u0022") + text[-1] if draw(st.booleans()) and len(text) > 1 else text


@given(st.lists(st.tuples(KEYS, VALUES), max_size=4).flatmap(spelled), st.integers(0, 300))
def test_a_key_is_reported_where_some_object_has_it_twice_and_nowhere_else(extra: str, before: int) -> None:
    (keys_unique,) = [rule for rule in JSON_RULES if rule.id == "chat/json/keys-unique"]
    chunk = TEXT[:-1] + b',"extra":' + extra.encode() + b"}"

    findings = findings_of(exchange_of(ROLE, *[TEXT] * before, chunk, FINISH, DONE), [keys_unique])[keys_unique.id]

    assert [before + 2] * bool(duplicate_key(extra)) == [finding.event for finding in findings]


@pytest.mark.parametrize("value", [b'""', b"null", b"0"])
def test_an_empty_id_does_not_count_as_another_id(value: bytes) -> None:
    first = ROLE.replace(b'"chatcmpl-1"', value)

    assert "chat/identity/id-constant" not in found(first, TEXT, FINISH, DONE)


def test_a_created_of_zero_does_not_count_as_another_time() -> None:
    first = ROLE.replace(b"1767225600", b"0")

    assert {"chat/envelope/created-in-seconds"} == found(first, TEXT, FINISH, DONE).keys()


def test_several_ids_are_one_finding_with_their_number() -> None:
    others = [TEXT.replace(b"chatcmpl-1", b"chatcmpl-%d" % number) for number in range(2, 12)]
    (finding,) = found(ROLE, *others, FINISH, DONE)["chat/identity/id-constant"]

    assert (2, '"chatcmpl-1" as before', '"chatcmpl-2", 11 values in all') == (
        finding.event,
        finding.wanted,
        finding.got,
    )


def test_a_fingerprint_on_some_chunks_only_is_good() -> None:
    last = FINISH.replace(b'"model"', b'"system_fingerprint":"fp_1","model"')

    assert {} == found(ROLE, TEXT, last, DONE)


def test_a_role_that_may_have_been_lost_is_not_called_missing() -> None:
    assert {"chat/json/parses"} == found(b'{"id":', TEXT, FINISH, DONE).keys()


def test_a_role_with_the_first_content_is_no_must_and_no_matter_of_roles() -> None:
    both = ROLE.replace(b'"content":""', b'"content":"a"')

    assert {"chat/content/begins-empty"} == found(both, TEXT, FINISH, DONE).keys()


def test_a_chunk_out_of_range_does_not_make_its_index_a_choice_that_lacks_things() -> None:
    astray = TEXT.replace(b'"index":0', b'"index":7')

    assert {"chat/order/index-in-range"} == found(ROLE, TEXT, astray, FINISH, DONE).keys()


def test_each_of_two_choices_may_finish_when_it_likes() -> None:
    one, other, last = (m.replace(b'"index":0', b'"index":1') for m in (ROLE, TEXT, FINISH))

    assert {} == found(ROLE, one, TEXT, FINISH, other, last, DONE, n=2)


def test_two_empty_chunks_are_few() -> None:
    empty = TEXT.replace(b'"a"', b'""')

    assert {} == found(ROLE, empty, TEXT, empty, FINISH, DONE)


def test_moderation_and_filter_results_come_in_chunks_without_choices() -> None:
    filtered = b'{%s,"choices":[],"prompt_filter_results":[]}' % SHARED
    moderated = b'{%s,"choices":[],"moderation":{"results":[]}}' % SHARED

    assert {} == found(filtered, ROLE, TEXT, FINISH, moderated, DONE)


@pytest.mark.parametrize(
    "text", [b"not json at all", b'{"choices":[{"index":[]}]}', b'{"choices":[{"delta":[],"index":{}}]}']
)
def test_nothing_that_is_sent_makes_a_rule_raise(text: bytes) -> None:
    assert found(ROLE, text, FINISH, DONE)
