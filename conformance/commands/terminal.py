"""What the commands share: where they print, how they fail, how rules are picked. Knows no command."""

import sys
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.text import Text

from conformance.protocols.finding import shorten

if TYPE_CHECKING:
    from rich.progress import Progress

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


def progress() -> "Progress":
    """A bar on standard error, gone when the work is done; none where that is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
