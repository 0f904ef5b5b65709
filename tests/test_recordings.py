"""Our own recordings of real servers get the verdicts that were noted, and the pages about the servers are true.

After a change of rules that is meant, `python tests/test_recordings.py` notes the verdicts anew; look at what changed.
"""

import re
from pathlib import Path

import pytest

from conformance.judge import judge
from conformance.loading import load
from conformance.protocols.chat import dialects
from conformance.protocols.exchange import Exchange
from conformance.protocols.recording import read_header
from conformance.targets import load as load_targets
from conformance.verdicts import BY_WEIGHT, RuleVerdict, Verdict

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT / "tests" / "recordings"
PAGES = {"llamacpp": "llama-server.md", "vllm": "vllm.md", "transformers": "transformers.md"}
TARGETS = load_targets(ROOT / "targets.yaml")
LARGEST = 2_000_000
TOO_LARGE = frozenset({"context"})
"""Its one probe asks for what takes a megabyte, and is left out of the recordings."""
each_server = pytest.mark.parametrize("server", PAGES)


def exchanges(server: str) -> list[Exchange]:
    """What a run of this target got, each companion beside its probe's own."""
    found = [loaded.exchange for loaded in load(RECORDINGS / server)]
    return [exchange for exchange in found if exchange is not None and "/" not in exchange.probe]


def verdicts(server: str, dialect: str = "") -> tuple[RuleVerdict, ...]:
    """What `streamspec run` says of these exchanges."""
    target = TARGETS[server]
    spoken = dialects.find(dialect or target.dialect)
    features = target.features - TOO_LARGE
    return judge(exchanges(server), dialect=spoken, features=features)


def noted(server: str) -> str:
    """The verdicts as they are noted: the counts, then each rule that did not just pass, with its probes."""
    judged = verdicts(server)
    lines = [counts(judged)]
    for verdict in judged:
        if verdict.verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE):
            continue
        probes = dict.fromkeys(found.probe for found in verdict.findings) or dict.fromkeys(verdict.probes)
        lines.append(f"{verdict.verdict.value:<10} {verdict.rule.id:<42} {' '.join(probes)}".rstrip())
    return "\n".join(lines) + "\n"


def counts(judged: tuple[RuleVerdict, ...]) -> str:
    """How many rules got which verdict, in words."""
    numbers = {verdict: sum(1 for v in judged if v.verdict is verdict) for verdict in BY_WEIGHT}
    said = ", ".join(f"{number} {verdict.value}" for verdict, number in numbers.items() if number)
    return f"{len(judged)} rules: {said}"


@each_server
def test_the_verdicts_are_those_that_were_noted(server: str) -> None:
    assert (RECORDINGS / server / "verdicts.txt").read_text("utf-8") == noted(server)


@each_server
def test_a_recording_says_where_it_comes_from(server: str) -> None:
    for file in (RECORDINGS / server).glob("*.jsonl"):
        with file.open("rb") as lines:
            source = read_header(lines.readline()).source
        assert {"made_by", "endpoint", "server", "version", "model", "date"} <= set(source), file.name


def test_the_recordings_stay_small() -> None:
    assert sum(file.stat().st_size for file in RECORDINGS.rglob("*.jsonl")) < LARGEST


@each_server
def test_the_page_says_the_counts(server: str) -> None:
    assert counts(verdicts(server)) in _page(server)


@each_server
def test_the_page_explains_every_rule_that_is_broken(server: str) -> None:
    broken = {v.rule.id for v in verdicts(server, "strict") if v.verdict in (Verdict.FAIL, Verdict.UNTESTABLE)}
    assert broken == set(re.findall(r"^### ([a-z]+/[a-z/-]+)$", _page(server), re.MULTILINE))


@each_server
def test_the_bytes_on_the_page_are_in_a_recording(server: str) -> None:
    bodies = b"\n".join(exchange.body for exchange in exchanges(server))
    shown = [line for block in re.findall(r"```sse\n(.*?)```", _page(server), re.DOTALL) for line in block.splitlines()]
    assert [] == [line for line in shown if line.encode() not in bodies]
    assert shown


def _page(server: str) -> str:
    return (ROOT / "docs" / "servers" / PAGES[server]).read_text("utf-8")


if __name__ == "__main__":
    for name in PAGES:
        (RECORDINGS / name / "verdicts.txt").write_text(noted(name), "utf-8")
        print(f"{name}: {noted(name).splitlines()[0]}")
