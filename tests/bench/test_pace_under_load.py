"""The trials of pace over real sockets, beside two busy loops: every fault named every time, and no false alarm.

Several runs are made at the same time, each with a mock server of its own, so that the machine is busier still.
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
from conformance.probes import bodies
from conformance.probes.bench import Bench, Tempo
from conformance.probes.connection import connect
from conformance.probes.endpoint import Endpoint
from conformance.probes.intake import Budget
from conformance.probes.performing import Stage
from conformance.probes.trials.pace import PACE
from conformance.rules.chat import timing
from conformance.rules.http import timing as http_timing
from conformance.rules.rule import Level
from conformance.verdicts import Verdict

pytestmark = [pytest.mark.bench, pytest.mark.usefixtures("busy"), pytest.mark.timeout(1200)]

RULES = (*timing.RULES, *http_timing.RULES)
BROKEN = {f"{rule.id}#{behaviour.name}": rule for rule in RULES for behaviour in rule.broken_when}
AT_ONCE = 2
TEMPO = Tempo(first=0.02, gap=0.005, lasts=20.0, tokens=4000, silence=3.0)
SERVER = str(Path(__file__).with_name("serve.py"))


async def trials(url: str, names: tuple[str, ...]) -> list[object]:
    endpoint = Endpoint(url=url, model="mock")
    stage = Stage(
        endpoint=endpoint,
        budget=Budget(endpoint.limits),
        record_to=None,
        clock=time.monotonic,
        notes={},
        dial=connect,
    )
    bench = Bench(stage=stage, long=bodies.LONG, tempo=TEMPO)
    made = [await trial.perform(bench) for trial in PACE if trial.name in names]
    return [exchange for exchanges in made for exchange in exchanges]


def judged(fault: str, names: tuple[str, ...]) -> dict[str, tuple[str, str, int]]:
    """Verdict, reason and number of findings of each rule."""
    with subprocess.Popen([sys.executable, SERVER, fault, "0"], stdout=subprocess.PIPE, text=True) as server:
        try:
            exchanges = asyncio.run(trials(server.stdout.readline().strip(), names))
        finally:
            server.kill()
    verdicts = judge(exchanges, rules=RULES, features=frozenset())
    return {v.rule.id: (v.verdict.value, v.reason, len(v.findings)) for v in verdicts}


def runs(count: int, fault: str, names: tuple[str, ...]) -> list[dict[str, tuple[str, str, int]]]:
    with ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as workers:
        return list(workers.map(judged, [fault] * count, [names] * count))


def test_the_good_mock_server_is_never_blamed() -> None:
    every = tuple(trial.name for trial in PACE)
    found = runs(20, "", every)
    assert [] == [(rule, told) for run in found for rule, told in run.items() if told[2] or told[0] in ("FAIL", "WARN")]
    sure = [run for run in found if all(run[rule.id][0] == Verdict.PASS.value for rule in BROKEN.values())]
    print(f"{len(sure)} of {len(found)} runs could tell everything")
    print(*{f"{rule}: {why}" for run in found for rule, (_, why, _) in run.items() if why}, sep="\n")
    assert len(sure) >= 0.8 * len(found)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_is_named_ten_times_of_ten(fault: str) -> None:
    rule = BROKEN[fault]
    wanted = {Level.MUST: "FAIL", Level.SHOULD: "WARN", Level.MAY: "PASS"}[rule.level]
    found = [run[rule.id] for run in runs(10, fault, rule.needs.probes)]
    assert [] == [told for told in found if told != (wanted, "", 1)]
