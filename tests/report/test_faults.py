"""The pages of faults: what of two answers is shown, and that the pages say what the code does."""

from pathlib import Path

import pytest

from conformance.exhibits import exhibits
from conformance.report.faults import difference, pages, told
from conformance.rules import ALL
from conformance.rules.behaviour import Behaviour, Delivery, Moment, Stops
from conformance.wire.script import Act, Answer, Framing, Reset, Send, Wait
from mockserver.faults import fault_name

DOCS = Path(__file__).parents[2] / "docs"
STREAM = (("content-type", "text/event-stream"),)


def of(*acts: Act | bytes, framing: Framing = Framing.CHUNKED, hangs_up: bool = False) -> Answer:
    """An answer with these acts."""
    sent = tuple(Send(act) if isinstance(act, bytes) else act for act in acts)
    return Answer(200, STREAM, sent, framing, hangs_up)


@pytest.fixture(scope="module")
def made():
    return list(exhibits())


def test_the_pages_are_fresh(made) -> None:
    """`python -m conformance.exhibits docs` makes them so."""
    kept = {f"faults/{page.name}": page.read_text("utf-8") for page in (DOCS / "faults").glob("*.md")}
    assert pages(made) == {"faults.md": (DOCS / "faults.md").read_text("utf-8"), **kept}


def test_every_fault_has_its_heading_and_every_mutant_its_bytes(made) -> None:
    headings = [line[4:] for text in pages(made).values() for line in text.splitlines() if line.startswith("### ")]
    assert [f"{r.id}#{fault_name(fault)}" for r in ALL for fault in (*r.broken_by, *r.broken_when)] == headings
    assert [] == [exhibit.name for exhibit in made if exhibit.behaviour is None and exhibit.shown is None]


@pytest.mark.parametrize(
    ("good", "broken", "expected"),
    [
        (of(b"data: 1\n\n", b"data: [DONE]\n\n"), of(b"data: 1\n\n"), ["- data: [DONE]\\n", "- \\n", "+ (nothing)"]),
        (of(b"data: \xe2\x82\xac\n"), of(b"data: \xe2\x82\n"), ["- data: \\xe2\\x82\\xac\\n", "+ data: \\xe2\\x82\\n"]),
        (of(b"a\r\n", b"b\n"), of(b"a\r\n", Wait(3), b"b\n"), ["- (nothing)", "+ (3 seconds of silence)"]),
        (of(b"a\n", b"b\n"), of(b"a\n", Reset()), ["- b\\n", "+ (the connection is reset)"]),
        (
            of(b"a\n"),
            of(b"a\n", hangs_up=True),
            ["- (the connection stays open)", "+ (the connection is closed without a word)"],
        ),
        (
            of(b"a\n", framing=Framing.LENGTH),
            of(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\na\n", framing=Framing.RAW),
            ["- content-length: 2\\r\\n", "+ (nothing)"],
        ),
        (of(b"\\n\x1b\n"), of(b"\\n\n"), ["- \\\\n\\x1b\\n", "+ \\\\n\\n"]),
    ],
)
def test_what_differs_is_shown_line_by_line(good: Answer, broken: Answer, expected: list[str]) -> None:
    assert expected == list(difference(good, broken))


def test_a_long_line_is_shown_around_the_place_where_it_changes() -> None:
    was, became = difference(of(b"a" * 300 + b"1" + b"b" * 300 + b"\n"), of(b"a" * 300 + b"2" + b"b" * 300 + b"\n"))
    assert "- …" + "a" * 30 + "1" + "b" * 119 + "…" == was
    assert "+ …" + "a" * 30 + "2" + "b" * 119 + "…" == became


def test_of_many_lines_the_first_are_shown() -> None:
    assert ["- … and 6 more lines", "+ (nothing)"] == list(difference(of(b"x\n" * 10), of()))[4:]


def test_a_behaviour_is_told_in_words() -> None:
    late = Behaviour(name="late", stops=Stops.LATE, seconds=3.5, moments=frozenset({Moment.HEAD}), only_by="rst")
    assert [
        "the work for a client that has left is ended: 3.5 seconds later",
        "only where the client leaves after the head, before the first event",
        "only where the client leaves by RST",
    ] == list(told(late))
    bursts = Behaviour(name="bursts", delivery=Delivery.BURSTS, seconds=0.25)
    assert ["what was made in 0.25 seconds is handed over together"] == list(told(bursts))
