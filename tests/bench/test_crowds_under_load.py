"""The trials of crowds over real sockets, beside two busy loops: every fault named every time, and no false alarm.

Two runs are made at the same time, each with a mock server of its own.
"""

import asyncio
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from conformance.judge import judge
from conformance.probes.connection import connect
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.intake import Budget
from conformance.probes.observers.choosing import Wanted
from conformance.probes.performing import Stage
from conformance.probes.trials.catalogue import TRIALS
from conformance.probes.trials.running import run
from conformance.probes.trials.trial import Part
from conformance.rules import ALL
from conformance.rules.rule import Level
from conformance.targets import FEATURES
from conformance.verdicts import Verdict

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("busy"), pytest.mark.timeout(2400)]

TRIED = tuple(trial for trial in TRIALS if trial.part is Part.CROWD)
RULES = tuple(rule for rule in ALL if {trial.name for trial in TRIED} & set(rule.needs.probes))
BROKEN = {f"{rule.id}#{behaviour.name}": rule for rule in RULES for behaviour in rule.broken_when[:1]}
SLOTS = 2
NOBODY = Wanted(name="none")
"""Nobody leaves for good, so nobody watches."""
AT_ONCE = 2
SERVER = str(Path(__file__).with_name("serve.py"))
Told = dict[str, tuple[str, str, int]]
"""Verdict, reason and number of findings of each rule."""


def judged(fault: str, names: tuple[str, ...]) -> Told:
    """What is said of a server with this fault, after the trials of these names."""

    async def made(url: str) -> list[object]:
        endpoint = Endpoint(url=url, model="mock", limits=Limits(head_s=8.0))
        stage = Stage(
            endpoint=endpoint,
            budget=Budget(endpoint.limits),
            record_to=None,
            clock=time.monotonic,
            notes={},
            dial=connect,
        )
        trials = [trial for trial in TRIED if trial.name in names]
        return await run(stage, trials, features=FEATURES, slots=SLOTS, wanted=NOBODY)

    arguments = [sys.executable, SERVER, fault, str(SLOTS)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as server:
        try:
            exchanges = asyncio.run(made(server.stdout.readline().strip()))
        finally:
            server.kill()
    verdicts = judge(exchanges, rules=RULES, features=frozenset(FEATURES))
    return {v.rule.id: (v.verdict.value, v.reason, len(v.findings)) for v in verdicts}


def runs(count: int, fault: str, names: tuple[str, ...]) -> list[Told]:
    with ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as workers:
        return list(workers.map(judged, [fault] * count, [names] * count))


def test_the_good_mock_server_is_never_blamed() -> None:
    found = runs(20, "", tuple(trial.name for trial in TRIED))
    assert [] == [(rule, told) for one in found for rule, told in one.items() if told[2] or told[0] in ("FAIL", "WARN")]
    judged_rules = [[rule for rule, told in one.items() if told[0] == Verdict.PASS.value] for one in found]
    print("rules judged, in each run:", sorted(map(len, judged_rules)), "of", len(RULES))


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_named_ten_times_of_ten(fault: str) -> None:
    rule = BROKEN[fault]
    wanted = {Level.MUST: "FAIL", Level.SHOULD: "WARN", Level.MAY: "PASS"}[rule.level]
    found = [one[rule.id] for one in runs(10, fault, rule.needs.probes)]
    assert [(wanted, True)] * 10 == [(verdict, findings > 0) for verdict, _, findings in found], found
