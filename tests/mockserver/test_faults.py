"""Names of faults, where they are asked for, and which answers they break."""

from dataclasses import replace

import pytest

from conformance import proof
from conformance.probes.catalogue import requests_of
from conformance.protocols.exchange import Request
from conformance.rules import ALL
from conformance.rules.chat import termination
from conformance.rules.mutate import Mutant, name_of
from conformance.rules.rule import Rule
from conformance.wire.script import Answer
from mockserver import faults
from mockserver.answering import Settings, answer
from mockserver.routes import respond

EVERY = [pytest.param(rule, mutant, id=f"{rule.id}#{name_of(mutant)}") for rule in ALL for mutant in rule.broken_by]


@pytest.mark.parametrize(("rule", "mutant"), EVERY)
def test_every_mutant_is_found_by_its_name(rule: Rule, mutant: Mutant) -> None:
    assert (rule, mutant) == faults.find(f"{rule.id}#{name_of(mutant)}")


def test_without_a_mutant_the_first_one_is_meant() -> None:
    assert (termination.done_sent, termination.left_out) == faults.find("chat/termination/done-sent")


def test_an_unknown_mutant_is_told_the_known_ones() -> None:
    with pytest.raises(LookupError, match="it has left-out, left-out-with-the-finish"):
        faults.find("chat/termination/done-sent#gone")


def test_an_unknown_rule_is_told_the_nearest_ones() -> None:
    with pytest.raises(LookupError, match="did you mean chat/termination/done-sent"):
        faults.find("chat/termination/done-send")
    with pytest.raises(LookupError, match="did you mean chat/termination/done-sent"):
        faults.find("done-sent")


@pytest.mark.parametrize(
    ("headers", "model", "plain", "fault"),
    [
        ((), "mock", "mock", ""),
        ((), "mock#a/b", "mock", "a/b"),
        ((), "mock#a/b#c-d", "mock", "a/b#c-d"),
        ((), "mock#", "mock", ""),
        ((("X-StreamSpec-Fault", "a/b#c"),), "mock", "mock", "a/b#c"),
        ((("x-streamspec-fault", "a/b#c"),), "mock#d", "mock", "a/b#c"),
    ],
)
def test_a_fault_is_split_from_the_request(
    headers: tuple[tuple[str, str], ...], model: str, plain: str, fault: str
) -> None:
    request = Request("POST", "http://mock/v1/chat/completions", headers, {"model": model, "n": 1})
    clean, name = faults.split(request)
    assert (fault, {"model": plain, "n": 1}) == (name, clean.body)


@pytest.mark.parametrize("body", [None, "text", [1], {"model": 3}, {}])
def test_a_request_without_a_model_asks_for_no_fault(body: object) -> None:
    request = Request("POST", "http://mock/", (), body)
    assert (request, "") == faults.split(request)


def _breaks(answer: Answer) -> Answer:
    return replace(answer, status=599)


@pytest.mark.parametrize("rule", {rule.needs.name: rule for rule in ALL}.values(), ids=lambda rule: rule.needs.name)
def test_a_fault_breaks_what_its_rule_is_about_and_nothing_else(rule: Rule) -> None:
    for probe, exchange in proof.good_exchanges():
        request = requests_of(probe, url="http://mock/v1", model="mock", headers=proof.KEY if probe.with_key else ())[
            -1
        ]
        broken = faults.apply((rule, _breaks), request, respond(request, proof.SETTINGS)).status == 599
        name = "completions-stream" if exchange.protocol == "completions" else "stream"
        stream_by_any_name = replace(exchange, probe=name) if exchange.status == 200 else exchange
        if rule.needs.fits(exchange):
            assert broken, f"the answer to {probe.name} stays as it was"
        elif rule.needs.alone:
            assert rule.needs.fits(stream_by_any_name) == broken, probe.name


ASK = {"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": True}
ODD: dict[str, object] = {
    "three choices": {**ASK, "n": 3, "stream_options": {"include_usage": True}},
    "one token": {**ASK, "max_tokens": 1},
    "no token at all": {**ASK, "stop": "Hi"},
    "no token in three choices": {**ASK, "stop": "Hi", "n": 3},
    "a document": {**ASK, "stream": False},
    "a document of three choices": {**ASK, "stream": False, "n": 3},
    "a refusal": {**ASK, "n": 0},
    "no such model": {**ASK, "model": "nobody"},
    "no JSON": "{",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_no_mutant_fails_on_an_odd_answer(body: object) -> None:
    request = Request("POST", "http://mock/v1/chat/completions", (), body)
    good, failed = answer(request, Settings()), []
    for rule in ALL:
        for mutant in rule.broken_by:
            try:
                mutant(good)
            except Exception as error:  # noqa: BLE001 - whatever it is, the name of the mutant is what we want to see
                failed.append(f"{rule.id}#{name_of(mutant)}: {error!r}")
    assert [] == failed
