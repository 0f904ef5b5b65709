"""The report of a gateway for people at a terminal. Renders; decides nothing, and lets no byte act on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.cancellation import Manner
from conformance.probes.connection import By
from conformance.protocols.finding import printable
from conformance.report.text import print_line

from .change import Change, Kind
from .leaving import Left
from .running import GatewayReport, Result
from .situations.leaving import LEAVINGS, WAYS

STYLES = {
    Manner.WATCHER: "bold green",
    Manner.WRITE_DETECTOR: "bold red",
    Manner.NEVER: "bold red",
    Manner.UNKNOWN: "bold magenta",
}
NAMED = 8
"""Situations that are named behind those."""
SHOWN = 2
"""Situations of which both sides are shown, for each sort of change; the JSON report has all."""


def render(report: GatewayReport, console: Console, *, verbose: bool = False) -> None:
    """What misleads clients first, then what is only told, then leaving and times."""
    print_line(console, f"gateway {report.url}  model {report.model}  upstream {report.upstream}", "bold")
    changes = [change for result in report.results for change in result.changes]
    for red in (True, False):
        for kind in Kind:
            alike: dict[str, list[Change]] = {}
            for change in changes:
                if change.sort.red is red and change.sort.kind is kind:
                    alike.setdefault(change.sort.name, []).append(change)
            for group in alike.values():
                _group(console, group, all_of_them=verbose)
    if verbose:
        _all_situations(console, report.results)
    _leaving(console, report)
    _times(console, report.results)
    _sum_up(console, report)


def _group(console: Console, group: Sequence[Change], *, all_of_them: bool) -> None:
    sort = group[0].sort
    print_line(console, "")
    word, style = ("RED", "bold red") if sort.red else ("noted", "yellow")
    console.print(
        Text.assemble((f"{word:<6}", style), f" {sort.kind.value:<10}", (sort.name, "bold"), f"  {sort.says}"),
        soft_wrap=True,
    )
    names = dict.fromkeys(change.situation for change in group)
    shown: dict[tuple[str, str], Change] = {}
    for change in group:
        shown.setdefault((change.upstream, change.client), change)
    chosen = list(shown.values())[: None if all_of_them else SHOWN if sort.red else 1]
    for change in chosen:
        print_line(console, f"   {change.situation}")
        print_line(console, f"      upstream  {change.upstream}")
        print_line(console, f"      client    {change.client}")
    told = {change.situation for change in chosen}
    if others := [name for name in names if name not in told]:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        print_line(console, f"   also in {', '.join(others[:NAMED])}{more}", "dim")


def _all_situations(console: Console, results: Sequence[Result]) -> None:
    print_line(console, "")
    for result in results:
        word, style = (
            ("RED", "bold red") if result.red else ("noted", "yellow") if result.changes else ("same", "green")
        )
        said = f" {result.situation.name:<24} {result.situation.says}: {printable(result.outcome)}"
        console.print(Text.assemble((f"{word:<6}", style), said), soft_wrap=True)


def _leaving(console: Console, report: GatewayReport) -> None:
    if not report.lefts:
        return
    print_line(console, "")
    print_line(
        console, "When the client leaves: from its close to the upstream's seeing it, and events sent meanwhile", "bold"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("the upstream sends")
    for by in WAYS:
        table.add_column(f"by {by.value.upper()}")
    for leaving in LEAVINGS:
        cells = [_cell(report.lefts, leaving.name, by) for by in WAYS]
        if any(cell.plain for cell in cells):
            table.add_row(f"{leaving.letter}  {leaving.says}", *cells)
    console.print(table)
    for conclusion in report.conclusions:
        line = Text.assemble(
            f"by {conclusion.by.value.upper()}: ",
            (conclusion.named.value, STYLES[conclusion.named]),
            f" ({printable(conclusion.why)})",
        )
        if conclusion.except_for:
            line.append(f", except for {printable('; '.join(conclusion.except_for))}")
        console.print(line, soft_wrap=True)


def _cell(lefts: Sequence[Left], name: str, by: By) -> Text:
    for left in lefts:
        if left.leaving.name == name and left.by is by:
            style = "bold red" if left.red else "magenta" if left.problem or not left.reached else "green"
            return Text(printable(left.says), style)
    return Text("")


def _times(console: Console, results: Sequence[Result]) -> None:
    rows = [(result.situation, result.figures) for result in results if result.figures is not None]
    rows = [
        (situation, figures) for situation, figures in rows if situation.timed or situation.name in ("good", "burst")
    ]
    if not rows:
        return
    print_line(console, "")
    print_line(console, "Delays: milliseconds from the upstream's write to the client's read", "bold")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in ("situation", "head", "first", "median", "worst", "last", "came together"):
        table.add_column(heading, justify="left" if heading == "situation" else "right")
    for situation, figures in rows:
        table.add_row(
            situation.name,
            "" if figures.head is None else _ms(figures.head),
            *(_ms(value) for value in (figures.first, figures.middle, figures.worst, figures.last)),
            f"{figures.together} of {figures.apart}" if figures.apart else "",
        )
    console.print(table)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _sum_up(console: Console, report: GatewayReport) -> None:
    print_line(console, "")
    reds = sum(result.red for result in report.results)
    noted = sum(bool(result.changes) and not result.red for result in report.results)
    same = len(report.results) - reds - noted
    parts = [f"{report.seconds:.1f} s"]
    if report.results:
        parts.append(f"{len(report.results)} situations: {reds} red, {noted} noted, {same} the same")
    if report.lefts:
        late = sum(left.red for left in report.lefts)
        parts.append(f"{len(report.lefts)} leavings: {late} red, class {report.named.value}")
    if report.problem:
        parts.append(report.problem)
    print_line(console, "; ".join(parts), "bold red" if report.red or report.problem else "bold green")
