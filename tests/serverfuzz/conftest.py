"""Campaigns against servers in this process."""

from collections.abc import Callable
from typing import Any

import pytest

from conformance.protocols.chat.dialects import OPENAI, Dialect
from conformance.serverfuzz.asking import Caps
from conformance.serverfuzz.campaign import Campaign, Order
from conformance.serverfuzz.in_process import in_process
from conformance.serverfuzz.judging import Court
from conformance.serverfuzz.requests import Offer
from conformance.targets import FEATURES
from mockserver.app import MockServer

Made = Callable[..., Campaign]
ALL = frozenset(FEATURES)


@pytest.fixture
def fuzzed() -> Made:
    """Fuzzes the servers that a function makes."""

    def make(
        made: Callable[[], MockServer],
        *,
        features: frozenset[str] = ALL,
        dialect: Dialect = OPENAI,
        requests: int = 100_000,
        deterministic: bool = True,
        strict: bool = False,
        **members: Any,
    ) -> Campaign:
        with in_process(made, caps=Caps(requests=requests)) as asker:
            offer = Offer(features, deterministic=deterministic)
            return Campaign(asker, Court(dialect, features, strict=strict), offer, Order(**members)).run()

    return make
