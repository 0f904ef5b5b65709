"""Events and answers to bytes."""

import pytest

from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
HEADERS = (("content-type", "text/event-stream"),)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("{}", b"data: {}\n\n"),
        ("", b"data: \n\n"),
        ("a\nb", b"data: a\ndata: b\n\n"),
        ("\n", b"data: \ndata: \n\n"),
        (" é", b"data:  \xc3\xa9\n\n"),
    ],
)
def test_a_message_is_written_in_the_plainest_form(data: str, expected: bytes) -> None:
    assert expected == encoder.message(data)


def test_a_comment_is_a_line_and_a_blank_one() -> None:
    assert b": ping\n\n" == encoder.comment("ping")


@pytest.mark.parametrize(
    ("framing", "expected"),
    [
        (
            Framing.CHUNKED,
            [HEAD + b"transfer-encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"b\r\nhello world\r\n", b"0\r\n\r\n"],
        ),
        (Framing.LENGTH, [HEAD + b"content-length: 16\r\n\r\n", b"hello", b"", b"hello world"]),
        (Framing.CLOSE, [HEAD + b"connection: close\r\n\r\n", b"hello", b"", b"hello world"]),
        (Framing.RAW, [b"hello", b"", b"hello world"]),
    ],
)
def test_an_answer_is_framed_as_it_says(framing: Framing, expected: list[bytes]) -> None:
    answer = Answer(200, HEADERS, (Send(b"hello"), Send(b""), Send(b"hello world")), framing)
    assert [Send(data) for data in expected] == list(encoder.on_the_wire(answer))


def test_waits_stay_and_nothing_follows_a_reset() -> None:
    acts: tuple[Act, ...] = (Send(b"a"), Wait(1.0), Reset(), Send(b"b"))
    assert [Send(b"1\r\na\r\n"), Wait(1.0), Reset()] == list(encoder.on_the_wire(Answer(200, (), acts)))[1:]


def test_a_status_that_has_no_name_is_written_without_one() -> None:
    assert b"HTTP/1.1 299 \r\nconnection: close\r\n\r\n" == encoder.head(Answer(299, (), (), Framing.CLOSE))
