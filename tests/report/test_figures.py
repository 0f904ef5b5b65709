"""Figures of a run: what is counted, and how it looks without colours."""

import io
import json
from dataclasses import replace

from rich.console import Console

import schemas
from conformance.judge import timing_of
from conformance.probes.catalogue import find
from conformance.proof import exchanges_of
from conformance.report import figures, machine, text
from conformance.verdicts import Report, Timing

STREAM = Timing(
    probe="stream",
    status=200,
    headers=0.01,
    first_message=0.1,
    end=0.7,
    messages=8,
    bytes=900,
    ending="eof",
    first_content=0.2,
    tokens=6,
    arrivals=(0.2, 0.3, 0.4, 0.4, 0.5, 0.6),
)


def test_gaps_are_between_pieces_and_those_that_came_together_have_none():
    found = figures.figures_of([STREAM])
    assert [0.1, 0.1, 0.0, 0.1, 0.1] == [round(gap, 6) for gap in figures.gaps_of(STREAM)]
    assert (0.1, 0.1, 5) == (round(found.gap.p50, 6), round(found.gap.max, 6), found.gap.count)
    assert 0.08 == round(found.time_per_token.p50, 6)
    assert 12.5 == round(found.tokens_per_second.p50, 6)


def test_of_a_hundred_values_95_do_not_exceed_the_second_figure():
    found = figures.spread([float(n) for n in range(1, 101)])
    assert figures.Spread(50.0, 95.0, 100.0, 100) == found


def test_streams_that_had_the_target_to_themselves_are_preferred():
    alone = [replace(STREAM, probe="pace", headers=0.5), replace(STREAM, probe="pace/2", headers=0.5)]
    found = figures.figures_of([STREAM, *alone, replace(STREAM, probe="pace-prompt", headers=9.0)])
    assert (2, True, 0.5) == (found.streams, found.alone, found.headers.max)


def test_refusals_and_streams_without_content_have_no_figures():
    assert None is figures.figures_of([replace(STREAM, status=400), replace(STREAM, arrivals=())])


def test_a_stream_of_one_token_has_no_pace():
    found = figures.figures_of([replace(STREAM, tokens=1, arrivals=(0.2,))])
    assert (None, None, None) == (found.gap, found.time_per_token, found.gaps)
    assert figures.lines_of(found)


def test_the_timeline_shows_bursts():
    assert "████████" == figures.timeline([n / 8 for n in range(8)] + [1.0], width=8).replace("▄", "█")
    assert "    ▄  █" == figures.timeline([0.5] * 4 + [1.0] * 8, width=8)


def test_the_histogram_has_a_bar_for_each_length_and_loses_none():
    found = figures.histogram([0.001] * 3 + [0.1] * 6 + [0.0])
    assert 9 == sum(found.counts)
    assert (3, 6) == (found.counts[0], found.counts[-1])
    assert ("▄", "█") == (figures.bars(found.counts)[0], figures.bars(found.counts)[-1])


def test_gaps_that_are_all_alike_are_one_bar():
    assert 5 == max(figures.histogram([0.02] * 5).counts)


def test_a_long_stream_is_drawn_from_a_thousand_of_its_times_the_last_among_them():
    found = figures.figures_of([replace(STREAM, arrivals=tuple(n / 1000 for n in range(12_345)))])
    assert len(found.arrivals) <= figures.SHOWN
    assert 12.344 == found.arrivals[-1]


def test_what_is_measured_of_an_answer_of_the_mock_server():
    timing = timing_of(exchanges_of(find("usage-asked")))
    assert timing.tokens == len(timing.arrivals) > 1
    assert timing.first_content == timing.arrivals[0]


def test_both_reports_have_them():
    report = Report(target="t", url="http://t/v1", model="m", dialect="openai", verdicts=(), timings=(STREAM,))
    document = json.loads(json.dumps(machine.of_run([report])))
    target = document["targets"][0]
    assert [] == [e.message for e in schemas.explain("report").iter_errors(document) if "rules" not in e.absolute_path]
    assert (0.01, "stream") == (target["figures"]["headers"]["p50"], target["figures"]["longest"])
    assert {"p50": 0.1, "p95": 0.1, "max": 0.1, "count": 5} == target["timings"][0]["gap"]
    console = Console(file=io.StringIO(), width=100, color_system=None)
    text.render(report, console)
    assert "  first content   200 ms" in console.file.getvalue()


def test_streams_that_were_asked_for_at_once_are_counted_where_they_overlap():
    spans = {"side-by-side": 0.0, "side-by-side/2": 0.0, "side-by-side/3": 0.1, "side-by-side/4": 2.0}
    spans["side-by-side/4/alone"] = 0.1
    crowd = [replace(STREAM, probe=name, arrivals=(start, start + 0.5)) for name, start in spans.items()]
    found = figures.figures_of(crowd)
    assert (2, 3) == (found.together, found.together_asked)
    assert "  2 streams at a time, of 3 asked for at once" in figures.lines_of(found)


def test_of_streams_that_are_over_at_once_nothing_is_told():
    crowd = [replace(STREAM, probe=f"side-by-side/{n}", arrivals=(0.1, 0.11)) for n in (2, 3)]
    found = figures.figures_of(crowd)
    assert (0, 2) == (found.together, found.together_asked)
    assert not [line for line in figures.lines_of(found) if "at a time" in line and "asked" in line]
