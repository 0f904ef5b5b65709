"""What a view gathers of a stream, from messages written out."""

from typing import Any

import pytest

from conformance.protocols.chat.states import Kind
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending, Request
from conformance.protocols.reading import ExchangeReader
from conformance.wire.http import Head

HEAD = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m"'


def chunk(delta: str, finish: str = "null", index: int = 0, more: str = "") -> str:
    return f'{{{HEAD},"choices":[{{"index":{index},"delta":{delta},"finish_reason":{finish}}}]{more}}}'


ROLE = chunk('{"role":"assistant","content":""}')
STOP = chunk("{}", '"stop"')
USAGE = f'{{{HEAD},"choices":[],"usage":{{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}}}'


def view(*messages: str, body: object = None, status: int = 200, ending: Ending = Ending.EOF, raw: bytes = b"") -> View:
    request = Request("POST", "http://t/v1/chat/completions", (), body or {"messages": [], "stream": True})
    reader = ExchangeReader(request, head=Head(status, (("content-type", "text/event-stream"),)), layer="body")
    reader.feed(b"".join(f"data: {message}\n\n".encode() for message in messages) + raw)
    return View(reader.close(ending))


GOOD = view(ROLE, chunk('{"content":"a"}'), chunk('{"content":"bc"}'), STOP, USAGE, "[DONE]")


def test_a_good_stream_is_complete_and_all_of_it_is_gathered() -> None:
    choice = GOOD.choices[0]
    assert (True, [], [], False) == (GOOD.completed, GOOD.errors, GOOD.illegal, GOOD.unreadable)
    assert ("abc", "stop", [1], [4]) == (
        choice.text,
        choice.finish,
        [step.number for step in choice.roles],
        [step.number for step, _ in choice.finishes],
    )
    assert choice.first_payload is not None
    assert (1, 2, [], []) == (choice.first.number, choice.first_payload.number, choice.late, choice.empties)
    assert ([5], {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}) == (
        [step.number for step in GOOD.usages],
        GOOD.usage,
    )
    assert [] == GOOD.schema_errors
    assert [6] == [step.number for step in GOOD.of(Kind.TERMINATOR)]
    assert GOOD.last is not None
    assert 6 == GOOD.last.number


def test_a_character_of_the_text_is_found_in_its_chunk() -> None:
    assert [2, 3, 3] == [GOOD.choices[0].step_at(position).number for position in range(3)]


def test_choices_are_kept_apart() -> None:
    found = view(chunk('{"content":"b"}', index=1), chunk('{"content":"a"}'), body={"n": 2}).choices
    assert [(1, "b"), (0, "a")] == [(index, choice.text) for index, choice in found.items()]


def test_what_comes_after_the_finish_is_late() -> None:
    found = view(ROLE, STOP, chunk('{"content":"x"}'), chunk('{"role":"assistant"}'), chunk("{}")).choices[0]
    assert [3, 4] == [step.number for step in found.late]
    assert [5] == [step.number for step in found.empties]


@pytest.mark.parametrize("name", ["refusal", "reasoning_content", "reasoning", "tool_calls"])
def test_other_members_carry_something_too(name: str) -> None:
    value = '[{"index":0}]' if name == "tool_calls" else '"x"'
    found = view(ROLE, chunk(f'{{"{name}":{value}}}')).choices[0]
    assert found.first_payload is not None
    assert (2, "", []) == (found.first_payload.number, found.text, found.empties[1:])


@pytest.mark.parametrize(
    ("found", "completed"),
    [
        (view(ROLE, STOP, "[DONE]"), True),
        (view(ROLE, STOP), True),
        (view(ROLE, "{", "[DONE]"), False),
        (view(ROLE, '{"error":{"message":"no"}}'), False),
        (view(ROLE, STOP, "[DONE]", ending=Ending.RESET), False),
        (view(ROLE, STOP, "[DONE]", ending=Ending.LEFT), False),
        (view(ROLE, raw=b"data: {"), False),
        (view(ROLE, chunk("{}", '"stop"', index=1), STOP, "[DONE]"), False),
        (view(ROLE, raw=b'DATA: {"a":1}\n\n'), False),
    ],
)
def test_only_a_whole_readable_stream_without_error_is_complete(found: View, completed: bool) -> None:
    assert completed is found.completed


def test_distinct_values_come_with_the_chunk_they_were_first_seen_in() -> None:
    found = view(ROLE, ROLE.replace('"m"', '"x"'), ROLE, ROLE.replace('"m"', "null"), ROLE.replace(',"model":"m"', ""))
    assert [("m", 1), ("x", 2), ("null", 4)] == [(value, step.number) for value, step in found.distinct("model")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (False, 1, None, [])),
        ({"n": 2, "max_tokens": 5, "stop": "x"}, (False, 2, 5, ["x"])),
        ({"max_completion_tokens": 7, "max_tokens": 5, "stop": ["a", 1, "b"]}, (False, 1, 7, ["a", "b"])),
        ({"stream_options": {"include_usage": True}, "n": "2", "stop": 5}, (True, 1, None, [])),
        ({"stream_options": [], "n": 0, "stop": {"a": 1}, "max_tokens": "5"}, (False, 1, None, [])),
        ("text", (False, 1, None, [])),
    ],
)
def test_what_was_asked_is_read_whatever_its_type(body: Any, expected: tuple[object, ...]) -> None:
    found = view(body=body)
    assert expected == (found.usage_asked, found.choices_asked, found.max_tokens, found.stops)


def test_messages_that_are_wrong_alike_are_one_schema_error() -> None:
    wrong = chunk('{"content":"a"}').replace('"created":5', '"created":"5"')
    found = view(ROLE, wrong, wrong, wrong.replace(',"model":"m"', "")).schema_errors
    assert [
        (2, ("created",), "type", "integer", "5", 3),
        (4, ("model",), "required", "the member 'model'", "no such member", 1),
    ] == [(e.step and e.step.number, e.pointer, e.keyword, e.wanted, e.value, e.times) for e in found]


def test_messages_that_lack_different_members_are_not_alike() -> None:
    content = chunk('{"content":"a"}')
    found = view(ROLE, content.replace(',"model":"m"', ""), content.replace(',"created":5', "")).schema_errors
    assert [(2, ("model",), 1), (3, ("created",), 1)] == [(e.step and e.step.number, e.pointer, e.times) for e in found]


def test_a_message_is_counted_once_however_many_of_its_choices_are_wrong() -> None:
    wrong = f'{{{HEAD},"choices":[{{"index":0,"delta":{{}}}},{{"index":1,"delta":{{}}}}]}}'
    found = view(wrong, wrong, body={"n": 2}).schema_errors
    assert [(("choices", 0, "finish_reason"), 2)] == [(e.pointer, e.times) for e in found]


@pytest.mark.parametrize(
    "message",
    [
        '{"id":"\\ud800","choices":[]}',
        '{"\\ud800":1,"choices":[]}',
        '{"choices":[{"index":0,"delta":{"content":"\\ud800","\\udfff":"\\udfff"},"finish_reason":"\\ud800"}]}',
    ],
)
def test_half_a_surrogate_pair_anywhere_does_not_stop_the_schema(message: str) -> None:
    found = view(message, message)
    assert ("object",) in [e.pointer for e in found.schema_errors]
    assert [2] == list({e.times for e in found.schema_errors})


def test_no_more_than_a_hundred_differences_are_told_of_one_message() -> None:
    choices = ",".join(f'{{"index":0,"delta":{{"role":"r{number}"}}}}' for number in range(5000))
    assert 100 >= len(view(f'{{"choices":[{choices}]}}').schema_errors)


def test_a_schema_finding_shows_what_was_wanted_where_and_how_often() -> None:
    wrong = chunk('{"content":"a"}').replace('"index":0', '"index":-1')
    (finding,) = view(ROLE, wrong, wrong).schema_findings("/choices/*/index")
    assert ("at least 0", "-1 (and in 1 more messages)", "/choices/0/index") == (
        finding.wanted,
        finding.got,
        finding.pointer,
    )
    assert (2, 3) == (finding.event, finding.events)


def test_a_document_is_held_to_its_own_schema() -> None:
    refused = view(raw=b'{"error":{"message":"no"}}', status=400)
    assert [("error", "type"), ("error", "param"), ("error", "code")] == [e.pointer for e in refused.schema_errors]
    answered = view(raw=b'{"object":"chat.completion","usage":{"total_tokens":1}}')
    assert {"total_tokens": 1} == answered.usage
    assert ("choices",) in [e.pointer for e in answered.schema_errors]


def test_a_finding_points_at_its_message() -> None:
    finding = GOOD.finding("x", {"a": 1}, GOOD.steps[1], pointer="/choices/0")
    start = len(f"data: {ROLE}\n\n")
    assert (2, 6, start, '{"a": 1}', "/choices/0") == (
        finding.event,
        finding.events,
        finding.span[0] if finding.span else None,
        finding.got,
        finding.pointer,
    )
    whole = GOOD.finding("x", "y")
    assert (None, None, None) == (whole.event, whole.events, whole.span)


def test_messages_wrong_alike_are_one_finding_at_the_first() -> None:
    (finding,) = GOOD.first_of(GOOD.steps[1:3], "x", lambda step: f"message {step.number}")
    assert (2, "message 2 (and in 1 more messages)") == (finding.event, finding.got)
    assert [] == list(GOOD.first_of([], "x"))
