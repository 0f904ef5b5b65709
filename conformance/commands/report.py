"""`streamspec report`: show stored reports again, beside each other, or beside an earlier one. Judges nothing."""

from collections.abc import Sequence
from pathlib import Path

import click

from conformance.loading import LoadError, load
from conformance.protocols.exchange import Exchange
from conformance.report import brief, markdown, stored
from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.report.stored import StoredReport, StoredReportError

from .terminal import fail, say
from .writing import FILE, STANDARD_OUT, screen_of, write

LARGEST = 256 * 1024 * 1024
"""Bytes of a report that are read."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="REPORT.json...")
@click.option(
    "--recordings",
    "folders",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What `run --record` kept; the wire in --html comes from there. Once for all, or once for each report.",
)
@click.option(
    "--against", type=click.Path(path_type=Path), metavar="OLD.json", help="Tell what is new, fixed, or still."
)
@click.option("--html", "html_file", type=FILE, metavar="FILE", help="Write one HTML file; -: to standard output.")
@click.option(
    "--markdown", "markdown_file", type=FILE, metavar="FILE", help="For pull requests; -: to standard output."
)
def report(
    files: tuple[Path, ...],
    folders: tuple[Path, ...],
    against: Path | None,
    html_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Show reports that `run --json` has written: at the terminal, as one HTML file, as Markdown.

    Several reports, of several targets or of several runs of the same, stand side by side.

    \b
    streamspec run vllm --json report.json --record recordings/
    streamspec report report.json --recordings recordings/ --html report.html
    streamspec report vllm.json llamacpp.json --html both.html
    streamspec report new.json --against old.json --markdown summary.md

    Exit status: 0 it was written, whatever it says, 2 it could not be.
    """  # noqa: D301 - click's mark
    if html_file == markdown_file == STANDARD_OUT:
        fail("only one report can go to standard output; give --html or --markdown a file")
    if len(folders) not in (0, 1, len(files)):
        fail(f"{len(folders)} times --recordings for {len(files)} reports; give it once for all or once for each")
    reports = [read(path) for path in files]
    earlier = read(against) if against else None
    labels = _labels(files)
    brief.render(reports, screen_of(html_file, markdown_file), earlier, labels=labels)
    if html_file is not None:
        each = folders * len(files) if len(folders) == 1 else folders
        shared = len(files) > len(folders)
        exchanges = [
            exchanges_of(target.target, each[number], alone=alone) if each else []
            for number, one in enumerate(reports)
            for alone in (len(one.targets) == 1 and not shared,)
            for target in one.targets
        ]
        columns = columns_of(reports, exchanges, earlier, labels)
        write(html_file, lambda: render(columns, against=against.name if against else ""))
    write(markdown_file, lambda: markdown.of_reports(reports, earlier, labels=labels))


def read(path: Path) -> StoredReport:
    """The report in this file; leaves with status 2 where there is none."""
    try:
        if path.stat().st_size > LARGEST:
            fail(f"{path}: larger than {LARGEST >> 20} MiB")
        return stored.read(path.read_bytes())
    except OSError as problem:
        fail(f"cannot read {path}: {problem.strerror}")
    except StoredReportError as problem:
        fail(f"{path}: {problem}")


def exchanges_of(target: str, folder: Path, *, alone: bool) -> Sequence[Exchange]:
    """The recordings of a target. What cannot be read is told of.

    They are in its own folder, or right in this one where no other target's can be there: the wire of one server is
    never shown for another's.
    """
    own = folder / (Path(target).name.strip(".") or "target")
    if not own.is_dir():
        if not alone or not any(entry.is_file() for entry in folder.iterdir()):
            say(f"{folder} has no folder {own.name}: the wire of this target is not shown")
            return []
        own = folder
    found: list[Exchange] = []
    try:
        for loaded in load(own):
            if Path(loaded.path).parent != own:
                continue
            if loaded.exchange is None:
                say(f"{loaded.path}: {loaded.error}; the wire of this exchange is not shown")
            else:
                found.append(loaded.exchange)
    except LoadError as problem:
        fail(str(problem))
    return found


def _labels(files: Sequence[Path]) -> list[str]:
    """What tells the reports from each other: the names of their files, or of their folders where those are alike."""
    names = [path.stem for path in files]
    return names if len(set(names)) == len(names) else [path.parent.name or path.stem for path in files]
