"""Where commands put the reports that they are asked for: a file, or standard output. Knows no report."""

from collections.abc import Callable
from pathlib import Path

import click

from .terminal import fail

STANDARD_OUT = Path("-")
FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


def write(file: Path | None, content: Callable[[], str]) -> None:
    """Write what `content` makes; nothing where no file was asked for. Leaves with status 2 where that cannot be."""
    if trouble := put(file, content):
        fail(trouble)


def put(file: Path | None, content: Callable[[], str]) -> str:
    """The same for those who go on: why it cannot be written, "" where it was."""
    if file is None:
        return ""
    if file == STANDARD_OUT:
        click.echo(content(), nl=False)
        return ""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content(), "utf-8", "replace")
    except OSError as error:
        return f"cannot write {file}: {error.strerror}"
    return ""
