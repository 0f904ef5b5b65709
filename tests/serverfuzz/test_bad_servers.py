"""Servers that are bad in one way: found within two hundred examples, and shrunk to what is needed."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.serverfuzz.campaign import Campaign

PLACE = Path(__file__).with_name("bad_servers.py")
SPEC = importlib.util.spec_from_file_location("bad_servers", PLACE)
assert SPEC is not None
assert SPEC.loader is not None
bad_servers: Any = importlib.util.module_from_spec(SPEC)
sys.modules["bad_servers"] = bad_servers  # a dataclass looks its module up
SPEC.loader.exec_module(bad_servers)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bad", bad_servers.BAD, ids=lambda bad: bad.name.replace(" ", "-"))
def test_a_bad_server_is_found_and_shrunk_to_what_is_needed(bad: Any, fuzzed: Callable[..., Campaign]) -> None:
    campaign = fuzzed(bad.made, examples=200, seed=1, first=not bad.strict, strict=bad.strict)
    found = {kind: one for kind, one in campaign.found.items() if kind.startswith(bad.kinds)}
    assert found, campaign.found
    assert any(bad.needs(one.case) for one in found.values()), [one.case for one in found.values()]
    assert all(one.times == one.of == 3 for one in found.values())
