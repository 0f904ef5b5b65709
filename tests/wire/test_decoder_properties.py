"""The SSE decoder against the standard on generated bodies, whatever the split; and proof that the properties bite."""

import contextlib
import itertools
import tracemalloc
from collections.abc import Callable, Iterable

import openai._streaming
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conformance.wire.decoder import LINE_END, Decoder
from conformance.wire.events import Event, Message, Overlong

# -- the standard, read once more, on the whole body and without care for speed ----------------------------------


def dispatched(body: bytes) -> list[tuple[str, str]]:
    """Name and data of every event that section 9.2.6 of WHATWG HTML dispatches."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[tuple[str, str]] = []
    data, name = "", ""
    for line in lines[:-1]:  # what follows the last line end is no line yet
        if not line:
            if data:
                found.append((name, data[:-1]))
            data, name = "", ""
            continue
        key, colon, value = line.partition(":")
        if colon and value[:1] == " ":
            value = value[1:]
        if key == "data":
            data += value + "\n"
        elif key == "event":
            name = value
    return found


# -- bodies ------------------------------------------------------------------------------------------------------

LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.one_of(
    st.sampled_from([b"", b" ", b"a", b"[DONE]", b'{"a": 1}', b"\xef\xbb\xbf", b"\xff", b"\xe4\xbd", b"\x00", b": "]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=6).map(str.encode),
)


def lines_of(field: bytes) -> st.SearchStrategy[bytes]:
    return st.builds(lambda sep, text: field + sep + text, st.sampled_from([b":", b": ", b":  ", b""]), TEXT)


DATA = lines_of(b"data")
OTHER = st.one_of(lines_of(b"event"), lines_of(b"id"), lines_of(b"retry"), lines_of(b""), lines_of(b"x"), TEXT)


@st.composite
def event_bytes(draw: st.DrawFn) -> bytes:
    """At least two data lines, whatever else in between, every line with an end of its own."""
    lines = draw(st.lists(DATA, min_size=2, max_size=4)) + draw(st.lists(OTHER, max_size=2))
    lines = [line for line in draw(st.permutations(lines)) if line]
    return b"".join(line + draw(LINE_ENDS) for line in [*lines, b""])


BODIES = st.builds(
    lambda bom, events, tail: bom + b"".join(events) + tail,
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xef\xbb\xbf\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.one_of(event_bytes(), st.just(b"data: plain\n\n"), LINE_ENDS), min_size=1, max_size=4),
    st.one_of(st.just(b""), DATA, st.just(b"data: cut\r")),
)
CUTS = st.lists(st.integers(0, 400), max_size=8)


def split(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[a:b] for a, b in itertools.pairwise(places)]


def events(pieces: Iterable[bytes], decoder: Decoder) -> list[Event]:
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


# -- what holds --------------------------------------------------------------------------------------------------


@given(BODIES)
@settings(max_examples=300)
def test_the_standard_dispatches_the_same_names_and_data(body: bytes) -> None:
    found = events([body], Decoder())
    assert dispatched(body) == [(e.name, e.data) for e in found if isinstance(e, Message)]


def any_split_gives_the_same_events(make: Callable[[], Decoder], body: bytes, cuts: list[int]) -> None:
    whole = events([body], make())
    assert whole == events(split(body, cuts), make())
    assert whole == events((body[i : i + 1] for i in range(len(body))), make())


@given(BODIES, CUTS)
@settings(max_examples=300)
def test_any_split_gives_the_same_events(body: bytes, cuts: list[int]) -> None:
    any_split_gives_the_same_events(Decoder, body, cuts)


@given(st.binary(max_size=200), CUTS)
def test_any_bytes_in_any_split_give_the_same_events(body: bytes, cuts: list[int]) -> None:
    any_split_gives_the_same_events(Decoder, body, cuts)


@given(BODIES, CUTS, st.integers(0, 40))
@settings(max_examples=300)
def test_overlong_events_come_out_the_same_in_any_split(body: bytes, cuts: list[int], limit: int) -> None:
    any_split_gives_the_same_events(lambda: Decoder(limit), body, cuts)


@given(BODIES)
def test_events_are_apart_in_order_and_end_with_a_line_end(body: bytes) -> None:
    found = [e for e in events([body], Decoder()) if isinstance(e, Message)]
    for event, after in itertools.pairwise(found):
        assert event.end <= after.start
    for event in found:
        assert [(event.name, event.data)] == dispatched(b"\n" + body[event.start : event.end])


def test_a_line_without_end_takes_no_more_memory_than_the_limit() -> None:
    decoder, piece = Decoder(limit=1 << 20), b"x" * 65536
    tracemalloc.start()
    try:
        for _ in range(1600):  # 100 MiB
            assert [] == decoder.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
    assert [Overlong(0, 1600 * 65536)] == decoder.close()


def test_a_long_line_in_small_pieces_is_not_read_again_and_again() -> None:
    """4 MiB in pieces of 16 bytes took minutes when each piece made us look at the whole line."""
    decoder = Decoder()
    for _ in range(1 << 18):
        decoder.feed(b"x" * 16)
    assert 1 == len(decoder.close())


# -- proof that the properties bite ------------------------------------------------------------------------------


BITING = settings(max_examples=300, database=None, phases=[Phase.generate], report_multiple_bugs=False)
"""The first counterexample will do; it need not be the smallest."""


class EagerDecoder(Decoder):
    """Takes a CR at the end of a read for a whole line end, and the LF that follows for a blank line."""

    def feed(self, data: bytes, at: float | None = None) -> list[Event]:
        found = super().feed(data, at)
        self._end_line_at_cr(found)
        return found


class ForgetfulDecoder(Decoder):
    """Loses a CR at the end of a read."""

    def feed(self, data: bytes, at: float | None = None) -> list[Event]:
        found = super().feed(data, at)
        if self._buffer.endswith(b"\r"):
            del self._buffer[-1:]
        return found


class LinewiseDecoder(Decoder):
    """Forgets that it has already seen a line end when the next read starts."""

    def feed(self, data: bytes, at: float | None = None) -> list[Event]:
        if self._lines and not self._buffer and LINE_END.match(data) is None:
            self._lines = self._lines[:1]
        return super().feed(data, at)


@pytest.mark.parametrize("broken", [EagerDecoder, ForgetfulDecoder, LinewiseDecoder])
def test_a_planted_bug_at_a_border_is_caught(broken: type[Decoder]) -> None:
    @given(BODIES, CUTS)
    @BITING
    def any_split(body: bytes, cuts: list[int]) -> None:
        any_split_gives_the_same_events(broken, body, cuts)

    with pytest.raises(AssertionError):
        any_split()


class OneLineDecoder(Decoder):
    """Keeps the last data line only."""

    def feed(self, data: bytes, at: float | None = None) -> list[Event]:
        return [
            Message(e.data.split("\n")[-1], e.start, e.end) if isinstance(e, Message) else e
            for e in super().feed(data, at)
        ]


def test_a_decoder_that_loses_lines_differs_from_the_standard() -> None:
    @given(BODIES)
    @BITING
    def as_the_standard_says(body: bytes) -> None:
        found = events([body], OneLineDecoder())
        assert [data for _, data in dispatched(body)] == [e.data for e in found if isinstance(e, Message)]

    with pytest.raises(AssertionError):
        as_the_standard_says()


# -- foreign decoders --------------------------------------------------------------------------------------------


def told_by_openai(pieces: Iterable[bytes]) -> list[tuple[str, str]]:
    """What the decoder of the openai client gives; it also gives events without data, which a browser does not."""
    decoder = openai._streaming.SSEDecoder()
    return [(e.event or "", e.data) for e in decoder.iter_bytes(iter(pieces))]


PLAIN_DATA = st.builds(lambda text: b"data: x" + text.replace(b"\x00", b""), TEXT)


@given(
    st.lists(st.tuples(st.lists(PLAIN_DATA, min_size=1, max_size=3), st.sampled_from([b"\n", b"\r\n"])), max_size=5),
    CUTS,
)
def test_the_openai_client_reads_the_same(blocks: list[tuple[list[bytes], bytes]], cuts: list[int]) -> None:
    body = b"".join(end.join([*lines, b"", b""]) for lines, end in blocks)
    with contextlib.suppress(UnicodeDecodeError):  # the client does not read what is not UTF-8
        body.decode()
        told = told_by_openai(split(body, cuts))
        assert told == [(e.name, e.data) for e in events([body], Decoder()) if isinstance(e, Message)]


@given(BODIES, CUTS)
def test_httpx_sse_reads_the_same(body: bytes, cuts: list[int]) -> None:
    httpx_sse = pytest.importorskip("httpx_sse", reason="httpx-sse is an optional second opinion")
    decoder = httpx_sse._decoders.SSEDecoder()
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    found = [decoder.decode(line) for line in text.split("\n")[:-1]]
    assert [e.data for e in found if e is not None and e.data] == [data for _, data in dispatched(body) if data]
