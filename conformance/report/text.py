"""Reports for people at a terminal. Renders; decides nothing, and lets no byte of a target act on the terminal."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from conformance.protocols.finding import printable
from conformance.report import figures, leaving
from conformance.report.ranking import outcome_of
from conformance.verdicts import BY_WEIGHT, Checked, JudgedFinding, Report, RuleVerdict, Verdict

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.TOLERATED: "cyan",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.UNTESTABLE: "bold magenta",
    Verdict.SUITE_ERROR: "bold white on red",
}
NUMBER = re.compile(r"#\d+$")
"""Behind the path of a file: which of its exchanges."""
FLAKY = "known to be flaky"
"""How the reason of what may fail or not begins."""
SHOWN = 3
"""Kinds of findings shown per rule; the JSON report has the rest."""


def render(report: Report, console: Console, *, verbose: bool = False) -> None:
    """One target: what is red, what warns, and a line that sums up. `verbose` lists every rule."""
    profile = f"  profile {report.measure.profile}" if report.measure else ""
    about = f"  {report.url}  model {report.model}  dialect {report.dialect}{profile}"
    console.print(Text.assemble((printable(report.target), "bold"), printable(about)), soft_wrap=True)
    if report.dialect_reason:
        print_line(console, f"The dialect is guessed: {report.dialect_reason}.", "dim")
    for verdict in sorted(report.verdicts, key=lambda v: (not v.red, BY_WEIGHT.index(v.verdict))):
        if verdict.verdict is Verdict.UNTESTABLE or verdict.candidate:
            continue
        if verdict.known:
            continue
        if verdict.red or verdict.verdict in (Verdict.WARN, Verdict.FAIL):
            _rule(verdict, console, report.again)
        elif verdict.verdict is Verdict.TOLERATED or verbose:
            _rule_in_aline(verdict, console)
    _known([v for v in report.verdicts if v.known or FLAKY in v.reason], console)
    for told in report.unmatched:
        print_line(console, f"RED  {told}", "bold red")
    scored = [v for v in report.verdicts if not v.candidate]
    _untestable([v for v in scored if not v.known and v.verdict is Verdict.UNTESTABLE], console, verbose)
    _candidates([v for v in report.verdicts if v.candidate], console, report, verbose)
    _unused(report.dialect, report.unused_tolerances, console)
    _sum_up(report, console)


def render_check(
    results: Sequence[Checked], console: Console, *, verbose: bool = False, again: str = "streamspec check"
) -> None:
    """Recordings: a line for each, and every finding that counts. `again` is the command, up to the file."""
    for checked in results:
        verdict = checked.verdict
        line = Text.assemble((f"{verdict.value:<14}", STYLES[verdict]), " ", printable(checked.path))
        if checked.dialect_reason:
            line.append(printable(f"  dialect {checked.dialect} ({checked.dialect_reason})"), "dim")
        if checked.reason:
            line.append(printable(f"  ({checked.reason})"), "dim")
        if verdict is not Verdict.PASS or verbose or len(results) <= 20:
            console.print(line, soft_wrap=True)
        for rule_verdict in checked.verdicts:
            if rule_verdict.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.SUITE_ERROR, Verdict.TOLERATED):
                _rule(rule_verdict, console, f"{again} {shlex.quote(NUMBER.sub('', checked.path))}")
    _unused_by_any(results, console)
    counted = {verdict: sum(1 for checked in results if checked.verdict is verdict) for verdict in BY_WEIGHT}
    said = ", ".join(f"{count} {verdict.value}" for verdict, count in counted.items() if count)
    print_line(console, f"{_number(results, 'recording')}: {said}", "bold")


def _known(verdicts: Sequence[RuleVerdict], console: Console) -> None:
    """What fails as its list says, and what may fail and did not, in a line each."""
    for verdict in verdicts:
        word = ("flaky" if verdict.flaky else "known") if verdict.known else "flaky"
        line = f"{verdict.verdict.value} ({word})"
        print_line(console, f"{line:<20} {verdict.rule.id}  {verdict.reason}", "dim")


def _candidates(verdicts: Sequence[RuleVerdict], console: Console, report: Report, verbose: bool) -> None:
    """Rules that are reported and not scored: those that found something, in a line each."""
    for verdict in verdicts:
        if verdict.verdict in (Verdict.FAIL, Verdict.WARN, Verdict.UNTESTABLE, Verdict.SUITE_ERROR) or verbose:
            print_line(
                console, f"candidate, not scored: {verdict.verdict.value} {verdict.rule.id}  {verdict.rule.says}"
            )
    for told in report.measure.moved if report.measure else ():
        print_line(console, f"not scored: {told}", "yellow")


def _unused_by_any(results: Sequence[Checked], console: Console) -> None:
    """What a dialect that was asked for by name tolerates, and no recording needed."""
    for dialect in dict.fromkeys(checked.dialect for checked in results if not checked.dialect_reason):
        alike = [checked for checked in results if checked.dialect == dialect]
        needed = {str(judged.tolerance) for checked in alike for _, judged in checked.findings}
        unused = dict.fromkeys(told for checked in alike for told in checked.unused_tolerances if told not in needed)
        _unused(dialect, list(unused), console)


def _unused(dialect: str, tolerances: Sequence[str], console: Console) -> None:
    if tolerances:
        told = "; ".join(tolerances)
        print_line(console, f"The dialect {dialect} also tolerates what nothing here needed: {told}.", "dim")


def _rule(verdict: RuleVerdict, console: Console, again: str) -> None:
    rule = verdict.rule
    unred = (" (flaky)" if verdict.flaky else " (known)") if verdict.known else ""
    shown = verdict.verdict.value + (" (candidate)" if verdict.candidate else unred)
    print_line(console, "")
    console.print(
        Text.assemble((f"{shown:<12}", STYLES[verdict.verdict]), f" {rule.level.value.upper():<6} ", (rule.id, "bold")),
        soft_wrap=True,
    )
    print_line(console, f"   {rule.says}")
    if verdict.reason:
        print_line(console, f"   why     {verdict.reason}")
    alike: dict[tuple[str, str], list[JudgedFinding]] = {}
    for judged in verdict.findings:
        alike.setdefault((judged.finding.wanted, judged.finding.got), []).append(judged)
    for judged, *others in list(alike.values())[:SHOWN]:
        _finding(judged, console)
        if probes := [other.probe for other in others if other.probe not in ("", judged.probe)]:
            print_line(console, f"   also    probe {', '.join(dict.fromkeys(probes))}")
    if len(alike) > SHOWN:
        print_line(console, f"   and {len(alike) - SHOWN} more kinds of findings (--json has them all)", "dim")
    print_line(console, f"   source  {rule.authority}: {'; '.join(str(source) for source in rule.source)}", "dim")
    if again:
        print_line(console, f"   again   {again} --only {rule.id}", "dim")


def _untestable(verdicts: Sequence[RuleVerdict], console: Console, verbose: bool) -> None:
    """What could not be judged, put together by what came instead of what was needed."""
    by_outcome: dict[str, list[RuleVerdict]] = {}
    for verdict in verdicts:
        by_outcome.setdefault(outcome_of(verdict.reason), []).append(verdict)
    for outcome, alike in by_outcome.items():
        needs = Counter(verdict.rule.needs.name for verdict in alike)
        print_line(console, "")
        heading = (f"{'UNTESTABLE':<12}", STYLES[Verdict.UNTESTABLE])
        console.print(Text.assemble(heading, f" {_number(alike, 'rule')}"), soft_wrap=True)
        print_line(console, f"   got     {outcome}")
        print_line(console, f"   needed  {'; '.join(f'{name} ({count})' for name, count in needs.most_common())}")
        probes = list(dict.fromkeys(probe for verdict in alike for probe in verdict.probes))
        if probes:
            print_line(console, f"   where   probe {', '.join(probes)}")
        if verbose:
            print_line(console, f"   rules   {', '.join(verdict.rule.id for verdict in alike)}", "dim")


def _finding(judged: JudgedFinding, console: Console) -> None:
    found = judged.finding
    print_line(console, f"   wanted  {found.wanted}")
    print_line(console, f"   got     {found.got}")
    place = [f"probe {judged.probe}"] if judged.probe else []
    if found.event is not None:
        place.append(f"event {found.event} of {found.events}")
    if found.span is not None:
        place.append(f"bytes {found.span[0]}-{found.span[1]}")
    if found.pointer:
        place.append(found.pointer)
    if judged.recording and judged.probe:
        place.append(judged.recording)
    if place:
        print_line(console, f"   where   {', '.join(place)}")


def _rule_in_aline(verdict: RuleVerdict, console: Console) -> None:
    link = next((judged.link for judged in verdict.findings if judged.link), "")
    reason = f"  {verdict.reason}" + (f" ({link})" if link else "") if verdict.reason else ""
    console.print(
        Text.assemble(
            (f"{verdict.verdict.value:<14}", STYLES[verdict.verdict]), f" {verdict.rule.id}", (reason, "dim")
        ),
        soft_wrap=True,
    )


def _sum_up(report: Report, console: Console) -> None:
    print_line(console, "")
    if (measured := figures.figures_of(report.timings)) is not None:
        for line in figures.lines_of(measured):
            print_line(console, line, "dim")
    if report.cancellation is not None:
        first, *rows = leaving.lines_of(report.cancellation)
        print_line(console, first)
        for row in rows:
            print_line(console, row, "dim")
    if ignored := dict.fromkeys(v.silent_failure for v in report.verdicts if v.silent_failure):
        print_line(console, f"accepted and ignored: {', '.join(ignored)}", "bold red")
    reasons = Counter(v.reason for v in report.verdicts if v.verdict is Verdict.NOT_APPLICABLE)
    if reasons:
        print_line(console, f"not judged: {'; '.join(f'{reason} ({n})' for reason, n in reasons.most_common())}", "dim")
    scored = [v for v in report.verdicts if not v.candidate]
    counts = Counter(v.verdict for v in scored)
    said = ", ".join(f"{counts[v]} {v.value}" for v in BY_WEIGHT[::-1] if counts[v])
    colour = "bold green" if report.green else "bold red"
    outcome = "nothing red" if report.green else f"{len(report.red) + len(report.unmatched)} red"
    if unscored := len(report.verdicts) - len(scored):
        outcome += f"; {unscored} candidate{'' if unscored == 1 else 's'} not scored"
    print_line(console, f"{_number(scored, 'rule')} in {report.seconds:.1f} s: {said}; {outcome}", colour)


def _number(things: Sequence[object], word: str) -> str:
    """How many there are, in words."""
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a text as one line, as it is: no markup, and nothing in it that moves a cursor."""
    console.print(Text(printable(text), style), soft_wrap=True)
