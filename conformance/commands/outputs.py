"""Where the report of a run goes: the screen, files in the formats of others, GitHub. Judges nothing.

What cannot be written is told of at the end, when everything else has been.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Exchange
from conformance.report import badge, github, junit, machine, markdown, sarif, stored, text
from conformance.report.html.columns import columns_of
from conformance.report.html.page import render
from conformance.report.stored import StoredReport
from conformance.verdicts import Report

from . import writing
from .terminal import err, out
from .writing import FILE, STANDARD_OUT, json_text, put

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = {
    "json": "the report as JSON",
    "junit": "a JUnit report",
    "html": "one HTML file with the wire",
    "markdown": "Markdown, for pull requests",
    "sarif": "SARIF 2.1.0, for code scanning",
    "badge": "a badge: SVG, or for shields where FILE ends in .json",
}
"""What can be written, each by an option of its name."""
SUMMARY = "GITHUB_STEP_SUMMARY"
"""Environment variable with the file whose text GitHub shows for a step."""


def options(command: F) -> F:
    """Give a command the options by which it is told where to write."""
    command = click.option(
        "--github", is_flag=True, help="Annotate, and write the summary, in a job of GitHub Actions."
    )(command)
    for name, says in reversed(FORMATS.items()):
        said = f"Write {says}; -: to standard output."
        command = click.option(f"--{name}", f"{name}_file", type=FILE, metavar="FILE", help=said)(command)
    return command


def check(asked: dict[str, Any]) -> None:
    """Raises ConfigurationError where two reports would go to standard output."""
    if sum(asked.get(f"{name}_file") == STANDARD_OUT for name in FORMATS) > 1:
        raise ConfigurationError("only one report can go to standard output; give the others a file")


def screen_of(asked: dict[str, Any]) -> Console:
    """Where people look: standard output, unless a report goes there."""
    return writing.screen_of(*(asked.get(f"{name}_file") for name in FORMATS))


@contextmanager
def guarded(asked: dict[str, Any]) -> Iterator[None]:
    """Nothing that is printed meanwhile is a command to GitHub's runner, whatever a target says."""
    if not asked["github"]:
        yield
        return
    token = secrets.token_hex(16)
    _command(asked, github.stopped(token))
    try:
        yield
    finally:
        _command(asked, github.resumed(token))


def tell(
    reports: Sequence[Report],
    asked: dict[str, Any],
    *,
    exchanges: Sequence[Sequence[Exchange]],
    problems: Sequence[str],
    verbose: bool,
) -> list[str]:
    """Show and write the reports. What went wrong with that, in words."""
    document = machine.of_run(reports, problems)
    kept = stored.of_document(document)
    pages = {
        "json": lambda: json_text(document),
        "junit": lambda: junit.of_run(reports, problems),
        "html": lambda: render(columns_of([kept], exchanges)),
        "markdown": lambda: markdown.of_reports([kept]),
        "sarif": lambda: sarif.of_report(kept),
        "badge": lambda: _badge(kept, asked["badge_file"]),
    }
    troubles = [put(asked[f"{name}_file"], page) for name, page in pages.items()]  # first: a screen may go away
    with guarded(asked):
        for report in reports:
            text.render(report, screen_of(asked), verbose=verbose)
    if asked["github"]:
        troubles += _annotate(kept, asked, problems)
    return [trouble for trouble in troubles if trouble]


def _badge(report: StoredReport, file: Path) -> str:
    return badge.shields(report) if file.suffix == ".json" else badge.svg(report)


def _annotate(report: StoredReport, asked: dict[str, Any], problems: Sequence[str]) -> list[str]:
    for line in github.of_report(report, problems):
        _command(asked, line)
    if not (file := os.environ.get(SUMMARY)):
        return []
    try:
        with Path(file).open("a", encoding="utf-8") as summary:
            summary.write(github.summary(markdown.of_reports([report])))
    except OSError as error:
        return [f"cannot write the summary, {file}: {error.strerror}"]
    return []


def _command(asked: dict[str, Any], line: str) -> None:
    """One line that the runner reads; after all that was printed before."""
    out.file.flush()
    err.file.flush()
    click.echo(line, err=screen_of(asked) is err)
