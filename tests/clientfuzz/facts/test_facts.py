"""Facts about clients, looked for again: all of them where STREAMSPEC_CLIENTS names the folder that
`python -m conformance.clientfuzz.installing FOLDER` filled; elsewhere what the page has to say of them."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from conformance.clientfuzz.clients import CLIENTS, client
from conformance.clientfuzz.installing import installed
from tests.clientfuzz.facts import page
from tests.clientfuzz.facts.measured import FACTS
from tests.clientfuzz.facts.playing import Said, heard, served
from tests.clientfuzz.facts.streams import STREAMS

FOLDER = os.environ.get("STREAMSPEC_CLIENTS")
PAGE = Path(__file__).parents[3] / "docs" / "clients" / "facts.md"
MEASURED = {
    (name, stream, made) for fact in FACTS for stream, row in fact.shown.items() for name, made in row.items()
}  # fmt: skip


def said(**line: Any) -> Said:
    told = {"text": "Hello world", "finish_reason": "stop", "tool_calls": [], "error": None}
    return Said({**told, **line}, waited=False)


def test_every_stream_shows_a_fact_of_a_client_that_there_is() -> None:
    assert {stream for _, stream, _ in MEASURED} | {"good", "call"} == set(STREAMS)
    assert {name for name, _, _ in MEASURED} <= {one.name for one in CLIENTS}


@pytest.mark.parametrize(
    ("letter", "line"),
    [
        ("ok", {}),
        ("S", {"text": "Hello"}),
        ("S", {"finish_reason": None}),
        ("S", {"tool_calls": [{"id": "a", "name": "f", "arguments": "{}"}]}),
        ("S", {"role": "assistantassistant"}),
        ("E", {"error": {"class": "E", "message": "no"}}),
    ],
)
def test_what_a_client_says_is_told_in_a_letter(letter: str, line: dict[str, Any]) -> None:
    assert letter == said(**line).letter(STREAMS["good"])


def test_a_client_that_says_nothing_hangs() -> None:
    assert "hang" == Said({}, waited=True).letter(STREAMS["good"])


def test_arguments_are_compared_as_json() -> None:
    call = {"id": "call_a", "name": "f", "arguments": '{"a":1}'}
    assert "ok" == said(text="", finish_reason="tool_calls", tool_calls=[call]).letter(STREAMS["call"])


def test_a_fact_is_found_where_the_letter_and_the_text_are_there() -> None:
    broken = said(error={"class": "AssertionError", "message": ""})
    assert page.found("E AssertionError", broken, "good")
    assert not page.found("E TypeError", broken, "good")
    assert not page.found("ok", broken, "good")
    assert page.found("ok late", Said(said().line, waited=True), "good")


@pytest.mark.skipif(FOLDER is None, reason="STREAMSPEC_CLIENTS=FOLDER says where the clients are installed")
@pytest.mark.parametrize("name", sorted({name for name, _, _ in MEASURED}))
@pytest.mark.timeout(600)
def test_what_was_measured_is_found_again(name: str) -> None:
    rows = [(stream, made) for of, stream, made in MEASURED if of == name and (name, stream) not in page.WHY]
    with served() as port:
        now = dict(heard(installed(client(name), Path(FOLDER or "")), sorted({stream for stream, _ in rows}), port))
    assert [] == [
        (stream, made, now[stream].line) for stream, made in rows if not page.found(made, now[stream], stream)
    ]


@pytest.mark.skipif(not PAGE.exists(), reason="the page is not made yet")
def test_the_page_has_every_fact_and_a_reason_for_each_that_is_not_found() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"| {fact.says} |" in text for fact in FACTS)
    assert f" of {sum(len(row) for fact in FACTS for row in fact.shown.values())} cells are found again" in text
    assert not re.search(r"\| \? \|$", text, re.MULTILINE)
