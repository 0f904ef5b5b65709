"""`streamspec rules` and `streamspec explain`: what is judged, and the proof that it can be."""

import sys
from collections.abc import Iterator, Sequence
from itertools import chain

import click
from rich.text import Text

from conformance import proof, trial_proof
from conformance.report import catalogue
from conformance.rules import ALL
from conformance.rules.rule import Rule

from .picking import pick_rules
from .terminal import RED, out, progress
from .writing import json_text


@click.command()
@click.argument("patterns", nargs=-1, metavar="[GLOB]...")
@click.option("--json", "as_json", is_flag=True, help="Everything about each rule, as JSON.")
@click.option(
    "--kill-matrix", is_flag=True, help="Play every mutant and behaviour against every rule and show who notices."
)
def rules(patterns: tuple[str, ...], as_json: bool, kill_matrix: bool) -> None:
    """List the rules: id, level, authority and statement."""
    chosen = pick_rules(patterns)
    if kill_matrix:
        sys.exit(_print_matrix(chosen))
    if as_json:
        click.echo(json_text(catalogue.of_rules(chosen)), nl=False)
    else:
        catalogue.table(chosen, out)


@click.command()
@click.argument("rule_id", metavar="RULE")
def explain(rule_id: str) -> None:
    """Explain a rule: what must hold, who says so, how to break it. RULE is an id, or its last part."""
    found = [r for r in ALL if r.id == rule_id] or [r for r in ALL if r.id.endswith(f"/{rule_id}")]
    for position, rule in enumerate(found or pick_rules([rule_id])):
        if position:
            out.print()
        catalogue.explain(rule, out)


def _print_matrix(chosen: Sequence[Rule]) -> int:
    """A line per mutant and behaviour: caught where, by whom else. The exit status: red if one got away."""
    lines = []
    with progress() as bar:
        task = bar.add_task("kill matrix", total=sum(len(r.broken_by) + len(r.broken_when) for r in chosen))
        kills: Iterator[proof.Kill | trial_proof.Kill] = chain(proof.matrix(chosen), trial_proof.matrix(chosen))
        for kill in kills:
            lines.append(_line(kill))
            bar.update(task, advance=1, description=kill.rule.id)
    for line, _ in lines:
        out.print(line, soft_wrap=True)
    alarms = [*proof.false_alarms(chosen), *trial_proof.false_alarms(chosen)]
    for rule_id, probe in alarms:
        out.print(Text(f"false alarm: {rule_id} on the good answer to {probe}", "bold red"), soft_wrap=True)
    caught = sum(good for _, good in lines)
    faults = " and behaviours" if any(rule.broken_when for rule in chosen) else ""
    told = f"{len(chosen)} rules, {len(lines)} mutants{faults}: {caught} caught by their own rule and no other"
    out.print(Text(told), style="bold")
    return RED if caught < len(lines) or alarms else 0


def _line(kill: proof.Kill | trial_proof.Kill) -> tuple[Text, bool]:
    """What is printed of one fault, and whether all went as it ought to. Not every trial can show a behaviour."""
    missed = kill.missed if isinstance(kill, proof.Kill) else ()
    good = kill.clean and not missed
    word, style = ("caught", "green") if good else ("AWRY", "bold red")
    what = "probe" if isinstance(kill, proof.Kill) else "trial"
    where = f"{len(kill.caught)} {what}{'' if len(kill.caught) == 1 else 's'}"
    line = Text.assemble((f"{word:<7}", style), f" {kill.rule.id}#{kill.name}  on {where}")
    if kill.companions:
        line.append(f"; also {', '.join(kill.companions)}", "dim")
    if missed:
        line.append(f"; missed on {', '.join(missed)}", "red")
    if kill.strangers:
        line.append(f"; also found by {', '.join(sorted({rule for rule, _ in kill.strangers}))}", "red")
    return line, good
