"""Gateways written with FastAPI: whether leaving arrives depends on which client is called, and where."""

import pytest

from conformance.cancellation import Manner
from conformance.probes.connection import By
from tests.gateways import recipes
from tests.gateways.measuring import changes, misleading, reports_of, seen

BOTH = pytest.mark.parametrize("by", [By.FIN, By.RST], ids=str)


@pytest.fixture(scope="module")
def reports():
    return reports_of(recipes.ALL)


def unnoticed(report, by):
    return {situation for situation, sent in seen(report, by).items() if sent is None}


@pytest.mark.parametrize(
    ("program", "named"),
    [
        (recipes.INSIDE, Manner.WATCHER),
        (recipes.EAGER, Manner.WATCHER),
        (recipes.SYNCHRONOUS, Manner.NEVER),
        (recipes.RAW, Manner.WATCHER),
        (recipes.LINES, Manner.WATCHER),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_its_class(reports, program, named):
    assert named is reports[program.name].named


@BOTH
@pytest.mark.parametrize("program", [recipes.INSIDE, recipes.LINES], ids=lambda program: program.name)
def test_a_call_inside_of_the_generator_is_left_at_any_moment(reports, program, by):
    assert set() == unnoticed(reports[program.name], by)


@BOTH
@pytest.mark.parametrize("program", [recipes.EAGER, recipes.RAW], ids=lambda program: program.name)
def test_a_call_that_is_awaited_first_is_not_left_before_the_head_comes(reports, program, by):
    assert {"nothing-yet"} == unnoticed(reports[program.name], by)


@BOTH
def test_the_synchronous_client_goes_on_for_nobody(reports, by):
    found = unnoticed(reports[recipes.SYNCHRONOUS.name], by)
    assert {"fast", "slow", "silent", "nothing-yet", "head-only"} == found


@pytest.mark.parametrize("program", recipes.ALL, ids=lambda program: program.name)
def test_nothing_is_held_back(reports, program):
    assert {} == changes(reports[program.name], "delayed")


def test_what_writes_done_by_itself_writes_it_behind_half_an_answer_and_loses_errors(reports):
    in_the_stream = {"clean-end": {"done-invented"}, "error-event": {"error-became-cut"}}
    assert {**in_the_stream, "rate-limit": {"error-lost"}} == misleading(reports["fastapi-inside"])
    for name in ("fastapi-eager", "fastapi-synchronous"):
        assert {**in_the_stream, "rate-limit": {"status-changed", "error-object-lost"}} == misleading(reports[name])


def test_lines_handed_on_keep_the_stream_and_lose_the_status(reports):
    assert {"rate-limit": {"error-lost"}} == misleading(reports["fastapi-lines"])


def test_bytes_handed_on_mislead_nobody(reports):
    assert {} == misleading(reports["fastapi-raw"])
