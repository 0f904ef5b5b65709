"""A report that was written can be read back, and what is no report is told of."""

import json
from dataclasses import replace

import pytest

import schemas
from conformance.judge import judge, timing_of
from conformance.probes.catalogue import find
from conformance.proof import exchanges_of
from conformance.report import machine
from conformance.report.stored import StoredReportError, of_document, read
from conformance.rules import ALL
from conformance.rules.chat.termination import left_out
from conformance.verdicts import Report, Verdict

EXCHANGE = exchanges_of(find("stream"), left_out)
REPORT = Report(
    target="mine",
    url="http://x/v1",
    model="m",
    dialect="openai",
    verdicts=judge([EXCHANGE], features=frozenset({"usage"})),
    timings=(timing_of(EXCHANGE),),
    started="2026-01-01T00:00:00+00:00",
    again="streamspec run mine",
)
TARGET = {"target": "mine", "rules": []}


def test_a_report_that_was_written_is_read_back():
    (target,) = read(json.dumps(machine.of_run([REPORT]))).targets
    assert [rule.id for rule in ALL] == [rule.rule for rule in target.rules]
    assert ("mine", "http://x/v1", "streamspec run mine") == (target.target, target.url, target.again)
    (failed,) = [rule for rule in target.rules if rule.verdict is Verdict.FAIL]
    assert ("chat/termination/done-sent", "chat/termination", True) == (failed.rule, failed.feature, failed.red)
    (judged,) = next(verdict for verdict in REPORT.verdicts if verdict.rule.id == failed.rule).findings
    assert (judged.finding.got, judged.probe) == (failed.findings[0].got, failed.findings[0].probe)
    assert "stream" == target.timings[0]["probe"]


def test_the_command_to_run_it_again_is_in_the_json_and_fits_the_schema():
    document = machine.of_run([REPORT])
    assert "streamspec run mine" == document["targets"][0]["again"]
    assert [] == [error.message for error in schemas.explain("report").iter_errors(json.loads(json.dumps(document)))]
    assert "again" not in machine.of_run([replace(REPORT, again="")])["targets"][0]


def test_members_of_a_later_version_are_passed_over():
    assert "mine" == of_document({"report": 1, "suite": "s", "later": 1, "targets": [TARGET]}).targets[0].target


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "got none"),
        (b"\xff", "got none"),
        (b"[" * 100_000, "got none"),
        (b"[]", "the report of `run --json`"),
        (b'{"results": []}', "the report of `run --json`"),
        (b'{"report": 1, "suite": "s", "targets": []}', "with a target"),
        (b'{"report": 2, "suite": "s", "targets": [{}]}', "format 1, got 2"),
        (b'{"report": 1, "suite": "s", "targets": [{"target": 1, "rules": []}]}', "$.targets[0].target"),
        (
            (
                b'{"report": 1, "suite": "s", "targets": [{"target": "t", "rules": [{"rule": "r", "level": "must",'
                b' "message": "m", "verdict": "MAYBE", "red": true}]}]}'
            ),
            "'MAYBE'",
        ),
    ],
)
def test_what_is_no_report_is_refused_with_what_was_wanted(text, told):
    with pytest.raises(StoredReportError) as refused:
        read(text)
    assert told in str(refused.value)
