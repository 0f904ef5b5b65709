"""Answers that are broken at one place, byte by byte."""

import pytest

from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Reset, Send, Wait
from mockserver.scenarios.breaking import FOR_EVER, GARBAGE, broken
from mockserver.scenarios.scenario import Break, How, Place

STREAM = Answer(
    200, (("content-type", "text/event-stream"),), (Send(b"data: 1\n\n"), Wait(1.0), Send("data: ü👋\n\n".encode()))
)
DOCUMENT = Answer(200, (("content-type", "application/json"),), (Send(b'{"a":1}'),), Framing.LENGTH)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
DOCUMENT_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n"
FIRST = b"9\r\ndata: 1\n\n\r\n"


@pytest.mark.parametrize(
    ("place", "number", "acts"),
    [
        (Place.EVENT, 1, ()),
        (Place.EVENT, 2, (Send(FIRST), Wait(1.0))),
        (Place.BYTE, 0, ()),
        (Place.BYTE, 4, (Send(b"4\r\ndata\r\n"),)),
        (Place.BYTE, 9, (Send(FIRST), Wait(1.0))),
        (Place.BYTE, 10, (Send(FIRST), Wait(1.0), Send(b"1\r\nd\r\n"))),
        (Place.CHARACTER, 1, (Send(FIRST), Wait(1.0), Send(b"7\r\ndata: \xc3\r\n"))),
        (Place.CHARACTER, 2, (Send(FIRST), Wait(1.0), Send(b"9\r\ndata: \xc3\xbc\xf0\r\n"))),
    ],
)
@pytest.mark.parametrize(("how", "end"), [(How.CLOSE, ()), (How.RESET, (Reset(),))])
def test_a_stream_ends_at_the_place_without_its_last_chunk(place, number, acts, how, end):
    got = broken(STREAM, Break(place=place, number=number, how=how))
    assert (Send(STREAM_HEAD), *acts, *end) == encoder.on_the_wire(got)
    assert got.hangs_up


def test_a_document_that_is_cut_keeps_its_length():
    got = broken(DOCUMENT, Break(place=Place.BYTE, number=3))
    assert (Send(DOCUMENT_HEAD), Send(b'{"a')) == encoder.on_the_wire(got)


@pytest.mark.parametrize(("seconds", "waits"), [(2.5, 2.5), (None, FOR_EVER)])
def test_a_stall_is_a_wait_and_then_the_rest(seconds, waits):
    got = broken(STREAM, Break(place=Place.BYTE, number=4, how=How.STALL, seconds=seconds))
    assert (Send(b"data"), Wait(waits), Send(b": 1\n\n"), *STREAM.acts[1:]) == got.acts
    assert Framing.CHUNKED is got.framing


def test_garbage_in_the_place_of_an_event_is_an_event_and_elsewhere_bare():
    event = broken(STREAM, Break(place=Place.EVENT, number=2, how=How.GARBAGE))
    assert (*STREAM.acts[:2], Send(b"data: " + GARBAGE + b"\n\n"), STREAM.acts[2]) == event.acts
    inside = broken(DOCUMENT, Break(place=Place.BYTE, number=3, how=How.GARBAGE))
    assert (Send(b'{"a'), Send(GARBAGE), Send(b'":1}')) == inside.acts


@pytest.mark.parametrize("place", list(Place))
def test_an_answer_without_such_a_place_stays_as_it_is(place):
    assert STREAM == broken(STREAM, Break(place=place, number=1000, how=How.RESET))


def test_what_waits_before_the_head_still_does():
    slow = Answer(200, (), (Send(b"data: 1\n\n"),), before=(Wait(3.0),))
    got = broken(slow, Break(place=Place.EVENT, number=1))
    assert Wait(3.0) == encoder.on_the_wire(got)[0]
