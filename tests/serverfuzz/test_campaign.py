"""A campaign: quiet on good servers, the same for the same seed, and nothing lost when somebody interrupts it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis.database import InMemoryExampleDatabase

from conformance.protocols.chat import dialects
from conformance.protocols.exchange import Request
from conformance.serverfuzz import campaign as campaigns
from conformance.serverfuzz.campaign import Campaign
from conformance.wire.script import Answer
from mockserver import answering, routes
from mockserver.answering import Settings
from mockserver.app import MockServer

FEW = 60
Fuzzed = Callable[..., Campaign]


def listening(bodies: list[str]) -> Callable[[], MockServer]:
    """Good servers that remember what they were asked."""

    def respond(request: Request, settings: Settings, journal: Callable[[], object] = dict) -> Answer:
        bodies.append(json.dumps(request.body, sort_keys=True))
        return routes.respond(request, settings, journal)

    return lambda: MockServer(port=None, respond=respond)


def erring() -> MockServer:
    """Errs at stop sequences in a list."""

    def respond(request: Request, settings: Settings, journal: Callable[[], object] = dict) -> Answer:
        if isinstance(request.body, dict) and isinstance(request.body.get("stop"), list):
            return answering.refusal(500, "boom", "server_error")
        return routes.respond(request, settings, journal)

    return MockServer(port=None, respond=respond)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("name", "chaos"), [("openai", None), ("openai", 1), ("openai", 2), ("vllm", None), ("llamacpp", None)]
)
def test_a_good_server_survives(name: str, chaos: int | None, fuzzed: Fuzzed) -> None:
    settings = Settings(dialect=name, chaos=chaos)
    campaign = fuzzed(
        lambda: MockServer(settings, port=None),
        dialect=dialects.find(name),
        deterministic=chaos is None,
        examples=FEW,
        seed=chaos or 1,
    )
    assert {} == campaign.found
    assert FEW == campaign.examples


@pytest.mark.timeout(600)
def test_the_same_seed_makes_the_same_requests_and_another_one_others(fuzzed: Fuzzed) -> None:
    asked: list[list[str]] = [[], [], []]
    for bodies, seed in zip(asked, (7, 7, 8), strict=True):
        fuzzed(listening(bodies), examples=40, seed=seed)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


def test_what_failed_comes_first_the_next_time_and_is_let_go_when_it_fails_no_more(fuzzed: Fuzzed) -> None:
    database, features = InMemoryExampleDatabase(), frozenset({"stop"})
    (kind,) = fuzzed(erring, examples=200, seed=1, first=True, database=database, features=features).found
    kept = fuzzed(erring, examples=10, seed=2, first=True, database=database, features=features)
    assert (0, [kind]) == (kept.examples, list(kept.found))
    mended = fuzzed(lambda: MockServer(port=None), examples=10, seed=2, database=database, features=features)
    assert ({}, 1) == (mended.found, len(mended.gone))
    assert [] == mended.shelf.examples()


def test_a_campaign_that_is_interrupted_keeps_what_it_found(fuzzed: Fuzzed) -> None:
    def interrupt(campaign: Campaign) -> None:
        if campaign.found and not campaign.hunted:
            raise KeyboardInterrupt

    campaign = fuzzed(erring, examples=200, seed=1, on_step=interrupt, features=frozenset({"stop"}))
    assert campaign.interrupted
    assert "interrupted" == campaign.ended
    assert ["fuzz/no-server-error (500: boom)"] == list(campaign.found)


def test_what_was_under_way_when_somebody_interrupted_is_tried_first(
    fuzzed: Fuzzed, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, perform = InMemoryExampleDatabase(), campaigns.perform
    asked: list[Any] = []

    def impatient(asker: Any, court: Any, offer: Any, case: Any, *more: Any) -> Any:
        asked.append(case)
        if len(asked) == 30:
            raise KeyboardInterrupt
        return perform(asker, court, offer, case, *more)

    monkeypatch.setattr(campaigns, "perform", impatient)
    monkeypatch.setattr(campaigns, "SWEPT", 0)
    fuzzed(lambda: MockServer(port=None), examples=40, seed=1, database=database)
    hanging = asked[29]
    fuzzed(lambda: MockServer(port=None), examples=10, seed=2, database=database)
    assert hanging == asked[30]


def test_a_campaign_costs_no_more_than_it_may(fuzzed: Fuzzed) -> None:
    bodies: list[str] = []
    campaign = fuzzed(listening(bodies), examples=200, seed=1, requests=30)
    assert 30 == len(bodies)
    assert "30 requests were made, which is the limit" == campaign.ended


def test_a_failure_that_chance_brings_about_is_called_what_it_is(fuzzed: Fuzzed) -> None:
    count = iter(range(10**6))

    def respond(request: Request, settings: Settings, journal: Callable[[], object] = dict) -> Answer:
        if isinstance(request.body, dict) and request.body.get("n") == 0 and next(count) % 3 == 0:
            return answering.refusal(500, "boom", "server_error")
        return routes.respond(request, settings, journal)

    campaign = fuzzed(lambda: MockServer(port=None, respond=respond), examples=200, seed=1, first=True)
    (found,) = campaign.found.values()
    assert 0 <= found.times < found.of == 3
