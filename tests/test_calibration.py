"""Rules against recordings of real servers: no MUST fails on genuine OpenAI streams, and nothing crashes on any."""

from pathlib import Path

import pytest

from conformance.judge import findings_of
from conformance.loading import load
from conformance.rules import ALL
from conformance.rules.rule import MUST

SHARED = Path(__file__).parents[2] / "shared"
GENUINE = SHARED / "corpus/chat/api.openai.com"
MUSTS = [rule for rule in ALL if rule.level is MUST]
needs_corpus = pytest.mark.skipif(
    not GENUINE.is_dir(), reason="the recordings of real servers are not beside this checkout"
)


@needs_corpus
def test_no_must_rule_speaks_on_genuine_openai_streams() -> None:
    judged, tried = [], set()
    for loaded in load(GENUINE):
        assert loaded.exchange is not None, loaded.error
        findings = findings_of(loaded.exchange, MUSTS)
        tried |= set(findings)
        judged += [(loaded.path, rule, finding.got) for rule, found in findings.items() for finding in found]
    assert [] == judged
    assert len(tried) > len(MUSTS) / 3, "too few rules were tried for this to mean anything"


@needs_corpus
@pytest.mark.parametrize("folder", ["corpus/chat", "captures"])
def test_no_rule_raises_on_any_recording(folder: str) -> None:
    number = 0
    for loaded in load(SHARED / folder):
        assert loaded.exchange is not None, loaded.error
        findings_of(loaded.exchange)
        number += 1
    assert number > 0
