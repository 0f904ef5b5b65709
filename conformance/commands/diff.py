"""`streamspec diff`: what is different between two reports, with an exit status. Judges nothing anew."""

import sys
from pathlib import Path

import click

from conformance.report import difference
from conformance.report.comparing import compare

from .report import read
from .terminal import RED, fail
from .writing import JSON, screen_of, write_json

REPORT = click.Path(path_type=Path)


@click.command()
@click.argument("old_file", type=REPORT, metavar="OLD.json")
@click.argument("new_file", type=REPORT, metavar="NEW.json")
@JSON
@click.option("-v", "--verbose", is_flag=True, help="Name what is still there, too, and what was not judged again.")
def diff(old_file: Path, new_file: Path, json_file: Path | None, verbose: bool) -> None:
    """Compare two reports of `run --json`: what is new, fixed, still there, not judged any more.

    What is red in NEW and was not in OLD makes the exit status 1, whether it broke or was listed as a known failure
    before. What was red already does not: that is what `streamspec run` is for.

    \b
    streamspec run gateway --json new.json --no-launch
    streamspec diff old.json new.json && echo "nothing turned red"

    Exit status: 0 nothing turned red, 1 something did, 2 they cannot be compared.
    """  # noqa: D301 - click's mark
    old, new = read(old_file), read(new_file)
    comparison = compare(old, new)
    difference.render(old, new, comparison, screen_of(json_file), verbose=verbose)
    write_json(json_file, difference.as_json((old_file.name, new_file.name), old, new, comparison))
    if not comparison.judged:
        fail("no rule was judged in both reports: nothing was compared")
    sys.exit(RED if comparison.red else 0)
