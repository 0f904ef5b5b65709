"""Pairs on a good server: whatever the request, its answers agree, and nothing is called wrong."""

from typing import Any

import pytest

from conformance.protocols.chat.dialects import OPENAI
from conformance.serverfuzz.asking import Caps
from conformance.serverfuzz.cases import PLAIN, Case, perform
from conformance.serverfuzz.corners import corners
from conformance.serverfuzz.in_process import in_process
from conformance.serverfuzz.judging import Court
from conformance.serverfuzz.relations import RELATIONS
from conformance.serverfuzz.requests import Offer
from conformance.targets import FEATURES
from mockserver.app import MockServer

ALL = Offer(frozenset(FEATURES), deterministic=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("relation", [relation.name for relation in RELATIONS])
def test_every_corner_agrees_with_itself_in_every_relation(relation: str) -> None:
    found: list[Any] = []
    with in_process(lambda: MockServer(port=None), caps=Caps(requests=1000)) as asker:
        for corner in corners(ALL):
            case = Case({**PLAIN, "max_tokens": 8, **corner}, relation=relation, number=3)
            seen = perform(asker, Court(OPENAI, ALL.features), ALL, case)
            found += [(corner, fault.kind, fault.finding) for fault in seen.faults if fault.red]
    assert [] == found
