"""Whatever the order table does not allow is the matter of one rule, which points at the message out of place."""

import pytest

from conformance.judge import findings_of
from conformance.protocols.chat.states import ALLOWED, Kind, State
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head

SHARED = b'"id":"chatcmpl-1","object":"chat.completion.chunk","created":1767225600,"model":"mock"'
ROLE = (
    b"{"
    + SHARED
    + b',"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}'
)
TEXT = b"{" + SHARED + b',"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}'
FINISH = b"{" + SHARED + b',"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}'
USAGE = b"{" + SHARED + b',"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
METADATA = b"{" + SHARED + b',"choices":[],"usage":null,"prompt_filter_results":[]}'
ERROR = b'{"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}'
DONE = b"[DONE]"
BROKEN = b'{"id":'

MESSAGE = {
    Kind.DELTA: TEXT,
    Kind.FINISH: FINISH,
    Kind.USAGE: USAGE,
    Kind.METADATA: METADATA,
    Kind.ERROR: ERROR,
    Kind.TERMINATOR: DONE,
    Kind.UNREADABLE: BROKEN,
}
BEFORE = {
    State.START: (),
    State.OPEN: (ROLE, TEXT),
    State.FINISHED: (ROLE, TEXT, FINISH),
    State.COUNTED: (ROLE, TEXT, FINISH, USAGE),
    State.FAILED: (ROLE, TEXT, ERROR),
    State.DONE: (ROLE, TEXT, FINISH, USAGE, DONE),
}
AFTER = {
    State.START: (ROLE, TEXT, FINISH, USAGE, DONE),
    State.OPEN: (FINISH, USAGE, DONE),
    State.FINISHED: (USAGE, DONE),
    State.COUNTED: (DONE,),
    State.FAILED: (DONE,),
    State.DONE: (),
}
ILLEGAL = [(state, kind) for state, row in ALLOWED.items() for kind in Kind if kind not in row]
REQUEST = Request(
    "POST",
    "http://mock/v1/chat/completions",
    (),
    {
        "model": "mock",
        "messages": [{"role": "user", "content": "Go"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
)


def exchange_of(*messages: bytes) -> Exchange:
    reader = ExchangeReader(REQUEST, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed(b"".join(b"data: " + message + b"\n\n" for message in messages), 0.1)
    return reader.close(Ending.EOF, 0.2)


def test_a_good_stream_is_the_matter_of_no_rule() -> None:
    found = findings_of(exchange_of(ROLE, TEXT, FINISH, USAGE, DONE))

    assert [] == [rule for rule, findings in found.items() if findings]


@pytest.mark.parametrize("state", [*State], ids=lambda state: state.name)
def test_the_messages_before_lead_to_the_state(state: State) -> None:
    steps = exchange_of(*BEFORE[state], METADATA).steps

    assert state is steps[-1].before
    assert [True] * len(BEFORE[state]) == [step.legal for step in steps[:-1]]


def out_of_place(state: State, kind: Kind) -> Exchange:
    """A stream that is good but for one message, which comes where it may not; usage that came is not sent again."""
    after = () if kind is Kind.TERMINATOR else tuple(m for m in AFTER[state] if kind is not Kind.USAGE or m != USAGE)
    return exchange_of(*BEFORE[state], MESSAGE[kind], *after)


@pytest.mark.parametrize(("state", "kind"), ILLEGAL, ids=lambda value: value.name)
def test_an_illegal_message_is_the_matter_of_one_rule(state: State, kind: Kind) -> None:
    exchange = out_of_place(state, kind)
    at = len(BEFORE[state]) + 1
    step = exchange.steps[at - 1]

    assert (kind, state, False) == (step.kind, step.before, step.legal)
    found = {rule: [f.event for f in findings] for rule, findings in findings_of(exchange).items() if findings}
    assert [[at]] == [*found.values()], found
