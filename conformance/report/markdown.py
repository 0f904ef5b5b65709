"""Stored reports as Markdown, for pull requests and the summaries of CI. Decides nothing.

What a target sent stands in code spans alone, where Markdown and HTML mean nothing.
"""

import re
from collections.abc import Sequence

from conformance.protocols.finding import shorten
from conformance.verdicts import Verdict

from . import lines
from .comparing import Change, Changed, compare
from .figures import seconds
from .html.columns import Column, columns_of
from .html.summary import summary_of
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
    said = [_heading(columns, red), "", *_table(columns), ""]
    for column in columns:
        said += [f"- {code(column.name, 80)}: {code(why, 400)}" for why in lines.problems_of(column.target)]
    for report in reports if against else ():
        assert against is not None
        said += _changes(compare(against, report).changes, lines.differences_of(compare(against, report)))
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


def _heading(columns: Sequence[Column], red: Sequence[Trouble]) -> str:
    about = code(columns[0].name, 80) if len(columns) == 1 else f"{len(columns)} targets"
    broken = sum(trouble.verdict is Verdict.FAIL for trouble in red)
    if not red and any(column.target.red or column.target.problem for column in columns):
        return f"## ❌ streamspec: red for another reason than its rules on {about}"
    if not red:
        return f"## ✅ streamspec: nothing red on {about}"
    rules = f"{broken} rule{'' if broken == 1 else 's'} that must hold {'is' if broken == 1 else 'are'} broken"
    return f"## ❌ streamspec: {rules if broken else f'{len(red)} red'} on {about}"


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


def _changes(changes: Sequence[Changed], said: str) -> list[str]:
    told = [changed for changed in changes if changed.change is not Change.STILL or changed.turned_red]
    listed = [
        f"- {lines.WORDS[changed.change]}: {code(changed.rule)} {_verdicts(changed)}" for changed in told[:LISTED]
    ]
    more = [f"- and {len(told) - LISTED} more"] if len(told) > LISTED else []
    return [f"### Since the earlier report: {said}", "", *listed, *more, ""]


def _verdicts(changed: Changed) -> str:
    before, now = (rule.verdict.value if rule else "not there" for rule in (changed.before, changed.now))
    return f"{before} → {now}"


def _folded(summary: str, listed: Sequence[str]) -> list[str]:
    more = [f"- and {len(listed) - LISTED} more"] if len(listed) > LISTED else []
    return [f"<details><summary>{summary}</summary>", "", *listed[:LISTED], *more, "", "</details>", ""]


def _plain(statement: str) -> str:
    """The statement of a rule: ours, but read from a file that may not be."""
    return re.sub(r"([\\`*_{}\[\]<>#|!@~])", r"\\\1", shorten(statement, 200))
