"""Cancellation, crowds and pace in a dialect and in chaos: every trial, in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from conformance import running
from conformance.judge import judge
from conformance.probes.endpoint import Endpoint
from conformance.protocols.chat import dialects as judged
from conformance.rules import ALL

OF_TRIALS = [rule for rule in ALL if any(trial.name in rule.needs.probes for trial in running.TRIALS)]


@pytest.mark.parametrize(
    ("dialect", "seed"),
    [
        ("azure", None),  # a message comes before the roles
        ("ollama", None),  # the role comes with the first text, ids are few
        ("openai", 2),  # streams end with their connection, compressed ones too
        ("llamacpp", 5),
    ],
)
def test_nothing_is_red(monkeypatch, dialect, seed):
    settings = replace(running.BUILT_IN_SETTINGS, dialect=dialect, chaos=seed)
    monkeypatch.setattr(running, "BUILT_IN_SETTINGS", settings)
    endpoint = Endpoint(url="http://in-memory/v1", model="mock", key=running.BUILT_IN_KEY)
    made = asyncio.run(running._try_in_memory(running.BUILT_IN_TARGET, endpoint, running.PLAIN))
    features = running.BUILT_IN_TARGET.features
    verdicts = judge(made, rules=OF_TRIALS, dialect=judged.find(dialect), features=features)
    assert [] == [(v.rule.id, v.verdict.value, v.reason) for v in verdicts if v.red]
