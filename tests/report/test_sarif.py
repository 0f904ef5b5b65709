"""SARIF: what code scanning reads is what the report says."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
from sarif_pydantic import Sarif

from conformance.report import sarif
from conformance.verdicts import Verdict

from .stored_reports import HOSTILE, report, rule

SCHEMA = os.environ.get("STREAMSPEC_SARIF_SCHEMA")
"""Where sarif-schema-2.1.0.json of OASIS lies, for those who have it."""
ALL_KINDS = report(
    rule(),
    rule("chat/role/sent-first", Verdict.WARN),
    rule("chat/order/finish-once", known=True, red=False, reason="known failure: next release"),
    rule("chat/usage/sent-once", candidate=True, red=False),
    rule("chat/json/parses", Verdict.UNTESTABLE, findings=(), red=True, reason=f"but {HOSTILE}"),
    rule("chat/json/object", Verdict.PASS, findings=(), red=False),
    problem=HOSTILE,
    unmatched=("known.yaml:2: names no rule",),
)


def results(stored):
    (run,) = json.loads(sarif.of_report(stored))["runs"]
    return {result["ruleId"]: result for result in run["results"]}


def test_the_document_is_sarif_by_its_models():
    log = Sarif.model_validate_json(sarif.of_report(ALL_KINDS))
    assert ("2.1.0", 5) == (log.version, len(log.runs[0].results))


@pytest.mark.skipif(not SCHEMA, reason="STREAMSPEC_SARIF_SCHEMA does not say where OASIS' sarif-schema-2.1.0.json lies")
def test_the_document_is_sarif_by_the_schema_of_oasis():
    schema = json.loads(Path(SCHEMA or "").read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [] == [error.message for error in validator.iter_errors(json.loads(sarif.of_report(ALL_KINDS)))]


def test_each_verdict_has_its_level_and_what_holds_is_not_told():
    assert {
        "chat/termination/done-sent": "error",
        "chat/role/sent-first": "warning",
        "chat/order/finish-once": "error",
        "chat/usage/sent-once": "note",
        "chat/json/parses": "error",
    } == {rule_id: result["level"] for rule_id, result in results(ALL_KINDS).items()}


def test_a_known_failure_is_suppressed_with_its_reason():
    found = results(ALL_KINDS)
    assert [{"kind": "external", "justification": "known failure: next release"}] == found["chat/order/finish-once"][
        "suppressions"
    ]
    assert ["chat/order/finish-once"] == [rule_id for rule_id, result in found.items() if "suppressions" in result]


def test_a_result_says_where_in_words_and_names_the_recording():
    result = results(ALL_KINDS)["chat/termination/done-sent"]
    assert "(probe stream, event 3, bytes 10-20)" in result["message"]["text"]
    (place,) = result["locations"]
    assert "r%20e%20c.jsonl#1" == place["physicalLocation"]["artifactLocation"]["uri"]
    assert "mine/stream" == place["logicalLocations"][0]["fullyQualifiedName"]


def test_what_a_target_sends_is_no_link_and_no_control_code():
    text = sarif.of_report(ALL_KINDS)
    assert text.isascii()
    message = results(ALL_KINDS)["chat/termination/done-sent"]["message"]["text"]
    assert message.isprintable()
    assert "\\[link\\](javascript" in message


def test_the_same_mistake_has_the_same_fingerprint_wherever_its_bytes_are():
    prints = [
        results(stored)["chat/termination/done-sent"]["partialFingerprints"]["streamspec/v1"]
        for stored in (ALL_KINDS, report(rule(findings=())), report(rule()))
    ]
    assert (prints[0], True) == (prints[2], prints[0] != prints[1])
