"""The JSON reports keep to their schemas and carry what the design promises."""

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import schemas
from conformance.cancellation import Cancellation, Manner, Situation
from conformance.judge import judge, timing_of
from conformance.probes.catalogue import find
from conformance.proof import exchanges_of
from conformance.protocols.watch import Watch
from conformance.report import junit, machine
from conformance.rules import ALL
from conformance.rules.chat.order import last_choice_left_out
from conformance.rules.chat.termination import left_out
from conformance.verdicts import Checked, Report, Verdict

EXCHANGE = exchanges_of(find("stream"), left_out)
REPORT = Report(
    target="mine",
    url="http://x/v1",
    model="m",
    dialect="openai",
    verdicts=judge([EXCHANGE], features=frozenset({"usage"})),
    timings=(timing_of(EXCHANGE),),
    seconds=1.25,
    started="2026-01-01T00:00:00+00:00",
)


def test_a_run_report_fits_its_schema():
    document = json.loads(json.dumps(machine.of_run([REPORT])))
    assert [] == [error.message for error in schemas.explain("report").iter_errors(document)]


def test_what_is_said_of_clients_that_left_fits_the_schema_too():
    watch = Watch(observer="journal", how="stopped", stopped=True, by=0.1, since=0.1, produced=2.0, leaked=0.0)
    each = Situation("leave-mid-stream-rst", "mid stream", "rst", watch)
    found = Cancellation(Manner.WATCHER, "it stops", 1.0, (each,))
    document = json.loads(json.dumps(machine.of_run([replace(REPORT, cancellation=found)])))
    assert [] == [error.message for error in schemas.explain("report").iter_errors(document)]
    told = document["targets"][0]["cancellation"]
    assert ("watcher", "rst", 0.1) == (told["class"], told["situations"][0]["left_by"], told["situations"][0]["by"])


def test_a_run_report_has_one_object_per_rule():
    (target,) = machine.of_run([REPORT])["targets"]
    assert [rule.id for rule in ALL] == [rule["rule"] for rule in target["rules"]]
    (failed,) = [rule for rule in target["rules"] if rule["verdict"] == "FAIL"]
    assert ("chat/termination/done-sent", "must", True, "stream") == (
        failed["rule"],
        failed["level"],
        failed["red"],
        failed["probe"],
    )
    wanted = {"rule", "level", "verdict", "message", "wanted", "got", "event", "span"}
    assert wanted <= set(failed["findings"][0])


def test_a_check_report_fits_its_schema():
    verdicts = judge([EXCHANGE])
    checked = Checked("a.jsonl", Verdict.FAIL, "openai", tuple(v for v in verdicts if v.findings))
    document = json.loads(json.dumps(machine.of_check([checked])))
    assert [] == [error.message for error in schemas.explain("check").iter_errors(document)]
    (result,) = document["results"]
    assert ["chat/termination/done-sent"] == [finding["rule"] for finding in result["findings"]]


def test_junit_counts_what_is_red_and_what_is_skipped():
    suite = ET.fromstring(junit.of_run([REPORT])).find("testsuite")
    assert len(ALL) == int(suite.get("tests")) == len(suite.findall("testcase"))
    assert len(REPORT.red) == int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    skipped = sum(1 for verdict in REPORT.verdicts if verdict.verdict is Verdict.NOT_APPLICABLE)
    assert skipped == int(suite.get("skipped")) == len(suite.findall("testcase/skipped"))


def test_junit_survives_bytes_that_xml_forbids():
    root = ET.fromstring(junit.of_run([replace(REPORT, target="a\x00\x1b<b>&")]))
    assert "a\\x00\\x1b<b>&" == root.find("testsuite").get("name")


def test_a_parameter_that_was_ignored_is_named_in_every_report():
    exchange = exchanges_of(find("two-choices"), last_choice_left_out)
    report = replace(REPORT, verdicts=judge([exchange], features=frozenset({"choices"})))
    document = machine.of_run([report])
    (named,) = [rule for rule in document["targets"][0]["rules"] if "silent_failure" in rule]
    assert ("chat/order/all-choices-sent", "n") == (named["rule"], named["silent_failure"])
    assert "n" == named["findings"][0]["silent_failure"]
    assert [] == [error.message for error in schemas.explain("report").iter_errors(document)]
    failures = [case.get("message") for case in ET.fromstring(junit.of_run([report])).iter("failure")]
    assert "FAIL (silent failure: n): With n, all of the n choices come." in failures


def test_a_rule_that_is_kept_names_no_ignored_parameter():
    report = replace(REPORT, verdicts=judge([exchanges_of(find("two-choices"))]))
    assert [] == [rule for rule in machine.of_run([report])["targets"][0]["rules"] if "silent_failure" in rule]
