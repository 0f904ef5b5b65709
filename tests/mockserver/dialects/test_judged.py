"""Every dialect that the mock speaks, judged by the side that knows it only by its bytes."""

import json
from dataclasses import replace
from functools import cache

import pytest

from conformance import proof
from conformance.judge import judge
from conformance.probes.catalogue import PROBES
from conformance.protocols.chat import dialects as judged
from conformance.protocols.exchange import Exchange, Request
from conformance.wire.script import body
from mockserver import dialects
from mockserver.answering import Settings
from mockserver.app import MockServer
from mockserver.routes import respond

CONTINUOUS = "continuous-usage"
"""The probe for the one thing that most vendors do not have, so that no such target declares it."""


@cache
def exchanges(name: str) -> tuple[Exchange, ...]:
    """What a mock that speaks this dialect gives to every probe."""
    settings = replace(proof.SETTINGS, dialect=name)
    return tuple(proof.exchanges_of(probe, answer=lambda request: respond(request, settings)) for probe in PROBES)


@pytest.mark.parametrize("name", dialects.NAMES)
def test_nothing_is_red_under_its_own_dialect(name: str) -> None:
    knows = dialects.find(name).continuous
    seen = [exchange for exchange in exchanges(name) if knows or exchange.probe != CONTINUOUS]
    verdicts = judge(seen, dialect=judged.find(name))
    assert [] == [(v.rule.id, [f.finding.got for f in v.findings]) for v in verdicts if v.red]


@pytest.mark.parametrize("name", dialects.NAMES)
def test_the_dialect_is_guessed_from_the_bytes(name: str) -> None:
    guess = judged.guess(exchanges(name))
    assert (name, "") != (guess.dialect.name, guess.why)
    assert name == guess.dialect.name


def test_both_sides_know_the_same_vendors() -> None:
    assert [d.name for d in judged.DIALECTS if d.name != "strict"] == list(dialects.NAMES)


@pytest.mark.parametrize("name", dialects.NAMES)
def test_the_same_request_gets_the_same_bytes(name: str) -> None:
    request = Request("POST", "http://mock/v1/chat/completions", (), {"model": "mock", "stream": True, **HELLO})
    one, two = (respond(request, Settings(dialect=name)) for _ in range(2))
    assert one.headers == two.headers
    assert body(one.played()) == body(two.played())


HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize("name", dialects.NAMES)
def test_a_request_that_is_wrong_stays_wrong(name: str) -> None:
    for options in ("yes", {"include_usage": "yes"}, 3):
        asked = {"model": "mock", "stream": True, "stream_options": options, **HELLO}
        request = Request("POST", "http://mock/v1/chat/completions", (), asked)
        assert 400 == respond(request, Settings(dialect=name)).status


@pytest.mark.parametrize("name", dialects.NAMES)
def test_every_text_is_the_one_that_openai_says(name: str) -> None:
    """Whatever is told in other chunks, the same is told."""
    for good, spoken in zip(exchanges("openai"), exchanges(name), strict=True):
        assert good.status == spoken.status
        assert texts(good) == texts(spoken)


def texts(exchange: Exchange) -> dict[int, str]:
    said: dict[int, str] = {}
    for step in exchange.steps:
        for choice in (step.chunk or {}).get("choices") or ():
            delta = choice.get("delta") or {"content": choice.get("text")}
            arguments = [call["function"].get("arguments") for call in delta.get("tool_calls") or ()]
            for part in (delta.get("content"), *arguments):
                said[choice["index"]] = said.get(choice["index"], "") + (part or "")
    return said


def test_a_dialect_that_nobody_speaks_is_told_at_the_start() -> None:
    with pytest.raises(LookupError, match="no dialect 'cobol' to speak; there are openai, azure, "):
        MockServer(Settings(dialect="cobol"))


def test_a_refusal_is_written_as_the_vendor_does() -> None:
    request = Request("POST", "http://mock/v1/chat/completions", (), {"model": "none", **HELLO})

    def refused(name: str) -> object:
        return json.loads(body(respond(request, Settings(dialect=name)).acts))

    message = "The model 'none' does not exist."
    vllm = {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}}
    sglang = {"object": "error", "message": message, "type": "NotFoundError", "param": "model", "code": 404}
    assert vllm == refused("vllm")
    assert sglang == refused("sglang")
    assert {"error": {"code": 404, "message": message, "type": "not_found_error"}} == refused("llamacpp")
    assert {"error": message, "error_type": "not_found"} == refused("tgi")
    assert {"error": {"message": message, "code": 404}} == refused("openrouter")


def test_a_model_belongs_to_the_vendor() -> None:
    request = Request("GET", "http://mock/v1/models", (), None)
    listed = json.loads(body(respond(request, Settings(dialect="llamacpp")).acts))
    assert ["llamacpp"] == [model["owned_by"] for model in listed["data"]]
