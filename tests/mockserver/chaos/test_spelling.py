"""The same bytes meant, others written."""

from dataclasses import replace

from conformance.wire.script import Act, Answer, Framing, Send, Wait, body
from mockserver.chaos import Habits, spelled

HEADERS = (("content-type", "text/event-stream"), ("x-request-id", "req_1"))
PLAIN = (Send('data: {"a":"ü","b":[1]}\n\n'.encode()), Wait(1), Send(b"data: [DONE]\n\n"))
ANSWER = Answer(200, HEADERS, PLAIN)
DOCUMENT = Answer(200, (("content-type", "application/json"),), (Send(b'{"a":1,"b":2}'),), Framing.LENGTH)


def written(habits: Habits) -> bytes:
    return body(spelled(ANSWER, habits).played())


def acts(habits: Habits) -> list[Act]:
    return list(spelled(ANSWER, habits).played())


def test_nothing_changes_without_a_habit(plain: Habits) -> None:
    assert list(PLAIN) == acts(plain)
    assert HEADERS == spelled(ANSWER, plain).headers
    assert Framing.CHUNKED is spelled(ANSWER, plain).framing


def test_lines_end_in_one_of_three_ways(plain: Habits) -> None:
    assert 'data: {"a":"ü","b":[1]}\r\rdata: [DONE]\r\r'.encode() == written(replace(plain, line_end=b"\r"))
    expected = 'data: {"a":"ü","b":[1]}\r\n\r\ndata: [DONE]\r\n\r\n'.encode()
    assert expected == written(replace(plain, line_end=b"\r\n"))


def test_no_space_is_needed_after_the_colon(plain: Habits) -> None:
    assert 'data:{"a":"ü","b":[1]}\n\ndata:[DONE]\n\n'.encode() == written(replace(plain, space=False))


def test_json_comes_in_several_data_fields(plain: Habits) -> None:
    broken = 'data: {\ndata: "a":"ü","b":[1]}\n\ndata: [DONE]\n\n'.encode()
    assert broken == written(replace(plain, style="broken"))
    lines = 'data: {\ndata:  "a": "ü",\ndata:  "b": [\ndata:   1\ndata:  ]\ndata: }\n\ndata: [DONE]\n\n'.encode()
    assert lines == written(replace(plain, style="lines"))


def test_json_has_spaces_and_escapes(plain: Habits) -> None:
    assert b'data: {"a": "\\u00fc", "b": [1]}\n\ndata: [DONE]\n\n' == written(
        replace(plain, style="spaced", escapes=True)
    )


def test_comments_stand_between_lines_and_events(plain: Habits) -> None:
    got = written(replace(plain, comments=1))
    assert got != written(plain)
    comments = [line for line in got.split(b"\n") if line.startswith(b":")]
    assert 2 == len(comments)
    rest = b"\n".join(line for line in got.split(b"\n") if not line.startswith(b":"))
    assert written(plain) == rest.replace(b"\n\n\n", b"\n\n").lstrip(b"\n")


def test_writes_are_cut_and_joined_and_say_the_same(plain: Habits) -> None:
    cut = acts(replace(plain, cuts=1))
    assert len(PLAIN) < len(cut)
    assert written(plain) == body(cut)
    together = Answer(200, HEADERS, (PLAIN[0], PLAIN[2]))
    assert 1 == len(list(spelled(together, replace(plain, joins=1)).played()))


def test_nothing_is_held_while_the_server_waits(plain: Habits) -> None:
    assert list(PLAIN) == acts(replace(plain, joins=1))


def test_a_stream_may_end_with_the_connection(plain: Habits) -> None:
    assert Framing.CLOSE is spelled(ANSWER, replace(plain, closes=True)).framing
    assert Framing.LENGTH is spelled(DOCUMENT, replace(plain, closes=True)).framing


def test_header_names_come_in_capitals(plain: Habits) -> None:
    assert ("Content-Type", "X-Request-Id") == tuple(n for n, _ in spelled(ANSWER, replace(plain, case=2)).headers)
    assert ("CONTENT-TYPE", "X-REQUEST-ID") == tuple(n for n, _ in spelled(ANSWER, replace(plain, case=3)).headers)


def test_a_document_is_written_anew(plain: Habits) -> None:
    assert b'{"a": 1, "b": 2}' == body(spelled(DOCUMENT, replace(plain, style="spaced")).acts)
    shuffled = {body(spelled(DOCUMENT, replace(plain, seed=str(n), shuffles=True)).acts) for n in range(8)}
    assert {b'{"a":1,"b":2}', b'{"b":2,"a":1}'} == shuffled


def test_the_same_habits_write_the_same_each_time(plain: Habits) -> None:
    answer = spelled(ANSWER, replace(plain, cuts=1, comments=0.5, joins=0.5))
    assert list(answer.played()) == list(answer.played())


def test_bytes_that_are_the_whole_response_stay_as_they_are(plain: Habits) -> None:
    raw = replace(ANSWER, framing=Framing.RAW)
    habits = replace(plain, line_end=b"\r", closes=True, cuts=1)
    assert raw == spelled(raw, habits)
