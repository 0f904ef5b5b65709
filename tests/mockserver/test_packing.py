"""Streams are compressed for those who take that, so that each event can be read when it comes."""

import zlib

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Framing, Send, Wait
from mockserver.packing import packed

STREAM = Answer(200, (("content-type", "text/event-stream"),), (Send(b"data: a\n\n"), Wait(1.0), Send(b"data: b\n\n")))


def asking(coding: str) -> Request:
    return Request("POST", "http://m/v1/chat/completions", (("Accept-Encoding", coding),), {})


def test_each_event_can_be_read_when_it_comes():
    answer = packed(STREAM, asking("gzip, deflate"))
    reader = zlib.decompressobj(wbits=31)
    one, wait, other, end = answer.played()
    assert [b"data: a\n\n", b"data: b\n\n"] == [reader.decompress(one.data), reader.decompress(other.data)]
    assert Wait(1.0) == wait
    assert (b"", True) == (reader.decompress(end.data), reader.eof)
    assert ("content-encoding", "gzip") in answer.headers


def test_acts_that_are_made_one_by_one_stay_so():
    made = []

    def told():
        for act in STREAM.acts:
            made.append(act)
            yield act

    acts = packed(Answer(200, STREAM.headers, (), told=told), asking("gzip")).played()
    assert b"data: a\n\n" == zlib.decompressobj(wbits=31).decompress(next(acts).data)
    assert 1 == len(made)


@pytest.mark.parametrize("coding", ["", "identity", "br", "deflate"])
def test_who_does_not_take_gzip_gets_the_bytes_as_they_are(coding: str):
    assert STREAM is packed(STREAM, asking(coding))


def test_a_document_is_left_as_it_is():
    document = Answer(200, (), (Send(b"{}"),), Framing.LENGTH)
    assert document is packed(document, asking("gzip"))
