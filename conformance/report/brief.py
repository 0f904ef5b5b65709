"""Stored reports for people at a terminal: each target in a line, the worst, and what changed. Decides nothing."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from conformance.protocols.finding import printable

from . import lines
from .comparing import Change, compare
from .html.columns import columns_of
from .ranking import troubles_of
from .stored import StoredReport
from .text import STYLES, print_line

WORST = 10
"""Troubles that are shown; the pages and the JSON report have all."""


def render(
    reports: Sequence[StoredReport],
    console: Console,
    against: StoredReport | None = None,
    *,
    labels: Sequence[str] = (),
) -> None:
    """A line for each target, the worst of all, and what is different from the earlier report."""
    columns = columns_of(reports, labels=labels)
    for column in columns:
        style = "bold red" if column.target.red or column.target.red_rules else "bold green"
        said = f"  {lines.counts_of(column.target)}; "
        console.print(
            Text.assemble((printable(column.name), "bold"), printable(said), (lines.outcome_of(column.target), style)),
            soft_wrap=True,
        )
        for why in lines.problems_of(column.target):
            print_line(console, f"   {why}", "bold red")
    troubles = troubles_of([column.target for column in columns])
    names = [column.name for column in columns]
    for trouble in troubles[:WORST]:
        about = f" {trouble.level.upper():<6} {trouble.rules[0]}" if trouble.level else f" {len(trouble.rules)} rules"
        console.print(
            Text.assemble((f"{trouble.verdict.value:<11}", STYLES[trouble.verdict]), printable(about)), soft_wrap=True
        )
        print_line(console, f"   {trouble.says}")
        if (found := trouble.finding) is not None:
            print_line(console, f"   wanted {found.wanted}; got {found.got}")
        if place := lines.place_of(trouble, names):
            print_line(console, f"   {place}", "dim")
    if len(troubles) > WORST:
        print_line(console, f"and {len(troubles) - WORST} more", "dim")
    for report in reports if against else ():
        assert against is not None
        comparison = compare(against, report)
        print_line(console, f"since the earlier report: {lines.differences_of(comparison)}", "bold")
        for changed in comparison.changes:
            if changed.change is not Change.STILL or changed.turned_red:
                before, now = (rule.verdict.value if rule else "none" for rule in (changed.before, changed.now))
                said = f"   {lines.WORDS[changed.change]:<12} {changed.rule}  {before} -> {now}"
                print_line(console, said + (f"  {changed.target}" if len(columns) > 1 else ""))
