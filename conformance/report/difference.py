"""What is different between two stored reports, as text and as JSON. Renders what was found; decides nothing."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from . import lines
from .comparing import Change, Changed, Comparison
from .stored import StoredReport
from .text import STYLES, print_line

FORMAT = 1
"""Version of the JSON; grows when a member changes its meaning or goes away."""


def as_json(files: tuple[str, str], old: StoredReport, new: StoredReport, comparison: Comparison) -> dict[str, Any]:
    """The document of schemas/diff.json."""
    return {
        "diff": FORMAT,
        "red": comparison.red,
        "old": {"file": files[0], "suite": old.suite},
        "new": {"file": files[1], "suite": new.suite},
        "counts": {change.value: len(comparison.of(change)) for change in Change},
        "changes": [_change(changed) for changed in comparison.changes],
        "lost": [{"target": target, "rule": rule} for target, rule in comparison.lost],
        "otherwise": [asdict(each) for each in comparison.otherwise],
        "targets_added": list(comparison.targets_added),
        "targets_gone": list(comparison.targets_gone),
    }


def _change(changed: Changed) -> dict[str, Any]:
    before, now = changed.before, changed.now
    members: dict[str, Any] = {
        "target": changed.target,
        "rule": changed.rule,
        "message": now.message if now else before.message if before else "",
        "change": changed.change.value,
        "before": before.verdict.value if before else None,
        "now": now.verdict.value if now else None,
        "turned_red": changed.turned_red,
    }
    if now is not None:
        members |= {name: True for name in ("known", "candidate") if getattr(now, name)}
        if now.findings:
            members |= {"wanted": now.findings[0].wanted, "got": now.findings[0].got}
    return members


def render(old: StoredReport, new: StoredReport, comparison: Comparison, console: Console, *, verbose: bool) -> None:
    """Every change in a line, what is new with what was wanted and got, and a line that sums up."""
    several = len(new.targets) > 1
    for changed in comparison.changes:
        if changed.change is Change.STILL and not (changed.turned_red or verbose):
            continue
        _changed(changed, console, several=several)
    for target, rule in comparison.lost if verbose else ():
        print_line(console, f"held, not judged again   {rule}" + (f"  {target}" if several else ""), "dim")
    for each in comparison.otherwise:
        said = f"not the same {each.what}: {each.old}, then {each.new}"
        print_line(console, said + (f"  {each.target}" if several else ""), "yellow")
    if old.suite != new.suite:
        print_line(console, f"not the same suite: {old.suite}, then {new.suite}", "yellow")
    also = f", {len(comparison.lost)} that held not judged again" if comparison.lost else ""
    turned = sum(changed.turned_red for changed in comparison.changes)
    outcome = f"{turned} turned red" if turned else "nothing turned red"
    colour = "bold red" if turned else "bold green"
    print_line(console, f"{lines.differences_of(comparison)}{also}; {outcome}", colour)


def _changed(changed: Changed, console: Console, *, several: bool) -> None:
    before, now = (rule.verdict.value if rule else "not there" for rule in (changed.before, changed.now))
    marks = [name for name in ("known", "candidate") if changed.now and getattr(changed.now, name)]
    if changed.turned_red:
        marks.append("turned red: listed as a known failure" if changed.now and changed.now.stale else "turned red")
    said = f"{lines.WORDS[changed.change]:<20} {changed.rule}  {before} -> {now}"
    said += f" ({', '.join(marks)})" if marks else ""
    style = STYLES[changed.now.verdict] if changed.now else "dim"
    print_line(console, said + (f"  {changed.target}" if several else ""), style)
    if changed.change is Change.NEW and changed.now and changed.now.findings:
        first = changed.now.findings[0]
        print_line(console, f"   wanted  {first.wanted}")
        print_line(console, f"   got     {first.got}")
