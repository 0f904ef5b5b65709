"""Which class a gateway is of, and what of leaving is red."""

import pytest

from conformance.cancellation import Manner
from conformance.protocols import recording
from conformance.protocols.exchange import Exchange

from .scripted import Tried, Ways, run


def classes(tried: Tried) -> dict[str, str]:
    return {conclusion.by.value: conclusion.named.value for conclusion in tried.report.conclusions}


def red(tried: Tried) -> set[tuple[str, str]]:
    return {(left.leaving.name, left.by.value) for left in tried.report.lefts if left.red}


ALL_OF_THEM = ("fast", "slow", "silent", "nothing-yet", "head-only")


@pytest.mark.parametrize(
    ("stops", "named", "late"),
    [
        ("at once", Manner.WATCHER, ()),
        ("3", Manner.WATCHER, ()),
        ("6", Manner.NEVER, ALL_OF_THEM),
        ("write", Manner.WRITE_DETECTOR, ("silent", "nothing-yet", "head-only")),
        ("never", Manner.NEVER, ALL_OF_THEM),
    ],
)
def test_a_gateway_is_classed_by_when_its_upstream_learns_of_a_leaving(
    stops: str, named: Manner, late: tuple[str, ...]
):
    tried = run(Ways(stops=stops), "leaving/*")
    assert {"fin": named.value, "rst": named.value} == classes(tried)
    assert {(name, by) for name in late for by in ("fin", "rst")} == red(tried)
    assert named is tried.report.named


def test_a_watcher_that_does_not_watch_before_the_head_is_told_so():
    tried = run(Ways(stops="headed"), "leaving/*")
    assert Manner.WATCHER is tried.report.named
    assert {("nothing-yet", "fin"), ("nothing-yet", "rst")} == red(tried)
    assert ("no byte yet: not within 5 s",) == tried.report.conclusions[0].except_for


def test_the_class_is_the_worse_of_the_two_ways_of_leaving():
    tried = run(Ways(stops="at once", half_closes="write"), "leaving/*")
    assert {"fin": "write-detector", "rst": "watcher"} == classes(tried)
    assert Manner.WRITE_DETECTOR is tried.report.named


def test_without_a_gateway_all_is_seen_at_once():
    tried = run(None, "leaving/*")
    assert Manner.WATCHER is tried.report.named
    assert {(0.0, 0)} == {(left.seen, left.sent_after) for left in tried.report.lefts}
    assert {"fin", "rst"} == {left.seen_as for left in tried.report.lefts}


def test_a_busy_gateway_that_still_had_something_to_write_is_not_taken_for_a_watcher():
    tried = run(Ways(stops="write", busy=3.9, lag=0.2), "leaving/*")
    silent = [left for left in tried.report.lefts if left.leaving.name == "silent"]
    assert {"it was not silent yet: what the upstream had sent before was still on its way"} == {
        left.problem for left in silent
    }
    assert Manner.UNKNOWN is tried.report.named


def test_the_deadline_can_be_longer():
    tried = run(Ways(stops="6"), "leaving/*", deadline=8)
    assert Manner.WATCHER is tried.report.named
    assert {6.0} == {round(left.seen or 0, 3) for left in tried.report.lefts}


def test_a_gateway_that_holds_back_is_left_after_some_seconds():
    tried = run(Ways(delivery="whole"), "leaving/*")
    assert Manner.WATCHER is tried.report.named
    assert {0} == {left.received for left in tried.report.lefts}


def test_what_is_made_for_nobody_is_counted():
    fast, slow, *_ = run(Ways(stops="never"), "leaving/*").report.lefts
    assert (250, 5) == (fast.sent_after, slow.sent_after)
    assert "not within 5 s, 250 sent" == fast.says


def test_an_answer_that_ends_before_it_can_be_left_tells_nothing():
    tried = run(Ways(), "leaving/*", after_check=Ways(alone=(429, b"{}")))
    assert Manner.UNKNOWN is tried.report.named
    assert 10 == len(red(tried))
    assert {"the answer was over before it could be left (status 429, eof)"} == {
        left.problem for left in tried.report.lefts
    }


def test_the_recording_of_a_leaving_ends_with_what_the_upstream_saw(tmp_path):
    run(Ways(stops="write"), "leaving/s*", record_to=tmp_path)

    def read(name: str) -> Exchange:
        with (tmp_path / name).open() as file:
            return recording.read(file)

    slow, silent = read("leave-slow-fin.jsonl"), read("leave-silent-rst.jsonl")
    assert slow.watch is not None
    assert silent.watch is not None
    assert ("fin", True, 1.0, 1) == (slow.left_by, slow.watch.stopped, slow.watch.by, slow.watch.produced)
    assert ("rst", False, 5.0, 0) == (silent.left_by, silent.watch.stopped, silent.watch.by, silent.watch.produced)


def test_leaving_takes_no_minute():
    for stops in ("at once", "write", "never"):
        assert run(Ways(stops=stops), "leaving/*").seconds < 15
