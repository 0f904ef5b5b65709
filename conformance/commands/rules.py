"""`streamspec rules` and `streamspec explain`: what is judged, and the proof that it can be."""

import json
import sys
from collections.abc import Sequence

import click
from rich.text import Text

from conformance import proof
from conformance.report import catalogue
from conformance.rules import ALL
from conformance.rules.rule import Rule

from .terminal import RED, out, pick_rules, progress


@click.command()
@click.argument("patterns", nargs=-1, metavar="[GLOB]...")
@click.option("--json", "as_json", is_flag=True, help="Everything about each rule, as JSON.")
@click.option("--kill-matrix", is_flag=True, help="Play every mutant against every rule and show who notices.")
def rules(patterns: tuple[str, ...], as_json: bool, kill_matrix: bool) -> None:
    """List the rules: id, level, authority and statement."""
    chosen = pick_rules(patterns)
    if kill_matrix:
        sys.exit(_print_matrix(chosen))
    if as_json:
        click.echo(json.dumps(catalogue.of_rules(chosen), indent=2, ensure_ascii=False))
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
    """A line per mutant: caught on how many probes, by whom else. The exit status: red if one got away."""
    kills = []
    with progress() as bar:
        task = bar.add_task("kill matrix", total=sum(len(rule.broken_by) for rule in chosen))
        for kill in proof.matrix(chosen):
            kills.append(kill)
            bar.update(task, advance=1, description=kill.rule.id)
    for kill in kills:
        word, style = ("caught", "green") if kill.clean and not kill.missed else ("AWRY", "bold red")
        probes = f"{len(kill.caught)} probe{'' if len(kill.caught) == 1 else 's'}"
        line = Text.assemble((f"{word:<7}", style), f" {kill.rule.id}#{kill.mutant}  on {probes}")
        if kill.companions:
            line.append(f"; also {', '.join(kill.companions)}", "dim")
        if kill.missed:
            line.append(f"; missed on {', '.join(kill.missed)}", "red")
        if kill.strangers:
            line.append(f"; also found by {', '.join(sorted({rule for rule, _ in kill.strangers}))}", "red")
        out.print(line, soft_wrap=True)
    awry = [kill for kill in kills if not kill.clean or kill.missed]
    alarms = proof.false_alarms(chosen)
    for rule_id, probe in alarms:
        out.print(Text(f"false alarm: {rule_id} on the good answer to {probe}", "bold red"), soft_wrap=True)
    out.print(
        Text(
            f"{len(chosen)} rules, {len(kills)} mutants: {len(kills) - len(awry)} caught by their own rule and no other"
        ),
        style="bold",
    )
    return RED if awry or alarms else 0
