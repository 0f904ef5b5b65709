"""Results as text for a terminal: a table by outcome, and each case that failed. Knows no file."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.protocols.finding import shorten, show
from conformance.wire import encoder
from conformance.wire.script import body

from .outcome import Outcome, Verdict
from .playing import Result
from .running import Examples, Made, Plan

STYLES = {Verdict.FAIL: "red", Verdict.WARN: "yellow", Verdict.PASS: "green"}
BYTES_SHOWN = 600
"""Of the bytes that were played, from the end: there the most odd things are."""
LONGEST = 1000


def render(made: Made, console: Console, *, verbose: bool = False) -> None:
    """Every case that failed (and, verbosely, every warning), then the table, and what the examples came to."""
    results = made.all
    for result in results:
        if result.verdict is Verdict.FAIL or (verbose and result.verdict is Verdict.WARN):
            _case(result, console, made.plan.command.words, made.kept.get(result.case.id, {}))
    if results:
        console.print(_table(results))
    if lacking := made.can.lacking:
        console.print(
            Text(f"of plain streams it reported no {', no '.join(lacking)}: that was not judged"), soft_wrap=True
        )
    if made.examples is not None:
        _examples(made.examples, made.plan, console)


def _examples(examples: Examples, plan: Plan, console: Console) -> None:
    tried = f"{examples.played} examples of {examples.wanted}"
    before = f", and {examples.replayed} runs of those that failed before" if examples.replayed else ""
    sorts = len(examples.failures)
    smallest = "one sort of failure, the smallest" if sorts == 1 else f"{sorts} sorts of failure, the smallest of each"
    found = f"{smallest} above" if sorts else "nothing failed"
    console.print(Text(f"{tried}{before}, seed {plan.seed}: {found}"), soft_wrap=True)
    for outcome, kinds in examples.kinds.items():
        among = ", ".join(f"{count} of {kind}" for kind, count in kinds.items())
        console.print(Text(f"   {outcome}: {among}"), soft_wrap=True)
    if examples.failures:
        console.print(Text(f"they are kept in {plan.folder}, and tried first the next time"), soft_wrap=True)


def _case(result: Result, console: Console, command: Sequence[str], kept: Mapping[str, str]) -> None:
    expectation, case = result.expectation, result.case
    style = STYLES[result.verdict]
    console.print(Text(f"{result.verdict.value:5} {result.outcome.value:18} {shorten(case.id)}", style))
    lines = [
        ("case", case.says),
        ("wanted", f"{expectation.word.value}: {expectation.because}"),
        ("got", result.judgement.says),
        ("source", expectation.authority),
        ("bytes", _bytes(result)),
        ("recording", kept.get("recording", "")),
        ("scenario", kept.get("scenario", "")),
        ("again", again(case.id, command) if not case.id.startswith("example/") else ""),
    ]
    for name, value in lines:
        if value:
            console.print(Text(f"   {name:9} {shorten(value, LONGEST)}"), soft_wrap=True)


def again(case: str, command: Sequence[str]) -> str:
    """How to run one case again."""
    to = f"-- {shlex.join(command)}" if command else "--listen"
    return f"streamspec fuzz-client --cases {shlex.quote(case)} {to}"


def _bytes(result: Result) -> str:
    sent = body(encoder.on_the_wire(result.played))
    return show(sent if len(sent) <= BYTES_SHOWN else b"..." + sent[-BYTES_SHOWN:], BYTES_SHOWN * 2)


def _table(results: Sequence[Result]) -> Table:
    counts = Counter((result.outcome, result.verdict) for result in results)
    table = Table("outcome", *(verdict.value for verdict in Verdict), "all")
    for outcome in Outcome:
        row = [counts[outcome, verdict] for verdict in Verdict]
        if sum(row):
            table.add_row(outcome.value, *(str(count or "") for count in row), str(sum(row)))
    every = [sum(1 for result in results if result.verdict is verdict) for verdict in Verdict]
    table.add_section()
    table.add_row("", *map(str, every), str(len(results)))
    return table
