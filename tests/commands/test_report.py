"""`streamspec report` and the pages that `run` writes."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.judge import judge, timing_of
from conformance.loading import load
from conformance.report import machine
from conformance.verdicts import Report
from tests.report.html.unpacking import unpack

RECORDINGS = Path(__file__).parents[1] / "recordings" / "transformers"
NAMES = ("stream", "usage-asked", "non-ascii")


def streamspec(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in NAMES:
        shutil.copy(RECORDINGS / f"{name}.jsonl", folder)
    return folder


def stored(path, recordings, target="transformers", left_out=""):
    exchanges = [loaded.exchange for loaded in load(recordings) if loaded.exchange.probe != left_out]
    report = Report(
        target=target, url="http://127.0.0.1:8000/v1", model="tiny", dialect="openai",
        verdicts=judge(exchanges), timings=tuple(timing_of(exchange) for exchange in exchanges),
    )  # fmt: skip
    path.write_text(json.dumps(machine.of_run([report])), "utf-8")
    return path


def wires_of(html):
    return [unpack(part.partition("<")[0]) for part in html.split('class="wire-data">')[1:]]


def test_a_stored_report_and_its_recordings_become_a_page(tmp_path, recordings):
    report = stored(tmp_path / "report.json", recordings)
    result = streamspec("report", report, "--recordings", recordings, "--html", tmp_path / "out" / "report.html")
    assert (0, "") == (result.exit_code, result.stderr)
    assert "transformers" in result.stdout
    (wires,) = wires_of((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert set(NAMES) == set(wires)
    body = next(iter(load(recordings / "stream.jsonl"))).exchange.body
    assert body == "".join(text for _, text in wires["stream"]["pieces"]).encode()


def test_without_recordings_the_page_has_everything_but_the_wire(tmp_path, recordings):
    result = streamspec("report", stored(tmp_path / "report.json", recordings), "--html", "-")
    assert 0 == result.exit_code
    assert result.stdout.startswith("<!doctype html>")
    assert [{}] == wires_of(result.stdout)
    assert "transformers" in result.stderr


def test_several_reports_stand_side_by_side_and_are_told_from_each_other(tmp_path, recordings):
    for name in ("monday", "friday"):
        stored(tmp_path / f"{name}.json", recordings)
    result = streamspec("report", tmp_path / "monday.json", tmp_path / "friday.json", "--markdown", tmp_path / "s.md")
    assert 0 == result.exit_code
    text = (tmp_path / "s.md").read_text("utf-8")
    assert "| `transformers (monday)` |" in text
    assert "| `transformers (friday)` |" in text


def test_what_changed_since_an_earlier_report_is_told(tmp_path, recordings):
    old = stored(tmp_path / "old.json", recordings, left_out="usage-asked")
    result = streamspec("report", stored(tmp_path / "new.json", recordings), "--against", old)
    assert 0 == result.exit_code
    assert "since the earlier report: " in result.stdout
    assert "NOT-APPLICABLE -> " in result.stdout


def test_each_report_may_have_recordings_of_its_own(tmp_path, recordings):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(recordings / "stream.jsonl", other)
    first, second = (stored(tmp_path / f"{name}.json", folder) for name, folder in (("a", recordings), ("b", other)))
    page = tmp_path / "p.html"
    streamspec("report", first, second, "--recordings", recordings, "--recordings", other, "--html", page)
    assert [3, 1] == [len(wires) for wires in wires_of(page.read_text("utf-8"))]


def test_the_wire_of_one_server_is_never_shown_for_anothers(tmp_path, recordings):
    mine, other = stored(tmp_path / "mine.json", recordings), stored(tmp_path / "other.json", recordings, "other")
    nested, page = tmp_path / "nested", tmp_path / "p.html"
    shutil.copytree(recordings, nested / "transformers")
    for reports, folder, shown in (
        ((other,), nested, [0]),
        ((mine, other), nested, [3, 0]),
        ((mine, other), recordings, [0, 0]),
    ):
        result = streamspec("report", *reports, "--recordings", folder, "--html", page)
        assert (0, True) == (result.exit_code, "the wire of this target is not shown" in result.stderr)
        found = [len(wires) for wires in wires_of(page.read_text("utf-8"))]
        assert [number for number in shown if number] == [number for number in found if number]


def test_a_recording_that_cannot_be_read_is_told_of_and_the_others_are_shown(tmp_path, recordings):
    report = stored(tmp_path / "report.json", recordings)
    (recordings / "broken.jsonl").write_text("{}\n")
    result = streamspec("report", report, "--recordings", recordings, "--html", tmp_path / "p.html")
    assert 0 == result.exit_code
    assert "broken.jsonl" in result.stderr
    assert 3 == len(wires_of((tmp_path / "p.html").read_text("utf-8"))[0])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("missing.json",), "cannot read missing.json"),
        (("text.json",), "wanted the JSON that `run --json` writes"),
        (("report.json", "--against", "text.json"), "text.json: wanted the JSON"),
        (("report.json", "--html", "-", "--markdown", "-"), "only one report can go to standard output"),
        (("report.json",) + ("--recordings", ".") * 2, "2 times --recordings for 1 reports"),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_says_why(tmp_path, recordings, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    stored(tmp_path / "report.json", recordings)
    (tmp_path / "text.json").write_text("no json")
    result = streamspec("report", *words)
    assert 2 == result.exit_code
    assert told in result.stderr


def test_a_target_named_like_a_folder_above_reads_nothing_there(tmp_path, recordings):
    report = stored(tmp_path / "report.json", recordings, target="..")
    document = json.loads(report.read_text("utf-8"))
    document["targets"] *= 2
    report.write_text(json.dumps(document))
    inner = recordings / "inner"
    inner.mkdir()
    result = streamspec("report", report, "--recordings", inner, "--html", tmp_path / "p.html")
    assert 0 == result.exit_code
    assert [{}, {}] == wires_of((tmp_path / "p.html").read_text("utf-8"))


def test_a_run_writes_its_page_with_the_wire_and_its_summary(tmp_path):
    page, summary = tmp_path / "run.html", tmp_path / "run.md"
    result = streamspec(
        "run", "--only", "chat/termination/*", "--profile", "quick", "--html", page, "--markdown", summary
    )
    assert 0 == result.exit_code
    (wires,) = wires_of(page.read_text("utf-8"))
    assert "stream" in wires
    assert "Nothing is red on `mock`" in summary.read_text("utf-8")
