"""Messages, written out, and what the reader takes them for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.chat.reader import Reader
from conformance.protocols.chat.states import Kind, State
from conformance.protocols.payload import Flaw
from conformance.wire.events import Comment, CutOff, Dataless, Message, Overlong

OPEN = '{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}'
STOP = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
STOP_ONE = '{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}'
OPEN_ONE = '{"choices":[{"index":1,"delta":{"content":"a"}}]}'
BOTH = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}'
USAGE = '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'


def kinds(*messages: str, choices: int | None = 1) -> list[Kind]:
    reader = Reader(choices)
    steps = [reader.read(Message(data, 0, 0)) for data in messages]
    return [step.kind for step in steps if step is not None]


@pytest.mark.parametrize(
    ("data", "kind", "flaw"),
    [
        (OPEN, Kind.DELTA, None),
        (OPEN_ONE, Kind.DELTA, None),
        (STOP, Kind.FINISH, None),
        (USAGE, Kind.USAGE, None),
        ('{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"x":1}}', Kind.FINISH, None),
        ('{"choices":[],"usage":null}', Kind.METADATA, None),
        ('{"choices":[],"usage":{}}', Kind.METADATA, None),
        ('{"choices":[],"prompt_filter_results":[]}', Kind.METADATA, None),
        ('{"choices":[],"error":null}', Kind.METADATA, None),
        ('{"choices":[{"index":0,"delta":{},"finish_reason":""}]}', Kind.DELTA, None),
        ('{"choices":[{"index":0,"delta":{},"finish_reason":"null"}]}', Kind.DELTA, None),
        ("[DONE]", Kind.TERMINATOR, None),
        ("[DONE] ", Kind.TERMINATOR, Flaw.INEXACT_DONE),
        ("[done]", Kind.TERMINATOR, Flaw.INEXACT_DONE),
        ('"[DONE]"', Kind.TERMINATOR, Flaw.INEXACT_DONE),
        ("[DONE]\n", Kind.TERMINATOR, Flaw.INEXACT_DONE),
        ("[DONE]{}", Kind.TERMINATOR, Flaw.INEXACT_DONE),
        ("DONE", Kind.UNREADABLE, Flaw.NOT_JSON),
        ('["[DONE]"]', Kind.UNREADABLE, Flaw.NOT_AN_OBJECT),
        ('{"error":{"message":"no"}}', Kind.ERROR, None),
        ('{"error":"no"}', Kind.ERROR, None),
        ('{"choices":[],"error":{"message":"no"}}', Kind.ERROR, None),
        ('{"object":"error","message":"no"}', Kind.ERROR, Flaw.BARE_ERROR),
        ('{"type":"error","x":1}', Kind.ERROR, Flaw.BARE_ERROR),
        ('{"detail":"no"}', Kind.ERROR, Flaw.BARE_ERROR),
        ('{"message":"no"}', Kind.ERROR, Flaw.BARE_ERROR),
        ('{"message":5}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ("{}", Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":null}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":[{"delta":{}}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":[{"index":0}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":[{"index":"0","delta":{}}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":[{"index":0,"delta":{"content":5}}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ('{"choices":[],"usage":5}', Kind.UNREADABLE, Flaw.UNUSABLE),
        ("[]", Kind.UNREADABLE, Flaw.NOT_AN_OBJECT),
        ("null", Kind.UNREADABLE, Flaw.NOT_AN_OBJECT),
        ("", Kind.UNREADABLE, Flaw.EMPTY),
        (": ping", Kind.UNREADABLE, Flaw.HEARTBEAT),
        ("{", Kind.UNREADABLE, Flaw.NOT_JSON),
        (OPEN + OPEN, Kind.UNREADABLE, Flaw.SEVERAL_DOCUMENTS),
        (OPEN.replace('"a"', '"\n"'), Kind.DELTA, Flaw.CONTROL_CHARACTER),
        (OPEN.replace('"a"', '"\\ud800"'), Kind.DELTA, Flaw.LONE_SURROGATE),
        ('{"choices":[],"\\ud800":1}', Kind.METADATA, Flaw.LONE_SURROGATE),
        ('{"choices":[],"usage":{"x":NaN}}', Kind.USAGE, Flaw.NOT_A_NUMBER),
        ('{"choices":' + "[" * 500 + "]" * 500 + "}", Kind.UNREADABLE, Flaw.TOO_DEEP),
    ],
)
def test_a_message_is_of_a_kind(data: str, kind: Kind, flaw: Flaw | None) -> None:
    step = Reader().read(Message(data, 0, 0))
    assert step is not None
    assert (kind, flaw) == (step.kind, step.flaw)


def test_events_that_no_client_sees_are_no_steps() -> None:
    reader = Reader()
    assert [None, None] == [reader.read(Comment("ping", 0, 6)), reader.read(Dataless((), 0, 9))]


def test_what_was_cut_off_or_overlong_is_an_unreadable_step() -> None:
    reader = Reader()
    steps = [reader.read(CutOff(b"data: {", 0, 7)), reader.read(Overlong(7, 99))]
    assert [Kind.UNREADABLE, Kind.UNREADABLE] == [step.kind for step in steps if step is not None]


@pytest.mark.parametrize(
    ("choices", "messages", "expected"),
    [
        (2, [OPEN, OPEN_ONE, STOP, STOP_ONE], [Kind.DELTA, Kind.DELTA, Kind.DELTA, Kind.FINISH]),
        (2, [OPEN, STOP, OPEN_ONE, STOP_ONE], [Kind.DELTA, Kind.DELTA, Kind.DELTA, Kind.FINISH]),
        (2, [BOTH], [Kind.FINISH]),
        (2, [STOP, STOP], [Kind.DELTA, Kind.DELTA]),
        (1, [OPEN, OPEN_ONE, STOP], [Kind.DELTA, Kind.DELTA, Kind.DELTA]),
        (1, [OPEN, STOP, OPEN], [Kind.DELTA, Kind.FINISH, Kind.DELTA]),
        (1, [OPEN, STOP, STOP], [Kind.DELTA, Kind.FINISH, Kind.FINISH]),
        (None, [OPEN, STOP], [Kind.DELTA, Kind.FINISH]),
    ],
)
def test_a_chunk_finishes_when_it_closes_the_last_choice(
    choices: int, messages: list[str], expected: list[Kind]
) -> None:
    assert expected == kinds(*messages, choices=choices)


def test_steps_are_numbered_and_carry_the_states_around_them() -> None:
    reader = Reader()
    steps = [reader.read(Message(data, 0, 0)) for data in (OPEN, "x", STOP, "[DONE]", "[DONE]")]
    assert [
        (1, State.START, State.OPEN, True),
        (2, State.OPEN, State.OPEN, False),
        (3, State.OPEN, State.FINISHED, True),
        (4, State.FINISHED, State.DONE, True),
        (5, State.DONE, State.DONE, False),
    ] == [(s.number, s.before, s.after, s.legal) for s in steps if s is not None]


@given(
    st.lists(st.text(max_size=20) | st.sampled_from([OPEN, STOP, USAGE, BOTH, "[DONE]", '{"error":{}}']), max_size=6)
)
def test_nothing_is_raised_and_every_message_is_a_step(messages: list[str]) -> None:
    assert len(messages) == len(kinds(*messages))
