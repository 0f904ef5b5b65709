"""What of an exchange is put into the page: bounded, whole around what was found, and without credentials."""

import base64
from dataclasses import replace

import pytest

from conformance.protocols.exchange import Request
from conformance.report.html.packing import pack
from conformance.report.html.wire import by_probe, times_of, wire_of
from tests.report.html.unpacking import unpack

from .conftest import events_of, timed

WHOLE = timed("stream", events_of("stream")[:3], [0.1, 0.2, 0.35])


def kept(wire):
    """The bytes of a wire by their offsets."""
    found = {}
    for start, text, *coded in wire["pieces"]:
        data = base64.b64decode(coded[0]) if coded else text.encode()
        found |= dict(enumerate(data, start))
    return found


def of_body(body):
    return timed("stream", [body], [0.1])


def test_a_short_body_is_kept_byte_for_byte():
    assert WHOLE.body == bytes(kept(wire_of(WHOLE, (), 64_000)).values())
    assert [1, 2, 3] == [number for _, number, *_ in wire_of(WHOLE, (), 64_000)["events"]]


def test_times_are_steps_of_a_tenth_of_a_millisecond():
    times = times_of(WHOLE)
    assert [1000, 1000, 1500] == times["arrivals"]
    assert (0.05, 0.2, 0.36) == (times["head_at"], times["first"], times["end_at"])


@pytest.mark.parametrize("span", [(0, 100), (700_000, 700_300), (999_900, 1_000_002), (300_000, 600_000)])
def test_of_a_long_body_the_surroundings_of_each_span_are_kept_and_little_else(span):
    body = b"data: " + bytes(32 + number * 7 % 90 for number in range(999_994)) + b"\n\n"
    found = kept(wire_of(of_body(body), [span], 16_000))
    assert 2_000 < len(found) < 16_000
    assert all(body[at] == byte for at, byte in found.items())
    assert {span[0], span[1] - 1} <= found.keys()
    if span[1] - span[0] < 1000:
        assert set(range(*span)) <= found.keys()


def test_many_spans_do_not_make_it_large():
    body = b"data: " + b"x" * 3_000_000 + b"\n\n"
    spans = [(start, start + 50) for start in range(0, 3_000_000, 3000)]
    assert len(kept(wire_of(of_body(body), spans, 4_000))) < 40 * 2 * 4_000


def test_a_cut_never_splits_a_character():
    body = b"data: {}\n\n".replace(b"{}", "🌍é".encode() * 50_000)
    wire = wire_of(of_body(body), [(100_001, 100_003), (200_002, 200_009)], 8_000)
    assert [2] * len(wire["pieces"]) == [len(piece) for piece in wire["pieces"]]
    assert all(body[at] == byte for at, byte in kept(wire).items())


def test_bytes_that_are_no_text_survive():
    body = b"data: \xff\xfe\x00\n\n"
    assert body == bytes(kept(wire_of(of_body(body), (), 64_000)).values())


def test_a_million_events_are_told_of_by_a_few():
    body = b"data: {}\n\n" * 100_000
    wire = wire_of(of_body(body), [(500_000, 500_010)], 16_000)
    assert 100_000 == wire["total"]
    assert len(wire["events"]) <= 500
    assert len(wire["arrivals"]) <= 400


def test_no_credential_reaches_the_page():
    secret = "sk-very-secret"
    headers = (("authorization", f"Bearer {secret}"), ("x-api-key", secret))
    request = Request(
        "POST", f"http://user:{secret}@host/v1/chat/completions?key={secret}", headers, {"api_key": secret}
    )
    head = replace(WHOLE.head, headers=(("set-cookie", secret), ("x-other", "kept")))
    told = str(wire_of(replace(WHOLE, request=request, head=head), (), 64_000))
    assert secret not in told
    assert "x-other: kept" in told


def test_what_is_beside_an_exchange_and_in_its_group_is_found_by_its_probe():
    other, third = (replace(WHOLE, probe=name) for name in ("stream/first", "stream/2"))
    whole = replace(WHOLE, beside=other, group=(third,))
    assert {"stream", "stream/first", "stream/2"} == set(by_probe([whole]))
    assert "stream/first" == wire_of(whole, (), 64_000)["beside"]


@pytest.mark.parametrize("value", [{}, [], {"a": ["</script>", "é🌍", None, 1.5]}, "x" * 100_000])
def test_what_is_packed_is_letters_and_digits_and_comes_back(value):
    text = pack(value)
    assert value == unpack(text)
    assert not set("<>&'\" \n") & set(text)


def test_half_a_surrogate_pair_does_not_stop_the_page():
    assert "a?b" == unpack(pack("a\ud800b"))
