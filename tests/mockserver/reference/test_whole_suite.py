"""The suite on `streamspec serve` with the tiny model: every feature declared, nothing red, no warning.

The whole of it in the mode `fast`; in `constant` the rules that say that two answers are the same.
"""

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'streamspec[engine]'")

from tests.gpu.judging import judged, wrong

SAME = (
    "*/twin/*",
    "*/repeat/*",
    "*/same-not-streamed",
    "chat/tool-twin/*",
    "chat/concurrency/*",
    "chat/concurrency-leaving/*",
)
"""Rules that hold an answer against another one: streamed or not, again, alone or beside others."""


@pytest.mark.timeout(900)
def test_nothing_is_red_and_nothing_warns(tmp_path: Path) -> None:
    rules, said = judged(tmp_path)
    assert {} == wrong(rules), said


@pytest.mark.timeout(600)
def test_in_constant_mode_answers_are_the_same_alone_again_and_beside_others(tmp_path: Path) -> None:
    rules, said = judged(tmp_path, options="--mode constant", only=SAME, seconds=540)
    assert {} == wrong(rules), said
    assert {"chat/concurrency/text-as-alone", "chat/repeat/seed-kept", "completions/twin/same-text"} <= {
        rule["rule"] for rule in rules if rule["verdict"] == "PASS"
    }
