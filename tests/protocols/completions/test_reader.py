"""How many choices a request asks for, and what the chunks of a text completion do to them."""

import pytest

from conformance.protocols.chat import states as chat
from conformance.protocols.chat.states import Kind
from conformance.protocols.completions import states
from conformance.protocols.completions.reader import choices_asked, prompts_in
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.payload import Flaw
from conformance.protocols.reading import exchange_of
from conformance.wire.script import Answer, Send

OPEN = (
    b'data: {"object":"text_completion","choices":[{"text":"a","index":%d,"logprobs":null,"finish_reason":null}]}\n\n'
)
END = (
    b'data: {"object":"text_completion","choices":[{"text":"b","index":%d,"logprobs":null,"finish_reason":"stop"}]}\n\n'
)
DONE = b"data: [DONE]\n\n"


def received(*data: bytes, **members: object) -> Exchange:
    request = Request("POST", "http://t/v1/completions", (), {"stream": True, "prompt": "Go", **members})
    acts = tuple(Send(piece) for piece in data)
    return exchange_of(request, Answer(200, (("content-type", "text/event-stream"),), acts))


@pytest.mark.parametrize(
    ("prompt", "number"),
    [("Hi", 1), (None, 1), ([], 1), (["a"], 1), (["a", "b", "c"], 3), ([5, 7], 1), ([[5], [7, 9]], 2), ({}, 1), (5, 1)],
)
def test_a_list_of_texts_or_of_lists_is_as_many_prompts_and_a_list_of_numbers_is_one(
    prompt: object, number: int
) -> None:
    assert number == prompts_in(prompt)


@pytest.mark.parametrize(
    ("body", "number"),
    [({}, 1), ({"n": 3}, 3), ({"prompt": ["a", "b"], "n": 3}, 6), ({"n": 0}, 1), ({"n": "2"}, 1), ("{", 1), (None, 1)],
)
def test_n_choices_are_asked_for_each_prompt(body: object, number: int) -> None:
    assert number == choices_asked(body)


def test_the_order_table_is_that_of_chat() -> None:
    assert chat.ALLOWED is states.ALLOWED
    assert chat.step is states.step


def test_a_stream_is_finished_when_every_choice_of_every_prompt_is() -> None:
    exchange = received(OPEN % 0, OPEN % 1, END % 0, END % 1, DONE, prompt=["a", "b"])
    assert "completions" == exchange.protocol
    kinds = [Kind.DELTA, Kind.DELTA, Kind.DELTA, Kind.FINISH, Kind.TERMINATOR]
    assert kinds == [step.kind for step in exchange.steps]
    assert [] == [step for step in exchange.steps if not step.legal]


def test_text_may_ride_on_the_finish() -> None:
    assert [Kind.FINISH, Kind.TERMINATOR] == [step.kind for step in received(END % 0, DONE).steps]


@pytest.mark.parametrize(
    ("message", "kind", "flaw"),
    [
        (b"null", Kind.UNREADABLE, Flaw.NOT_AN_OBJECT),
        (b'{"choices":[{"text":"a"}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        (b'{"choices":[{"index":0,"text":5}]}', Kind.UNREADABLE, Flaw.UNUSABLE),
        (b'{"value":"a"}', Kind.UNREADABLE, Flaw.UNUSABLE),
        (b'{"choices":[{"index":0,"delta":{"content":"a"}}]}', Kind.DELTA, None),
        (b'{"choices":[],"usage":{"prompt_tokens":1}}', Kind.USAGE, None),
        (b'{"choices":[]}', Kind.METADATA, None),
        (b'{"error":{"message":"no"}}', Kind.ERROR, None),
        (b"[DONE] ", Kind.TERMINATOR, Flaw.INEXACT_DONE),
    ],
)
def test_a_message_is_told_by_what_clients_can_use_of_it(message: bytes, kind: Kind, flaw: Flaw | None) -> None:
    step = received(b"data: " + message + b"\n\n").steps[0]
    assert (kind, flaw) == (step.kind, step.flaw)
