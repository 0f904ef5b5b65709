"""Stored reports as Markdown, for pull requests and the summaries of CI. Decides nothing.

What a target sent stands in code spans alone, where Markdown and HTML mean nothing.
"""

import re
from collections.abc import Sequence

from conformance.protocols.finding import shorten
from conformance.verdicts import Verdict

from . import lines
from .comparing import Change, Changed, Comparison, compare
from .figures import seconds
from .html.columns import Column, columns_of
from .html.summary import headline_of, summary_of
from .ranking import Trouble, troubles_of
from .stored import StoredReport

WORST = 10
"""Troubles that are shown with what was wanted and got."""
LISTED = 100
"""Of the others, and of what changed."""
TICKS = re.compile("`+")
SIGNS = {
    Verdict.FAIL: "❌",
    Verdict.SUITE_ERROR: "💥",
    Verdict.UNTESTABLE: "❓",
    Verdict.WARN: "⚠️",
}


def of_reports(
    reports: Sequence[StoredReport], against: StoredReport | None = None, *, labels: Sequence[str] = ()
) -> str:
    """A heading that says how it went, a table of the targets, what is red, what changed, and the rest folded."""
    columns = columns_of(reports, labels=labels)
    troubles = troubles_of([column.target for column in columns])
    names = [column.name for column in columns]
    red = [trouble for trouble in troubles if trouble.red]
    others = [trouble for trouble in troubles if not trouble.red]
    said = [_heading(columns, troubles), "", *_table(columns), ""]
    for column in columns:
        said += [f"- {code(column.name, 80)}: {code(why, 400)}" for why in lines.problems_of(column.target)]
    said += [""] if said[-1] else []
    for report in reports if against else ():
        assert against is not None
        said += _changes(compare(against, report), several=len(columns) > 1)
    if red:
        said += ["### Red", "", *(line for trouble in red[:WORST] for line in _item(trouble, names)), ""]
        if len(red) > WORST:
            said += _folded(f"{len(red) - WORST} more", [_short(trouble) for trouble in red[WORST:]])
    if others:
        said += _folded(f"{len(others)} not red", [_short(trouble) for trouble in others])
    return "\n".join(said).rstrip() + "\n"


def code(text: str, limit: int = 200) -> str:
    """Text in a code span: nothing in it is markup, not even a backtick or a pipe."""
    plain = shorten(text, limit).replace("|", "¦")
    if not plain.strip():
        return "` `"
    fence = "`" * (max((len(run) for run in TICKS.findall(plain)), default=0) + 1)
    padding = " " if "`" in plain else ""
    return f"{fence}{padding}{plain}{padding}{fence}"


def _heading(columns: Sequence[Column], troubles: Sequence[Trouble]) -> str:
    headline = headline_of(columns, troubles)
    red = {column for trouble in troubles if trouble.red for column in trouble.columns}
    about = f"{len(columns)} targets"
    if len(columns) == 1:
        about = code(columns[0].name, 80)
    elif red:
        about = f"{len(red)} of {about}"
    return f"## {'❌' if headline.mood == 'red' else '✅'} streamspec: {headline.says} on {about}"


def _table(columns: Sequence[Column]) -> list[str]:
    heads = ("target", "red", "verdicts", "first content", "gap, p95", "tokens/s")
    rows = [
        (
            code(column.name, 80),
            str(found.red),
            lines.counts_of(column.target),
            _time(found.first_content),
            _time(found.gap),
            "" if found.tokens_per_second is None else f"{found.tokens_per_second:.0f}",
        )
        for column in columns
        for found in (summary_of(column),)
    ]
    return [f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *rows)]


def _time(value: float | None) -> str:
    return "" if value is None else seconds(value)


def _item(trouble: Trouble, names: Sequence[str]) -> list[str]:
    if not trouble.level:
        return [f"- {SIGNS[trouble.verdict]} {len(trouble.rules)} rules could not be judged: {code(trouble.says)}"]
    said = [f"- {_sign(trouble)} **{trouble.level.upper()}** {code(trouble.rules[0])} {_plain(trouble.says)}"]
    if (found := trouble.finding) is not None:
        said.append(f"  <br>wanted {code(found.wanted)}, got {code(found.got)}")
    elif trouble.reason:
        said.append(f"  <br>{code(trouble.reason)}")
    if place := lines.place_of(trouble, names):
        said.append(f"  <br>{code(place, 400)}")
    return said


def _short(trouble: Trouble) -> str:
    if not trouble.level:
        return f"- {SIGNS[trouble.verdict]} {len(trouble.rules)} rules could not be judged: {code(trouble.says)}"
    return f"- {_sign(trouble)} {trouble.level.upper()} {code(trouble.rules[0])} {_plain(trouble.says)}"


def _sign(trouble: Trouble) -> str:
    return SIGNS.get(trouble.verdict, "❌" if trouble.red else "•")


def _changes(comparison: Comparison, *, several: bool) -> list[str]:
    told = [changed for changed in comparison.changes if changed.change is not Change.STILL or changed.turned_red]
    listed = [
        f"- {lines.WORDS[changed.change]}: {code(changed.rule)} {_verdicts(changed)}"
        + (f" on {code(changed.target, 80)}" if several else "")
        for changed in told[:LISTED]
    ]
    more = [f"- and {len(told) - LISTED} more"] if len(told) > LISTED else []
    return [f"### Since the earlier report: {lines.differences_of(comparison)}", "", *listed, *more, ""]


def _verdicts(changed: Changed) -> str:
    before, now = (rule.verdict.value if rule else "not there" for rule in (changed.before, changed.now))
    return f"{before} → {now}"


def _folded(summary: str, listed: Sequence[str]) -> list[str]:
    more = [f"- and {len(listed) - LISTED} more"] if len(listed) > LISTED else []
    return [f"<details><summary>{summary}</summary>", "", *listed[:LISTED], *more, "", "</details>", ""]


def _plain(statement: str) -> str:
    """The statement of a rule: ours, but read from a file that may not be."""
    return re.sub(r"([\\`*_{}\[\]<>#|!@~])", r"\\\1", shorten(statement, 200))
