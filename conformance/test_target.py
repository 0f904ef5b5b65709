"""The one test of `pytest --pyargs conformance`: a rule holds on a target. The plugin makes the items."""

from collections.abc import Callable
from typing import Any

import pytest


def test_rule(conformance_verdict: dict[str, Any], record_property: Callable[[str, object], None]) -> None:
    """A red verdict fails; what cannot apply is skipped with its reason.

    A known failure that fails is an xfail, and so is a candidate of the profile that would be red.
    """
    verdict = conformance_verdict["verdict"]
    record_property("verdict", verdict)
    if conformance_verdict["red"]:
        pytest.fail(conformance_verdict["text"], pytrace=False)
    if verdict == "NOT-APPLICABLE":
        pytest.skip(conformance_verdict["reason"])
    if verdict in ("FAIL", "UNTESTABLE", "SUITE-ERROR"):
        pytest.xfail(conformance_verdict.get("reason", "a candidate, not scored"))
    if conformance_verdict["findings"]:
        record_property("findings", conformance_verdict["text"])
