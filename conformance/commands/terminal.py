"""What the commands share: where they print, how they fail, how rules are picked. Knows no command."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from conformance import profiles
from conformance.mistakes import ConfigurationError
from conformance.profiles import Choice
from conformance.protocols.finding import shorten
from conformance.rules import ALL
from conformance.rules.rule import Rule

RED, UNUSABLE = 1, 2
LONGEST = 2000
"""Characters of a line on standard error."""
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def fail(message: str) -> NoReturn:
    """Say what is wrong and leave with status 2."""
    say(f"streamspec: {message}", "red")
    sys.exit(UNUSABLE)


def say(message: str, style: str = "") -> None:
    """A remark on standard error; nothing in it acts on the terminal."""
    safe = "\n".join(shorten(line, LONGEST) for line in message.split("\n"))
    err.print(Text(safe, style), soft_wrap=True)


def pick_rules(patterns: Sequence[str]) -> tuple[Rule, ...]:
    """Rules whose id matches one of the globs. A glob that matches nothing is an error."""
    for pattern in patterns:
        if not any(fnmatchcase(rule.id, pattern) for rule in ALL):
            fail(f"no rule matches {pattern!r}; `streamspec rules` lists them, and 'chat/usage/*' is a pattern")
    return tuple(r for r in ALL if not patterns or any(fnmatchcase(r.id, pattern) for pattern in patterns))


def pick_profile(name: str, rules: Sequence[Rule]) -> Choice:
    """What a profile makes of the rules. Where none of them counts, that is an error. Raises ConfigurationError."""
    choice = profiles.choose(profiles.find(name), rules)
    if not choice.scored:
        raise ConfigurationError(f"no rule of the profile {choice.profile.name} matches --only; nothing would count")
    return choice


def progress() -> Progress:
    """A bar on standard error, gone when the work is done; none where that is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
