"""Where commands put what they are asked for: a file, whole or not at all, or standard output. Knows no report."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console

from .terminal import err, fail, out

STANDARD_OUT = Path("-")
FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
JSON = click.option(
    "--json", "json_file", type=FILE, metavar="FILE", help="Write the report as JSON; -: to standard output."
)


def screen_of(*files: Path | None) -> Console:
    """Where people look: standard output, unless one of these goes there."""
    return err if STANDARD_OUT in files else out


def write_json(file: Path | None, document: object) -> None:
    """The document as JSON; nothing where no file was asked for. Leaves with status 2 where that cannot be."""
    write(file, lambda: json_text(document))


def json_text(document: object) -> str:
    """JSON as commands write it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


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
        replace(file, content())
    except OSError as error:
        return unwritten(file, error)
    return ""


def unwritten(file: Path, error: OSError) -> str:
    """Why a file cannot be written, in words."""
    reason = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
    return f"cannot write {file}: {reason}"


def replace(file: Path, text: str) -> None:
    """Put a text into a file; what was there stays until all of it is written. Raises OSError.

    What is no plain file, a device or a pipe, is written to as it is.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    place = file.resolve()  # a link stays one
    if place.exists() and not (place.is_file() and os.access(place.parent, os.W_OK)):
        place.write_text(text, "utf-8", "replace")
        return
    scratch = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        scratch.write_text(text, "utf-8", "replace")
        if place.exists():
            shutil.copymode(place, scratch)
        scratch.replace(place)
    except OSError:
        with suppress(OSError):
            scratch.unlink()
        raise
