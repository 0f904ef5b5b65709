"""Every behaviour of every rule against every rule, and what the good server gives to every trial: in virtual time."""

import time

import pytest

from conformance import cancellation, proof, trial_proof
from conformance.cancellation import Manner
from conformance.judge import judge
from conformance.probes.observers.choosing import Wanted
from conformance.probes.trials.catalogue import TRIALS
from conformance.probes.trials.trial import Part
from conformance.protocols.exchange import Exchange
from conformance.rules import ALL
from conformance.rules.behaviour import Behaviour, Overflow, Stops
from conformance.rules.rule import Rule
from conformance.targets import FEATURES
from conformance.verdicts import Verdict
from mockserver import faults

BEHAVING = [rule for rule in ALL if rule.broken_when]
LEAVING = [trial for trial in TRIALS if trial.part is Part.LEAVING and trial.name.startswith("leave-mid-stream")]
TELLING = ("leave-mid-stream-fin", "leave-after-head-fin", "leave-not-streamed-fin")
STOPS = [trial for trial in TRIALS if trial.name in TELLING]


@pytest.mark.parametrize("rule", BEHAVING, ids=[rule.id for rule in BEHAVING])
def test_its_behaviours_are_caught_by_it_and_by_those_it_names(rule: Rule) -> None:
    kills = list(trial_proof.matrix([rule]))
    assert [] == [kill.name for kill in kills if not kill.caught], "caught in no trial"
    assert [] == [(kill.name, kill.strangers) for kill in kills if kill.strangers], "noticed by other rules"
    fired = {name for kill in (*kills, *proof.matrix([rule])) for name in kill.companions}
    assert set(rule.also_breaks) == fired, "also_breaks names a rule that no fault breaks"


def test_every_rule_with_behaviours_is_tried_by_some_trial() -> None:
    assert [] == trial_proof.never_tried(BEHAVING)


def test_every_trial_meets_some_need() -> None:
    wanted = {name for rule in ALL for name in rule.needs.probes}
    assert [] == [trial.name for trial in TRIALS if trial.name not in wanted]


def test_every_rule_is_silent_on_the_good_server() -> None:
    assert [] == trial_proof.false_alarms()


@pytest.mark.parametrize(
    ("slots", "overflow"),
    [(0, Overflow.QUEUE), (1, Overflow.QUEUE), (1, Overflow.REFUSE), (2, Overflow.REFUSE), (8, Overflow.QUEUE)],
    ids=["no slots", "one, others wait", "one, others are refused", "two, others are refused", "eight"],
)
def test_no_capacity_makes_a_good_server_red(slots: int, overflow: Overflow) -> None:
    exchanges = [e for trial in TRIALS for e in trial_proof.rehearse(trial, slots=slots, overflow=overflow)]
    verdicts = judge(exchanges, features=frozenset(FEATURES))
    assert {} == {v.rule.id: v.reason for v in verdicts if v.verdict in (Verdict.FAIL, Verdict.WARN)}


@pytest.mark.parametrize("rule", BEHAVING, ids=[rule.id for rule in BEHAVING])
def test_every_behaviour_is_a_fault_of_the_mock(rule: Rule) -> None:
    for behaviour in rule.broken_when:
        assert (rule, behaviour) == faults.find(f"{rule.id}#{behaviour.name}")


def left(behaviour: Behaviour | None, observer: str) -> Exchange:
    return trial_proof.rehearse(LEAVING[0], behaviour, wanted=Wanted(name=observer))[0]


@pytest.mark.parametrize("observer", ["journal", "prometheus", "slots"])
@pytest.mark.parametrize(
    ("stops", "wanted"),
    [(None, True), (Stops.AT_NEXT_WRITE, True), (Stops.LATE, True), (Stops.NEVER, False)],
    ids=["at once", "at the next write", "after two seconds", "never"],
)
def test_whoever_watches_sees_whether_the_server_stops(observer: str, stops: Stops | None, wanted: bool) -> None:
    behaviour = Behaviour(name="x", stops=stops, seconds=2.0) if stops else None
    watch = left(behaviour, observer).watch
    assert watch is not None
    assert (observer, wanted) == (watch.observer, watch.stopped), watch.how


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("observer", ["", "prometheus", "slots"], ids=["any", "prometheus", "slots"])
@pytest.mark.parametrize(
    ("stops", "manner"),
    [
        (None, Manner.WATCHER),
        (Stops.AT_NEXT_WRITE, Manner.WRITE_DETECTOR),
        (Stops.NEVER, Manner.NEVER),
    ],
    ids=["at once", "at the next write", "never"],
)
def test_a_whole_run_names_the_class(stops: Stops | None, manner: Manner, observer: str, slots: int) -> None:
    """Though what was left when the pace was measured still takes the slots of a server that never stops."""
    behaviour = Behaviour(name="x", stops=stops) if stops else None
    exchanges = trial_proof.run_through(STOPS, behaviour, slots=slots, wanted=Wanted(name=observer))
    seen = cancellation.of(exchanges)
    assert seen is not None
    assert manner is seen.manner, seen.why


def test_a_rehearsal_costs_no_time_to_speak_of() -> None:
    started = time.process_time()
    trial_proof.rehearse(LEAVING[0], Behaviour(name="x", stops=Stops.NEVER))
    assert time.process_time() - started < 1


def test_the_same_rehearsal_gives_the_same_times() -> None:
    one, two = (trial_proof.rehearse(LEAVING[0]) for _ in range(2))
    assert [(e.head_at, e.ended_at, len(e.steps)) for e in one] == [(e.head_at, e.ended_at, len(e.steps)) for e in two]
