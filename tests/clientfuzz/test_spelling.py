"""The bytes of a stream in other words say the same, each spelling alone and one upon the other."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.clientfuzz import spelling
from conformance.clientfuzz.streams import TEXT
from conformance.wire.decoder import Decoder
from conformance.wire.events import Message
from conformance.wire.script import body

PLAIN = body(TEXT.answer.acts)
LINES = st.lists(st.sampled_from([b"", b"data: a", b": b", b"id: 1"]), max_size=12)


def messages(data):
    decoder = Decoder()
    events = [*decoder.feed(data), *decoder.close()]
    return [event.data for event in events if isinstance(event, Message)]


def values(data):
    return [message if message == "[DONE]" else json.loads(message) for message in messages(data)]


@pytest.mark.parametrize("name", [name for name, _, _ in spelling.SPELLINGS])
def test_every_spelling_says_the_same(name):
    change = next(change for own, _, change in spelling.SPELLINGS if own == name)
    assert values(PLAIN) == values(change(PLAIN))


@given(LINES)
def test_mixed_line_ends_keep_every_line(lines):
    plain = b"".join(line + b"\n" for line in lines)
    assert messages(plain) == messages(spelling.mixed_line_ends(plain))


def test_mixed_line_ends_are_mixed():
    mixed = spelling.mixed_line_ends(PLAIN)
    assert all(end in mixed for end in (b"}\n\n", b"}\r\n\r\n", b"}\r\r"))
