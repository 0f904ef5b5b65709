"""The recording format, written and read; literal lines, then any exchange there and back."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.protocols.recording import (
    Header,
    RecordingError,
    data_line,
    end_line,
    header_line,
    read,
    read_header,
)
from conformance.wire.http import Head

URL = "https://api.example.com/v1/chat/completions"
ASKED = Request("POST", URL, (("accept", "*/*"),), {"model": "m", "stream": True})
WIRE = (
    '{"recording": 1, "layer": "wire", "source": {"target": "t"}, "request": {"method": "POST", "url": "https://'
    'api.example.com/v1/chat/completions", "headers": [["accept", "*/*"]], "body": {"model": "m", "stream": true}}}\n'
)
BODY = WIRE.replace('"wire"', '"body"').replace(
    '"stream": true}}}', '"stream": true}}, "response": {"status": 200, "headers": [["content-type", "text/plain"]]}}'
)
HEAD = "HTTP/1.1 200 OK\\r\\ncontent-type: text/event-stream\\r\\n\\r\\n"
RECORDED = [
    WIRE,
    f'[0.25, "data", "{HEAD}"]\n',
    '[0.5, "data", "data: {\\"a\\": \\"ü\\"}\\n\\n"]\n',
    '[0.75, "data64", "ZGF0YTog/wo="]\n',
    '[1.0, "data", "\\n"]\n',
    '[1.25, "eof"]\n',
]


def test_a_recording_is_read() -> None:
    exchange = read(RECORDED, source="a.jsonl")
    assert exchange.request == ASKED
    assert (exchange.layer, exchange.protocol, exchange.status) == ("wire", "chat", 200)
    assert 'data: {"a": "ü"}\n\ndata: '.encode() + b"\xff\n\n" == exchange.body
    assert [event.at for event in exchange.events] == [0.5, 1.0]
    assert (
        exchange.head_at,
        exchange.ended_at,
        exchange.ending,
        exchange.source,
    ) == (0.25, 1.25, Ending.EOF, "a.jsonl")


def test_what_is_written_is_what_the_format_says() -> None:
    written = [
        header_line(ASKED, source={"target": "t"}),
        data_line(0.25, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"),
        data_line(0.5, 'data: {"a": "ü"}\n\n'.encode()),
        data_line(0.75, b"data: \xff\n"),
        data_line(1.0, b"\n"),
        end_line(1.25, Ending.EOF),
    ]
    assert written == RECORDED


def test_layer_body_has_the_head_in_its_first_line() -> None:
    head = Head(200, (("content-type", "text/plain"),))
    assert header_line(ASKED, layer="body", source={"target": "t"}, head=head) == BODY
    exchange = read([BODY, '[null, "data", "data: 1\\n\\n"]\n', '[null, "eof"]\n'])
    assert (head, None, b"data: 1\n\n") == (exchange.head, exchange.transport, exchange.body)


@pytest.mark.parametrize(("layer", "head"), [("wire", Head(200, ())), ("body", None)])
def test_a_head_is_written_in_layer_body_and_only_there(layer: str, head: Head | None) -> None:
    with pytest.raises(ValueError, match="head"):
        header_line(ASKED, layer=layer, source={}, head=head)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -0.1])
def test_a_time_that_is_none_is_not_written(at: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        data_line(at, b"")


def test_probe_companion_and_source_come_back() -> None:
    line = header_line(ASKED, source={"target": "t"}, probe="twin", beside="twin.companion.jsonl")
    header = Header(ASKED, "wire", None, "twin", "twin.companion.jsonl", {"target": "t"})
    assert header == read_header(line)
    beside = read(RECORDED)
    exchange = read([line, '[1, "eof"]'], beside=beside)
    assert ("twin", beside) == (exchange.probe, exchange.beside)


def test_unknown_members_of_the_first_line_do_not_matter() -> None:
    assert read_header(WIRE.replace('"layer"', '"dialect": "azure", "layer"')).layer == "wire"


def test_no_credential_is_written() -> None:
    request = Request(
        "POST",
        "https://me:pw1@api.example.com/v1/chat/completions?api_key=pw2",
        (("Authorization", "Bearer pw3"), ("X-Api-Key", "pw4"), ("accept", "*/*")),
        {"api_key": "pw5"},
    )
    head = Head(200, (("set-cookie", "pw6"), ("server", "s")))
    line = header_line(request, layer="body", source={"url": "https://me:pw7@api.example.com/"}, head=head)
    assert "pw" not in line
    assert "server" in line


def test_no_credential_is_read() -> None:
    line = WIRE.replace('["accept", "*/*"]', '["Authorization", "Bearer pw1"]').replace("//api", "//me:pw2@api")
    assert "pw" not in str(read([line, '[1, "eof"]']))


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert (
        data_line(None, "\x1b[31m\x9b\u202e\u2028\ufeff".encode())
        == '[null, "data", "\\u001b[31m\\u009b\\u202e\\u2028\\ufeff"]\n'
    )


@pytest.mark.parametrize(
    "lines",
    [RECORDED[:4], [*RECORDED[:4], "[1.0, "], [*RECORDED[:4], '[1.0, "data", "da'], [*RECORDED[:4], "\n"]],
    ids=["no last line", "half a line", "half a read", "blank line"],
)
def test_a_recording_whose_writer_crashed_keeps_every_whole_line(lines: list[str]) -> None:
    for form in (lines, [line.encode() for line in lines]):
        exchange = read(form)  # type: ignore[arg-type]
        assert (exchange.ending, exchange.ended_at) == (Ending.CUT, None)
        assert 'data: {"a": "ü"}\n\ndata: '.encode() + b"\xff\n" == exchange.body


def test_half_a_character_at_the_end_of_a_crashed_recording_does_no_harm() -> None:
    whole = '[1.0, "data", "ü'.encode()
    assert Ending.CUT is read([*(line.encode() for line in RECORDED[:3]), whole[:-1]]).ending


@pytest.mark.parametrize("word", ["eof", "reset", "timeout", "left", "cut"])
def test_every_ending_comes_back(word: str) -> None:
    assert Ending(word) is read([*RECORDED[:4], f'[2, "{word}"]']).ending


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ("", "line 1: wanted"),
        ("data: {}", "line 1: wanted"),
        ("[1]", "line 1: wanted"),
        (WIRE.replace("1,", "2,"), "line 1, /recording: wanted const 1, got 2"),
        (WIRE.replace('"wire"', '"tcp"'), 'line 1, /layer: wanted "wire" or "body", got "tcp"'),
        (WIRE.replace('"url"', '"uri"'), "line 1, /request: wanted the member 'url'"),
        (WIRE.replace('"POST"', "1"), "line 1, /request/method: wanted string, got int"),
        (WIRE.replace('"POST"', '"P ST"'), "line 1, /request/method: wanted pattern"),
        (WIRE.replace("https://", "https://["), "line 1, /request/url: wanted a URL"),
        (WIRE.replace('[["accept", "*/*"]]', '{"accept": "*/*"}'), "/request/headers: wanted array, got dict"),
        (WIRE.replace('[["accept", "*/*"]]', '[["accept"]]'), "/request/headers/0: wanted headers as"),
        (WIRE.replace('"wire"', '"body"'), "wanted the member 'response'"),
        (BODY.replace('"body",', '"wire",'), "no response in layer"),
        (BODY.replace("200", "99"), "/response/status: wanted minimum 100, got 99"),
        (WIRE.replace('"layer"', '"beside": "../x.jsonl", "layer"'), "/beside: wanted pattern"),
        (WIRE.replace('"layer"', '"beside": "..", "layer"'), "/beside: wanted pattern"),
        (WIRE.replace('"body": {', '"body": {"x": NaN, '), "line 1: wanted"),
    ],
)
def test_a_first_line_that_is_wrong_is_refused_with_what_was_wanted(first: str, says: str) -> None:
    with pytest.raises(RecordingError) as refused:
        read([first, *RECORDED[1:]])
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("data: {}", "a JSON array"),
        ('{"at": 1}', "[seconds,"),
        ('[1, "data"]', "[seconds,"),
        ('[1, "date", ""]', "[seconds,"),
        ('["1", "data", ""]', "[seconds,"),
        ('[1, "gone"]', "[seconds,"),
        ('[1, "eof", ""]', "[seconds,"),
        ('[1, "data64", "?"]', "base64"),
        ('[1, "data64", "ü"]', "base64"),
        ('[1, "data", "\\ud800"]', "a JSON array"),
        ('[NaN, "data", ""]', "a JSON array"),
        ('[-1, "data", ""]', "at least 0.5"),
        ('[0.4, "data", ""]', "at least 0.5"),
        ('[0.4, "eof"]', "at least 0.5"),
        ('[true, "data", ""]', "seconds"),
        ('[1e10, "data", ""]', "at most 1e+09"),
        ("[1" + "0" * 400 + ', "data", ""]', "line 4"),
        ("[" * 100_000, "a JSON array"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_its_number(line: str, says: str) -> None:
    with pytest.raises(RecordingError, match=r"^line 4: ") as refused:
        read([*RECORDED[:3], line + "\n", *RECORDED[4:]])
    assert says in str(refused.value)
    assert len(str(refused.value)) < 400


def test_nothing_may_follow_the_last_line() -> None:
    with pytest.raises(RecordingError, match="line 7: wanted nothing after the line that says 'eof'"):
        read([*RECORDED, '[2, "eof"]'])


def test_a_refusal_shows_no_credential() -> None:
    line = WIRE.replace('[["accept", "*/*"]]', '["authorization: Bearer pw1"]')
    for first in (line, line.replace("POST", ""), line.replace("//api", "//me:pw2\u2100@api")):
        with pytest.raises(RecordingError) as refused:
            read([first])
        assert "pw" not in str(refused.value)


times = st.none() | st.floats(0, 1e9) | st.integers(0, 1000).map(float)
texts = st.text(st.characters(codec="utf-8")).map(str.encode)
plain = st.sampled_from([b"data: [DONE]\n\n", b"\n", b"\r", b": x\n\n", b'data: {"choices": []}\n\n'])
heads = st.just(b"HTTP/1.1 200 OK\r\n\r\n")
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@st.composite
def reads(draw: st.DrawFn) -> list[tuple[float | None, bytes]]:
    pieces = draw(st.lists(st.binary() | texts | plain, max_size=8))
    if draw(st.booleans()):
        pieces.insert(0, draw(heads))
    stamps = draw(st.lists(times, min_size=len(pieces), max_size=len(pieces)))
    known = iter(sorted(at for at in stamps if at is not None))
    return [(None if at is None else next(known), piece) for at, piece in zip(stamps, pieces, strict=True)]


@given(reads(), json_values, st.sampled_from(Ending), st.booleans(), st.sampled_from(["", "stream"]))
def test_any_exchange_is_the_same_after_writing_and_reading(
    pieces: list[tuple[float | None, bytes]], body: Any, ending: Ending, wire: bool, probe: str
) -> None:
    request = Request("POST", URL, (("x", "ÿ"),), body)
    layer, head = ("wire", None) if wire else ("body", Head(200, (("content-type", "text/event-stream"),)))
    live = ExchangeReader(request, head=head, layer=layer)
    lines = [header_line(request, layer=layer, source={}, probe=probe, head=head)]
    ended_at = next((at for at, _ in reversed(pieces) if at is not None), None)
    for at, data in pieces:
        live.feed(data, at)
        lines.append(data_line(at, data))
    lines.append(end_line(ended_at, ending))
    wanted = live.close(ending, ended_at, probe=probe)
    assert wanted == read(lines)
    assert wanted == read("".join(lines).encode().splitlines(keepends=True))


@given(st.lists(st.text() | st.sampled_from([*RECORDED, '[1, "data", "x"]', '[null, "eof"]\n']), max_size=6))
def test_any_other_text_is_refused_as_such(lines: list[str]) -> None:
    for form in (lines, [WIRE, *lines]):
        with suppress(RecordingError):
            assert isinstance(read(form), Exchange)


@given(st.sampled_from([WIRE, BODY]), st.data())
def test_any_change_to_the_first_line_is_read_or_refused(line: str, data: st.DataObject) -> None:
    header = json.loads(line)
    member = data.draw(st.sampled_from([header, header["request"], header.get("response", header)]))
    member[data.draw(st.sampled_from(sorted(member)))] = data.draw(json_values)
    with suppress(RecordingError):
        assert isinstance(read([json.dumps(header) + "\n"]), Exchange)


def test_lines_are_read_one_at_a_time() -> None:
    def lines() -> Iterator[str]:
        yield from RECORDED[:3]
        yield "wrong\n"
        pytest.fail("asked for a line after the wrong one")

    with pytest.raises(RecordingError, match="line 4"):
        read(lines())
