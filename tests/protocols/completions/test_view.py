"""A text completion as rules look at it."""

import pytest

from conformance.protocols.completions.view import prompt_of, prompts
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.protocols.viewing import view_of
from conformance.wire.script import Answer, Framing, Send

HEAD = b'"id":"cmpl-1","object":"text_completion","created":1767225600,"model":"m"'


def received(*choices: bytes, **members: object) -> Exchange:
    request = Request("POST", "http://t/v1/completions", (), {"stream": True, **members})
    acts = tuple(Send(b'data: {%s,"choices":[%s]}\n\n' % (HEAD, choice)) for choice in choices)
    return exchange_of(request, Answer(200, (("content-type", "text/event-stream"),), acts))


def test_the_text_of_a_choice_is_put_together() -> None:
    view = view_of(
        received(
            b'{"text":"He","index":0,"logprobs":null,"finish_reason":null}',
            b'{"text":"llo","index":0,"logprobs":null,"finish_reason":"length"}',
            b'{"text":"late","index":0,"logprobs":null,"finish_reason":null}',
        )
    )
    choice = view.choices[0]
    assert ("Hellolate", "length") == (choice.text, choice.finish)
    assert [1, 3] == [choice.step_at(0).number, choice.late[0].number]
    assert [] == view.schema_errors


def test_a_chunk_without_text_is_told_from_one_with_empty_text() -> None:
    view = view_of(
        received(b'{"text":"","index":0,"logprobs":null,"finish_reason":null}', b'{"index":0,"finish_reason":null}')
    )
    assert [1] == [step.number for step in view.choices[0].empties]


def test_the_strict_schema_is_that_of_text_completions() -> None:
    view = view_of(received(b'{"delta":{"content":"a"},"index":0,"finish_reason":"tool_calls"}'))
    assert {"/choices/*/text", "/choices/*/logprobs", "/choices/*/finish_reason"} == {
        error.place for error in view.schema_errors
    }


def test_a_document_has_the_shape_of_a_chunk() -> None:
    request = Request("POST", "http://t/v1/completions", (), {"prompt": "a"})
    document = b'{%s,"choices":[{"text":"b","index":0,"logprobs":null,"finish_reason":"stop"}]}' % HEAD
    answer = Answer(200, (("content-type", "application/json"),), (Send(document),), Framing.LENGTH)
    assert [] == view_of(exchange_of(request, answer)).schema_errors


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ({"prompt": "a"}, ["a"]),
        ({"prompt": ["a", "b"]}, ["a", "b"]),
        ({"prompt": [1, 2]}, [""]),
        ({"prompt": [[1], [2]]}, ["", ""]),
        ({}, [""]),
        ({"prompt": []}, [""]),
    ],
)
def test_prompts_that_are_no_text_are_empty(members: dict[str, object], asked: list[str]) -> None:
    assert asked == prompts(received(b"", **members))


def test_choices_are_counted_prompt_by_prompt() -> None:
    exchange = received(b"", prompt=["a", "b"], n=2)
    assert ["a", "a", "b", "b", "", ""] == [prompt_of(exchange, index) for index in (0, 1, 2, 3, 4, -1)]
