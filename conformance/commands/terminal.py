"""What the commands share: where they print, how they fail, how rules are picked. Knows no command."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.rules import ALL
from conformance.rules.rule import Rule

RED, UNUSABLE = 1, 2
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(message: str) -> NoReturn:
    """Say what is wrong and leave with status 2."""
    err.print(f"streamspec: {message}", style="red", markup=False, soft_wrap=True)
    sys.exit(UNUSABLE)


def pick_rules(patterns: Sequence[str]) -> tuple[Rule, ...]:
    """Rules whose id matches one of the globs. A glob that matches nothing is an error."""
    for pattern in patterns:
        if not any(fnmatchcase(rule.id, pattern) for rule in ALL):
            fail(f"no rule matches {pattern!r}; `streamspec rules` lists them, and 'chat/usage/*' is a pattern")
    return tuple(r for r in ALL if not patterns or any(fnmatchcase(r.id, pattern) for pattern in patterns))


def progress() -> Progress:
    """A bar on standard error, gone when the work is done."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
