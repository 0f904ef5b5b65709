"""Rules against recordings of real servers: no MUST fails on genuine OpenAI streams, and nothing crashes on any."""

from pathlib import Path

import pytest

from conformance.judge import findings_of
from conformance.loading import load
from conformance.rules import ALL
from conformance.rules.rule import MUST

SHARED = Path(__file__).parents[2] / "shared"
GENUINE = {"chat": SHARED / "corpus/chat/api.openai.com", "completions": SHARED / "corpus/completions/api.openai.com"}
MUSTS = [rule for rule in ALL if rule.level is MUST]
needs_corpus = pytest.mark.skipif(
    not all(folder.is_dir() for folder in GENUINE.values()),
    reason="the recordings of real servers are not beside this checkout",
)


@needs_corpus
@pytest.mark.parametrize("protocol", GENUINE)
def test_no_must_rule_speaks_on_genuine_openai_streams(protocol: str) -> None:
    judged, tried = [], set()
    for loaded in load(GENUINE[protocol]):
        assert loaded.exchange is not None, loaded.error
        findings = findings_of(loaded.exchange, MUSTS)
        tried |= set(findings)
        judged += [(loaded.path, rule, finding.got) for rule, found in findings.items() for finding in found]
    assert [] == judged
    own = [rule for rule in MUSTS if rule.id.startswith(f"{protocol}/")]
    assert len(tried & {rule.id for rule in own}) > len(own) / 3, "too few rules were tried for this to mean anything"


@needs_corpus
@pytest.mark.parametrize("folder", ["corpus/chat", "corpus/completions", "captures"])
def test_no_rule_raises_on_any_recording(folder: str) -> None:
    number = 0
    for loaded in load(SHARED / folder):
        assert loaded.exchange is not None, loaded.error
        findings_of(loaded.exchange)
        number += 1
    assert number > 0
