"""Scenarios played in memory: a text in YAML, requests, and what a client records of the answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.wire.script import Answer, body
from mockserver import faults, routes
from mockserver.answering import Settings
from mockserver.scenarios import reading
from mockserver.scenarios.book import Book, Chosen
from mockserver.scenarios.scenario import Scenario

URL = "http://mock/v1"
LONG = 1e9
"""Seconds after which even the slowest pace is over."""


@dataclass
class Stage:
    """A scenario on its way, and the requests that have been made of it."""

    book: Book
    settings: Settings
    chosen: Chosen = field(default_factory=Chosen)

    def request(self, message: str, **members: Any) -> Request:
        """A request for a chat completion; `headers` are those of HTTP."""
        headers = tuple((members.pop("headers", None) or {}).items())
        said = {"model": "mock", "messages": [{"role": "user", "content": message}], "stream": True}
        return Request("POST", f"{URL}/chat/completions", headers, {**said, **members})

    def completion(self, prompt: str, **members: Any) -> Request:
        """A request for a text completion."""
        return Request("POST", f"{URL}/completions", (), {"model": "mock", "prompt": prompt, "stream": True, **members})

    def answer(self, request: Request) -> Answer:
        """What the server answers."""
        self.chosen = Chosen()
        settings = self.book.settings(self.settings)
        engine = partial(self.book.choose, settings=settings, chosen=self.chosen)
        good = self.chosen.finished(routes.respond(request, settings, dict, engine))
        return faults.apply(faults.find(self.chosen.fault), request, good) if self.chosen.fault else good

    def record(self, request: Request) -> Exchange:
        """What a client records of it."""
        return exchange_of(request, self.answer(request), time_limit=LONG)

    def said(self, message: str, **members: Any) -> str:
        """The text of the first choice of a stream, or the body where that is none."""
        exchange = self.record(self.request(message, **members))
        if exchange.document is not None:
            return body(self.answer(self.request(message, **members)).acts).decode()
        chunks = [step.chunk for step in exchange.steps if step.chunk]
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        return "".join(c["delta"].get("content") or "" for c in choices if c["index"] == 0)


Play = Callable[..., Stage]


@pytest.fixture
def play() -> Play:
    """Puts a scenario on the stage."""
    return lambda text, seed=0: Stage(Book(reading.parse(text)), Settings(seed=seed))


@pytest.fixture
def stage() -> Callable[[Scenario], Stage]:
    """The same for a scenario that has been read."""
    return lambda scenario: Stage(Book(scenario), Settings())


@pytest.fixture
def wrong() -> Callable[[Exchange], dict[str, list[str]]]:
    """What the rules find in an exchange."""
    return lambda exchange: {
        rule: [f"{finding.wanted} / {finding.got}" for finding in found]
        for rule, found in findings_of(exchange).items()
        if found
    }
