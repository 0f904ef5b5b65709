"""Reports as JUnit XML, one test case per target and rule. Renders; decides nothing."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from conformance.protocols.finding import printable
from conformance.verdicts import RED, Report, RuleVerdict, Verdict


def of_run(reports: Sequence[Report], problems: Sequence[str] = ()) -> str:
    """The JUnit document of a run. Red verdicts are failures, suite errors are errors, what cannot apply is skipped.

    `problems`: why further targets have no report; each is an error.
    """
    root = ET.Element("testsuites", name="streamspec")
    for report in reports:
        suite = ET.SubElement(
            root,
            "testsuite",
            name=_clean(report.target),
            tests=str(len(report.verdicts) + len(report.unmatched)),
            failures=str(sum(1 for v in report.red if v.verdict is not Verdict.SUITE_ERROR) + len(report.unmatched)),
            errors=str(sum(1 for v in report.red if v.verdict is Verdict.SUITE_ERROR)),
            skipped=str(sum(1 for v in report.verdicts if _is_skipped(v))),
            time=f"{report.seconds:.3f}",
            timestamp=report.started,
        )
        for verdict in report.verdicts:
            _case(suite, report, verdict)
        for told in report.unmatched:
            case = ET.SubElement(suite, "testcase", classname=_clean(f"{report.target}.known-failures"), time="0")
            case.set("name", _clean(told.partition(": ")[0]))
            ET.SubElement(case, "failure", type="UNMATCHED", message=_clean(told))
    for problem in problems:
        name = "streamspec"
        counts = {"tests": "1", "failures": "0", "errors": "1", "skipped": "0", "time": "0"}
        suite = ET.SubElement(root, "testsuite", {"name": name, **counts})
        case = ET.SubElement(suite, "testcase", classname=name, name="judged", time="0")
        ET.SubElement(case, "error", message=_clean(problem))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, report: Report, verdict: RuleVerdict) -> None:
    folder, _, name = verdict.rule.id.rpartition("/")
    case = ET.SubElement(suite, "testcase", classname=_clean(f"{report.target}.{folder}"), name=name, time="0")
    text = _clean(describe(verdict, again=report.again))
    if verdict.verdict is Verdict.SUITE_ERROR and not verdict.candidate:
        ET.SubElement(case, "error", message=_clean(verdict.reason)).text = text
    elif verdict.candidate and verdict.verdict in RED:
        message = _clean(f"candidate, not scored: {verdict.verdict.value}: {verdict.rule.says}")
        ET.SubElement(case, "skipped", message=message).text = text
    elif verdict.red:
        kind = verdict.verdict.value
        ignored = f" (silent failure: {verdict.silent_failure})" if verdict.silent_failure else ""
        ET.SubElement(case, "failure", type=kind, message=_clean(f"{kind}{ignored}: {verdict.rule.says}")).text = text
    elif _is_skipped(verdict):
        ET.SubElement(case, "skipped", message=_clean(verdict.reason or verdict.verdict.value))
    elif verdict.findings:
        ET.SubElement(case, "system-out").text = text


def describe(verdict: RuleVerdict, *, again: str = "") -> str:
    """A verdict in plain text: the statement, wanted, got, where, who says so, and how to run it again."""
    rule = verdict.rule
    lines = [f"{verdict.verdict.value} {rule.level.value.upper()} {rule.id}", rule.says]
    if verdict.reason:
        lines.append(f"why: {verdict.reason}")
    for judged in verdict.findings:
        found = judged.finding
        place = f"event {found.event} of {found.events}" if found.event else "the response"
        span = f", bytes {found.span[0]}-{found.span[1]}" if found.span else ""
        probe = f"probe {judged.probe}: " if judged.probe else ""
        lines.append(f"{probe}wanted {found.wanted}; got {found.got} ({place}{span})")
    lines.append(f"source: {'; '.join(str(source) for source in rule.source)}")
    if again:
        lines.append(f"again: {again} --only {rule.id}")
    return "\n".join(lines)


def _is_skipped(verdict: RuleVerdict) -> bool:
    known_failure = verdict.known and verdict.verdict in RED
    unscored = verdict.candidate and verdict.verdict in RED
    return not verdict.red and (verdict.verdict is Verdict.NOT_APPLICABLE or known_failure or unscored)


def _clean(text: str) -> str:
    """What XML 1.0 may hold: the control characters it forbids are written out."""
    return printable(text, "\n\t")
