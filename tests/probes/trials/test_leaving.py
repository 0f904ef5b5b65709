"""Trials of leaving, made with the mock server in memory and in virtual time, and what is said of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from conformance import cancellation
from conformance.cancellation import Manner
from conformance.checking import check
from conformance.judge import judge
from conformance.probes.bench import Tempo
from conformance.probes.bodies import LONG
from conformance.probes.connection import Clock, Connection
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.observers.choosing import Wanted
from conformance.probes.performing import Stage
from conformance.probes.recorder import Leave
from conformance.probes.runner import Silent
from conformance.probes.trials.leaving import KINDS, LEAVING, _made_sure
from conformance.probes.trials.running import Plan, run
from conformance.probes.trials.trial import Trial
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.protocols.watch import Watch
from conformance.rules import ALL
from conformance.simulation import link, simulate
from conformance.verdicts import RuleVerdict, Verdict
from mockserver.answering import Settings
from mockserver.app import MockServer

FEATURES = frozenset({"tools", "choices", "completions"})
RULES = [rule for rule in ALL if rule.id.startswith("chat/cancellation/")]
JOURNAL = Wanted(name="journal")


class Made:
    """What came of a run of trials, and when."""

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.done_when_planned: list[int] = []
        self.done: list[str] = []
        self.exchanges: list[Exchange] = []
        self.problem = ""
        self.seconds = 0.0

    def plan(self, plan: Plan) -> None:
        self.plans.append(plan)
        self.done_when_planned.append(len(self.done))

    @property
    def verdicts(self) -> dict[str, RuleVerdict]:
        found = judge(self.exchanges, rules=RULES, features=FEATURES)
        return {verdict.rule.id.removeprefix("chat/cancellation/"): verdict for verdict in found}

    @property
    def not_passed(self) -> dict[str, Verdict]:
        return {name: v.verdict for name, v in self.verdicts.items() if v.verdict is not Verdict.PASS}

    @property
    def manner(self) -> Manner | None:
        found = cancellation.of(self.exchanges)
        return found.manner if found else None


def made(fault: str | None = None, trials: tuple[Trial, ...] = LEAVING, slots: int = 2, **members: Any) -> Made:
    """Trials of the mock server, with a fault or well-behaved."""
    result = Made()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with MockServer(Settings(slots=slots), port=None, fault=fault) as server:
            dial = _dialling(server)
            stage = Stage(
                endpoint=Endpoint(url=server.url, model="mock"),
                budget=Budget(Endpoint(url=server.url, model="mock").limits),
                record_to=members.pop("record_to", None),
                clock=loop.time,
                notes={},
                dial=dial,
            )
            try:
                result.exchanges = await run(
                    stage,
                    trials,
                    features=FEATURES,
                    slots=slots,
                    on_plan=result.plan,
                    on_progress=lambda trial, _: result.done.append(trial.name),
                    **{"wanted": JOURNAL, **members},
                )
            except Silent as silent:
                result.exchanges, result.problem = silent.exchanges, str(silent)
            result.seconds = loop.time()

    simulate(main())
    return result


def _dialling(server: MockServer) -> Callable[[Endpoint, Clock], Awaitable[Connection]]:
    async def dial(_: Endpoint, clock: Clock) -> Connection:
        connection = Connection(clock)
        link(connection, server.accept())
        return connection

    return dial


def only(*names: str) -> tuple[Trial, ...]:
    found = tuple(trial for trial in LEAVING if trial.name in names)
    assert len(found) == len(names)
    return found


GOOD = made()


def test_a_well_behaved_server_passes_every_rule_and_is_a_watcher():
    assert {} == GOOD.not_passed
    assert Manner.WATCHER is GOOD.manner


def test_the_plan_is_told_before_the_first_trial_with_what_it_takes():
    result = made(trials=only("leave-mid-stream-fin"))
    (plan,) = result.plans
    assert ["leave-mid-stream-fin"] == [trial.name for trial in plan.trials]
    assert 0 < plan.tokens < plan.tokens_at_worst
    assert "journal" in plan.observer
    assert "" == plan.blind
    assert [0] == result.done_when_planned


def test_all_of_it_takes_as_long_as_was_said_on_a_healthy_server():
    (plan,) = GOOD.plans
    assert plan.seconds < 90
    assert 0.3 < GOOD.seconds / plan.seconds < 1.5


def test_the_whole_part_takes_less_than_ninety_seconds_where_only_a_gauge_is_seen():
    result = made(wanted=Wanted(name="prometheus"))
    assert {} == result.not_passed
    assert result.seconds < 90
    (plan,) = result.plans
    assert plan.seconds < 90 < plan.seconds_at_worst


@pytest.mark.parametrize(
    ("fault", "red", "manner"),
    [
        ("stops-mid-stream#goes-on", {"stops-mid-stream": Verdict.FAIL}, Manner.NEVER),
        ("stops-mid-stream#goes-on-after-fin", {"stops-mid-stream": Verdict.FAIL}, Manner.NEVER),
        ("stops-before-first#goes-on", {"stops-before-first": Verdict.FAIL}, Manner.NEVER),
        ("stops-promptly#stops-late", {"stops-promptly": Verdict.WARN}, Manner.WATCHER),
        ("stops-in-silence", {"stops-in-silence": Verdict.WARN}, Manner.WRITE_DETECTOR),
        ("stops-when-not-streamed#goes-on", {"stops-when-not-streamed": Verdict.WARN}, Manner.WATCHER),
        ("gauge-returns", {"gauge-returns": Verdict.WARN}, Manner.WATCHER),
        ("half-close", {}, Manner.WATCHER),
    ],
)
def test_a_faulty_server_is_named_in_a_whole_run(fault, red, manner):
    result = made(f"chat/cancellation/{fault}", slots=0)
    assert (red, manner) == (result.not_passed, result.manner)


def test_a_half_closing_client_that_is_worked_for_in_vain_is_told_of_and_not_red():
    verdict = made("chat/cancellation/half-close", trials=only("half-close-at-once")).verdicts["half-close"]
    assert (Verdict.PASS, 1) == (verdict.verdict, len(verdict.findings))


def test_a_server_that_dies_of_a_hundred_who_leave_is_given_up_and_named():
    result = made("chat/cancellation/survives")
    assert ["leave-a-hundred-times"] == result.done
    assert "answers no more after trial leave-a-hundred-times" in result.problem
    assert Verdict.FAIL is result.verdicts["survives"].verdict
    (finding,) = result.verdicts["survives"].findings
    assert "clients had left" in finding.finding.wanted
    assert "no response" in finding.finding.got


def test_a_hundred_leave_by_fin_and_by_rst_in_turn_and_one_reads_on():
    hundred = next(e for e in GOOD.exchanges if e.probe == "leave-a-hundred-times")
    left, last = (hundred, *hundred.group[:-1]), hundred.group[-1]
    assert ["fin", "rst"] * 50 == [exchange.left_by for exchange in left]
    assert (Ending.EOF, 200) == (last.ending, last.status)


def test_where_nobody_watches_the_rules_are_untestable_and_say_what_to_write():
    result = made(wanted=Wanted(name="none"))
    untestable = [name for name, verdict in result.not_passed.items() if verdict is Verdict.UNTESTABLE]
    assert "stops-mid-stream" in untestable
    assert "observer: none" in result.verdicts["stops-mid-stream"].reason
    assert Manner.UNKNOWN is result.manner


def test_an_answer_that_is_too_short_to_be_left_says_what_to_write():
    long = {**LONG, "messages": [{"role": "user", "content": "Say hi"}]}
    result = made(trials=only("leave-not-streamed-fin"), long=long, wanted=Wanted())
    assert "long: {prompt:" in result.plans[0].blind or "long" in result.verdicts["stops-when-not-streamed"].reason
    assert Verdict.UNTESTABLE is result.verdicts["stops-when-not-streamed"].verdict


def test_recordings_of_a_run_get_the_same_verdicts(tmp_path: Path):
    result = made("chat/cancellation/stops-mid-stream#goes-on-after-rst", record_to=tmp_path, slots=0)
    live = {(f.probe, v.rule.id) for v in result.verdicts.values() for f in v.findings}
    checked = [(c.path, v.rule.id, v.verdict) for c in check([tmp_path], rules=RULES) for v in c.verdicts]
    assert {("leave-mid-stream-rst", "chat/cancellation/stops-mid-stream")} == live
    assert [
        (str(tmp_path / "leave-mid-stream-rst.jsonl"), "chat/cancellation/stops-mid-stream", Verdict.FAIL)
    ] == checked


@pytest.mark.parametrize("fault", [None, "chat/cancellation/survives"])
def test_the_recordings_of_a_hundred_who_leave_are_one_trial_also_where_it_was_broken_off(fault, tmp_path: Path):
    result = made(fault, trials=only("leave-a-hundred-times"), record_to=tmp_path)
    (checked,) = check([tmp_path / "leave-a-hundred-times.jsonl"], rules=RULES)
    live = {v.rule.id for v in result.verdicts.values() if v.findings}
    assert live == {v.rule.id for v in checked.verdicts if v.findings}
    assert bool(fault) == bool(live)


def test_a_recording_of_a_stream_that_was_left_and_not_watched_says_nothing_about_it(tmp_path: Path):
    made(trials=only("leave-mid-stream-fin"), record_to=tmp_path)
    file = tmp_path / "leave-mid-stream-fin.jsonl"
    lines = [line for line in file.read_text().splitlines(keepends=True) if '"watch"' not in line]
    file.write_text("".join(lines))
    (checked,) = check([file], rules=RULES)
    assert () == checked.verdicts
    assert Verdict.NOT_APPLICABLE is checked.verdict


def test_no_other_rule_speaks_of_what_was_left():
    spoken = [
        (v.rule.id, f.probe)
        for v in judge(GOOD.exchanges, features=FEATURES)
        for f in v.findings
        if v.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.SUITE_ERROR)
    ]
    assert [] == spoken


class Listened:
    """Stands where a bench is, before a target whose answers to this request last so long."""

    def __init__(self, natural: float) -> None:
        self.natural, self.tempo, self.lasts = natural, Tempo(first=0.1, gap=0.01, lasts=9.0, tokens=900, heard=2.5), {}
        self.long = LONG
        self.asked: list[float] = []

    def mark(self) -> str:
        return "1"

    async def ask(self, name: str, body: Any, *, path: str, leave: Leave) -> Exchange:
        self.asked.append(leave.seconds or 0.0)
        reader = ExchangeReader(Request("POST", "http://t/v1/chat/completions", (), body))
        ending = Ending.EOF if self.natural < (leave.seconds or 0.0) else Ending.LEFT
        return reader.close(ending, min(self.natural, leave.seconds or 0.0) - 0.01, probe=name)


@pytest.mark.parametrize(
    ("kind", "by", "natural", "stopped", "listens"),
    [
        ("mid-stream", 0.4, 0.0, True, 0),  # as was heard before the trials
        ("mid-stream", 3.0, 60.0, True, 1),
        ("mid-stream", 3.0, 2.9, None, 1),
        ("tool-call", 0.4, 60.0, True, 1),
        ("tool-call", 0.4, 0.5, None, 1),
    ],
)
def test_an_answer_is_listened_to_until_it_is_known_to_have_been_stopped(kind, by, natural, stopped, listens):
    bench = Listened(natural)
    watch = Watch(observer="prometheus", how="0 after", stopped=True, by=by, since=0.0)
    left = ExchangeReader(Request("POST", "http://t/v1/chat/completions", (), {})).close(Ending.LEFT, 0.2)
    (kind,) = [one for one in KINDS if one.name == kind]
    made_sure = asyncio.run(_made_sure(kind, bench, left, watch))
    assert (stopped, listens) == (made_sure.stopped, len(bench.asked))
    assert ("ask for a longer one" in made_sure.how) == (stopped is None)
