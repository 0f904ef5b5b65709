"""Sums of Prometheus metrics: what is read, and what hostile documents give."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from conformance.probes.observers.expression import Expression

DOCUMENT = """\
# HELP running Requests.
# TYPE running gauge
running{model="a",rank="0"} 1.0
running{model="a",rank="1"} 2
running{model="b, with } and + in it",rank="0"} 4 1395066363000
running_more 100
waiting 8
made_total 1.5e3
"""
GOOD = {
    "running": 7.0,
    "waiting": 8.0,
    "made_total": 1500.0,
    'running{model="a"}': 3.0,
    'running{model="a",rank="1"}': 2.0,
    'running{model="b, with } and + in it"}': 4.0,
    "running + waiting": 15.0,
    'running{ rank = "0" } + waiting{}': 13.0,
    'running{rank="0",}+running{rank="1"}': 7.0,
    "missing": None,
    "running + missing": None,
    'running{model="c"}': None,
    "runnin": None,
}
BAD = ["", "1x", "a b", "a{b}", 'a{b="c"', "a+", "+a", "a-b", "sum(a)", 'a{b!="c"}', "a{b='c'}", 'a{b="\\""}']


@pytest.mark.parametrize(("text", "value"), GOOD.items())
def test_a_sum_is_over_all_labels_that_are_not_named(text: str, value: float | None) -> None:
    assert value == Expression(text).value(DOCUMENT)


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_sum_of_metrics_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="joined by"):
        Expression(text)


@pytest.mark.parametrize(("text", "good"), [*((text, True) for text in GOOD), *((text, False) for text in BAD)])
def test_targets_yaml_takes_what_is_understood_here(text: str, good: bool) -> None:
    pattern = schemas.load("targets")["$defs"]["metric"]["pattern"]
    assert good == bool(re.search(pattern, text))


@pytest.mark.parametrize("value", ["NaN", "-1", "+Inf", "-Inf", "1e999", "x", "", "1_0", "0x1", "1 2 3 4 x"])
def test_a_value_that_is_no_number_of_requests_is_none(value: str) -> None:
    assert Expression("a").value(f"a {value}\n") is None


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<html><body>a 1</body></html>",
        "a",
        "a{",
        'a{b="c} 1',
        'a{b="c"} ',
        "a{}{} 1x",
        "a\x00 1",
        "# TYPE a",
        '{"a": 1}',
    ],
)
def test_a_document_of_another_kind_has_no_value(document: str) -> None:
    assert Expression("a").value(document) is None


def test_a_broken_line_elsewhere_does_not_matter() -> None:
    assert 3.0 == Expression("a").value('b{"\\" 1\nnonsense here\na 3\n# TYPE\na{b="c 5\n')


@given(st.text(alphabet='a{}b="\\, 1\n\t#_', max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    value = Expression("a").value("a" + text)
    assert value is None or value >= 0


@pytest.mark.parametrize(
    "line",
    [
        'a{b="' + '\\"' * 450 + '"} 1',
        'a{b="' + "\\" * 980 + '"} 1',
        "a{" + 'b="",' * 190 + "} 1",
        "a{" + "," * 980 + "} 1",
        "a " + "1 " * 450,
        "a " + "9" * 980,
        "a{" + "{" * 980,
        "a" + " " * 980,
    ],
)
def test_hostile_lines_take_no_time(line: str) -> None:
    document = f"{line}\n" * (4_000_000 // len(line))
    began = time.process_time()
    Expression("a").value(document)
    assert time.process_time() - began < 2.0
