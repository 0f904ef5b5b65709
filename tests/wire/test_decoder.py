"""The rules of section 9.2.6 of the WHATWG HTML standard, one by one, as bytes."""

import pytest

from conformance.wire.decoder import Decoder
from conformance.wire.events import Comment, CutOff, Dataless, Event, Line, Message, Overlong, field


def events(*pieces: bytes, limit: int = 1024) -> list[Event]:
    decoder = Decoder(limit)
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def told(*pieces: bytes) -> list[tuple[str, str]]:
    """Name and data of what a browser would dispatch."""
    return [(e.name, e.data) for e in events(*pieces) if isinstance(e, Message)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\n\n", ["a"]),
        (b"data: a\r\n\r\n", ["a"]),
        (b"data: a\r\r", ["a"]),
        (b"data: a\r\n\n", ["a"]),
        (b"data: a\n\r\n", ["a"]),
        (b"data: a\r\n\r", ["a"]),
        (b"data: a\n\r", ["a"]),
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: a\n\n\n\r\n\r\rdata: b\n\n", ["a", "b"]),
        (b"\n\ndata: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data:\ta\n\n", ["\ta"]),
        (b"data: a \n\n", ["a "]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: a\rdata: b\r\ndata: c\n\n", ["a\nb\nc"]),
        (b"data\n\n", [""]),
        (b"data:\n\n", [""]),
        (b"data: \n\n", [""]),
        (b"data\ndata\n\n", ["\n"]),
        (b"data:\ndata: a\ndata:\n\n", ["\na\n"]),
        (b"data: a:b: c\n\n", ["a:b: c"]),
        (b": comment\ndata: a\n: comment\ndata: b\n\n", ["a\nb"]),
        (b":\n\n:\n\ndata: a\n\n", ["a"]),
        (b"retry: 10\nid: 7\ndata: a\nunknown: x\nunknown\n\n", ["a"]),
        (b"event: e\n\ndata: a\n\n", ["a"]),
        (b"Data: a\ndata: b\n\n", ["b"]),
        (b" data: a\ndata: b\n\n", ["b"]),
        (b"data : a\ndata: b\n\n", ["b"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"\xef\xbb\xbf\n\ndata: a\n\n", ["a"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\ndata: b\n\n", ["b"]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\ndata: c\n\n", ["a", "c"]),
        (b"data: \xef\xbb\xbfa\n\n", ["\ufeffa"]),
        (b"data: \xc3\xa9 \xe4\xbd\xa0 \xf0\x9f\x8c\x8d\n\n", ["é 你 🌍"]),
        (b"data: \xff\xe4\xbd\ndata: b\n\n", ["\ufffd\ufffd\nb"]),
        (b"data: a\x00b\n\n", ["a\x00b"]),
        (b"data: a\xe2\x80\xa8b\xc2\x85c\x0bd\x0ce\n\n", ["a\u2028b\u0085c\x0bd\x0ce"]),
        (b"data: a", []),
        (b"data: a\n", []),
        (b"data: a\r", []),
        (b"data: a\r\n", []),
        (b"data: a\n\ndata: b\n", ["a"]),
        (b"", []),
        (b"\xef\xbb", []),
        (b"\r", []),
    ],
)
def test_a_browser_would_dispatch_this_data(body: bytes, expected: list[str]) -> None:
    assert expected == [data for _, data in told(body)]
    assert expected == [data for _, data in told(*(body[i : i + 1] for i in range(len(body))))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"event: ping\ndata: a\n\n", [("ping", "a")]),
        (b"event: one\nevent: two\ndata: a\n\ndata: b\n\n", [("two", "a"), ("", "b")]),
        (b"event: one\n\ndata: a\n\n", [("", "a")]),
        (b"event: one\nevent\ndata: a\n\n", [("", "a")]),
        (b"data: a\nevent:late\n\n", [("late", "a")]),
    ],
)
def test_the_last_event_field_names_one_event(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert expected == told(body)


def test_a_split_between_cr_and_lf_is_one_line_end() -> None:
    assert [("", "a\nb")] == told(b"data: a\r", b"\ndata: b\r", b"\n\r", b"\n")


def test_a_bom_that_arrives_byte_by_byte_is_dropped() -> None:
    assert [Message("a", 3, 12)] == events(b"\xef", b"\xbb", b"\xbf", b"data: a\n", b"\n")


def test_the_start_of_a_bom_that_is_none_is_text() -> None:
    lines = (Line(b"\xef\xbbdata: a", b"\n", 0), Line(b"", b"\n", 10))
    assert [Dataless(lines, 0, 11)] == events(b"\xef", b"\xbb", b"data: a\n\n")


def test_comments_come_out_where_they_stand() -> None:
    assert [Comment("one", 0, 6), Message("a", 6, 15), Comment(" two", 15, 22), Comment("", 23, 25)] == events(
        b": one\ndata: a\n\n:  two\n\n:\n"
    )


def test_a_comment_inside_an_event_comes_out_before_the_event() -> None:
    found = events(b"data: a\n: c\ndata: b\n\n")
    assert [Comment("c", 8, 12)] == found[:1]
    assert [("a\nb", 0, 21)] == [(e.data, e.start, e.end) for e in found[1:] if isinstance(e, Message)]


def test_fields_without_data_come_out_as_an_event_of_their_own() -> None:
    assert [
        Dataless((Line(b"retry: 10", b"\n", 0), Line(b"id: 7", b"\r\n", 10), Line(b"", b"\n", 17)), 0, 18)
    ] == events(b"retry: 10\nid: 7\r\n\n")


def test_an_event_without_an_end_comes_out_as_cut_off() -> None:
    assert [Message("a", 0, 9), CutOff(b"data: b\ndata: c", 9, 24)] == events(b"data: a\n\ndata: b\ndata: c")


def test_a_lone_cr_at_the_very_end_is_a_line_end() -> None:
    assert [(0, 9)] == [(e.start, e.end) for e in events(b"data: a\n\r")]


def test_spans_are_the_bytes_of_the_event() -> None:
    body = b"\xef\xbb\xbfdata: a\n\n\r\nevent: e\r\ndata: b\r\n\r\n: c\rdata: d\r\rdata: e\n\n"
    expected = [
        b"data: a\n\n",
        b"event: e\r\ndata: b\r\n\r\n",
        b": c\r",
        b"data: d\r\r",
        b"data: e\n\n",
    ]
    assert expected == [body[e.start : e.end] for e in events(body)]
    assert expected == [body[e.start : e.end] for e in events(*(body[i : i + 1] for i in range(len(body))))]


def test_the_plainest_form_needs_no_lines_and_every_other_form_has_them() -> None:
    found = events(b"data: a\n\ndata:b\n\ndata: c\r\n\r\nid: 1\ndata: d\n\n")
    assert [0, 2, 2, 3] == [len(e.lines) for e in found if isinstance(e, Message)]


def test_a_field_splits_at_the_first_colon_less_one_space() -> None:
    lines = [b"data: a", b"data:a", b"data:  a", b"data", b"data:", b"id: a: b", b"\xff: \xff"]
    expected = [("data", "a"), ("data", "a"), ("data", " a"), ("data", ""), ("data", ""), ("id", "a: b")]
    assert [*expected, ("\ufffd", "\ufffd")] == [field(Line(raw, b"\n", 0)) for raw in lines]


def test_an_event_has_the_arrival_time_of_its_last_byte() -> None:
    decoder = Decoder()
    pieces = [(b"data: a\n", 1.0), (b"\ndata: b\n\ndata: ", 2.0), (b"c\n\n", 3.0)]
    found = [event for piece, at in pieces for event in decoder.feed(piece, at)]
    assert [2.0, 2.0, 3.0] == [event.at for event in found]


def test_an_event_that_a_lone_cr_ended_arrived_with_that_cr() -> None:
    decoder = Decoder()
    found = [*decoder.feed(b"data: a\r\r", 1.0), *decoder.feed(b"data: b\r\r", 2.0), *decoder.close(3.0)]
    assert [("a", 1.0), ("b", 2.0)] == [(e.data, e.at) for e in found if isinstance(e, Message)]


def test_an_event_that_crlf_ended_arrived_with_the_lf() -> None:
    decoder = Decoder()
    found = [*decoder.feed(b"data: a\r\n\r", 1.0), *decoder.feed(b"\n", 2.0)]
    assert [("a", 2.0)] == [(e.data, e.at) for e in found if isinstance(e, Message)]


def test_an_overlong_event_is_told_and_the_next_one_is_read() -> None:
    body = b"data: " + b"x" * 2000 + b"\ndata: y\n\ndata: b\n\n"
    assert [Overlong(0, 2016), Message("b", 2016, 2025)] == events(body)


def test_an_overlong_event_at_the_end_is_told() -> None:
    assert [Message("a", 0, 9), Overlong(9, 2009)] == events(b"data: a\n\n" + b"x" * 2000)


def test_many_short_lines_make_an_event_overlong() -> None:
    assert [Overlong(0, 401), Message("b", 401, 410)] == events(b"a:1\n" * 100 + b"\n" + b"data: b\n\n", limit=100)


def test_more_lines_than_memory_is_meant_for_make_an_event_overlong() -> None:
    assert [100_001] == [len(e.lines) for e in events(b"a\n" * 100_000 + b"\n", limit=10**9) if isinstance(e, Dataless)]
    assert [Overlong(0, 200_003)] == events(b"a\n" * 100_001 + b"\n", limit=10**9)
