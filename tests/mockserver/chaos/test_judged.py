"""Whatever is chosen, nothing is wrong: two hundred seeds, judged by every rule that must hold."""

import os
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from conformance import proof
from conformance.judge import judge
from conformance.probes.catalogue import PROBES
from conformance.protocols.chat import dialects as judged
from conformance.protocols.exchange import Exchange, Request
from conformance.rules import ALL
from conformance.rules.rule import Level
from conformance.wire.events import Comment, Message
from conformance.wire.script import Answer, Framing, Send, body
from mockserver import chaos, dialects
from mockserver.answering import Settings
from mockserver.app import running
from mockserver.routes import habits_of, respond

SEEDS = 200
STEP = int(os.environ.get("STREAMSPEC_CHAOS_STEP", "11"))
"""Of so many probes each seed tries one, the next seed the next ones: every probe is tried by eighteen seeds."""
MUST = tuple(rule for rule in ALL if rule.level is Level.MUST)
HELLO = {"messages": [{"role": "user", "content": "Write unicode"}]}
UNICODE = Request("POST", "http://mock/v1/chat/completions", (), {"model": "mock", "stream": True, "n": 2, **HELLO})


def answered(settings: Settings) -> Callable[[Request], Answer]:
    """What a server of these settings writes."""

    def answer(request: Request) -> Answer:
        habits = habits_of(request, settings)
        assert habits is not None
        return chaos.spelled(respond(request, settings), habits)

    return answer


def exchanges(seed: int, dialect: str = "openai", step: int = STEP) -> list[Exchange]:
    settings = replace(proof.SETTINGS, chaos=seed, dialect=dialect)
    return [proof.exchanges_of(probe, answer=answered(settings)) for probe in PROBES[seed % step :: step]]


def red(seed: int, dialect: str = "openai", step: int = STEP) -> Iterator[str]:
    """Rules that are broken, and where."""
    knows = dialects.find(dialect).continuous
    seen = [e for e in exchanges(seed, dialect, step) if knows or e.probe != "continuous-usage"]
    for verdict in judge(seen, rules=MUST, dialect=judged.find(dialect)):
        if verdict.red:
            yield f"seed {seed}: {verdict.rule.id} at {', '.join(verdict.probes)}"


@pytest.mark.parametrize("first", range(0, SEEDS, 50))
def test_nothing_is_red_under_any_seed(first: int) -> None:
    assert [] == [broken for seed in range(first, first + 50) for broken in red(seed)]


@pytest.mark.parametrize("dialect", dialects.NAMES[1:])
def test_nothing_is_red_in_a_dialect_either(dialect: str) -> None:
    assert [] == [broken for seed in range(8) for broken in red(seed, dialect, 8)]


def texts(exchange: Exchange) -> dict[int, str]:
    """What each choice says, whatever it is."""
    said: dict[int, str] = {}
    for step in exchange.steps:
        for choice in (step.chunk or {}).get("choices") or ():
            delta = choice.get("delta") or {"content": choice.get("text")}
            calls = delta.get("tool_calls") or ()
            parts = [delta.get("reasoning_content"), delta.get("content"), delta.get("refusal")]
            parts += [call["function"].get("arguments") for call in calls]
            said[choice["index"]] = said.get(choice["index"], "") + "".join(part or "" for part in parts)
    return said


def test_the_same_is_said() -> None:
    plain = {probe.name: proof.exchanges_of(probe) for probe in PROBES}
    for seed in range(2 * STEP):
        for exchange in exchanges(seed):
            good = plain[exchange.probe]
            assert (good.status, texts(good)) == (exchange.status, texts(exchange))


def test_the_same_seed_writes_the_same_bytes_and_others_write_others() -> None:
    def written(seed: int) -> tuple[object, ...]:
        answer = answered(Settings(chaos=seed))(UNICODE)
        return answer.headers, answer.framing, tuple(answer.played())

    assert written(1) == written(1)
    assert SEEDS * 0.98 < len({written(seed) for seed in range(SEEDS)})


def test_one_seed_treats_requests_differently() -> None:
    requests = [replace(UNICODE, body={**UNICODE.body, "seed": number}) for number in range(40)]
    ends = {body(answered(Settings(chaos=1))(request).played())[-2:] for request in requests}
    assert {b"\n\n", b"\r\n", b"\r\r"} == ends


def test_every_freedom_is_used() -> None:
    used: Counter[str] = Counter()
    for seed in range(SEEDS):
        settings = Settings(chaos=seed)
        answer = answered(settings)(UNICODE)
        writes = [act.data for act in answer.played() if isinstance(act, Send)]
        whole = b"".join(writes)
        exchange = proof.exchanges_of(PROBES[0], answer=answered(settings))
        first = exchange.steps[0].chunk or {}
        used["\r"] += b"\r\r" in whole
        used["\r\n"] += b"\r\n" in whole
        used["no space"] += b"data:{" in whole
        used["comment"] += any(isinstance(event, Comment) for event in exchange.events)
        used["several data fields"] += any(isinstance(e, Message) and "\n" in e.data for e in exchange.events)
        used["inside a character"] += any(0x80 <= write[0] < 0xC0 for write in writes if write)
        used["close"] += answer.framing is Framing.CLOSE
        used["capitals"] += "Content-Type" in dict(answer.headers)
        used["unknown member"] += "x_unknown" in first
        used["order"] += bool(first) and next(iter(first)) != "id"
        used["role and text"] += bool(first) and bool(first["choices"][0]["delta"].get("content"))
        used["two choices"] += b'"index"' in whole and any(
            len((step.chunk or {}).get("choices") or ()) > 1
            for step in proof.exchanges_of(TWO, answer=answered(settings)).steps
        )
    assert [] == [freedom for freedom, times in used.items() if not 3 < times < SEEDS]


TWO = next(probe for probe in PROBES if probe.name == "two-choices")


def test_a_fault_is_found_at_its_byte() -> None:
    """What a mutant broke is sent as the mutant wrote it: the messages vary, the spelling does not."""

    def ask(url: str, model: str) -> bytes:
        asked = urllib.request.Request(
            f"{url}/chat/completions",
            b'{"model":"%s","stream":true,"messages":[{"role":"user","content":"Hello"}]}' % model.encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(asked) as response:
            read: bytes = response.read()
            return read

    for seed in range(6):
        with running(Settings(chaos=seed)) as url:
            broken = ask(url, "mock#chat/termination/done-sent#left-out")
        assert b"[DONE]" not in broken
        assert broken.endswith(b"}\n\n")
        assert b"\r" not in broken
