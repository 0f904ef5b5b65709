"""`streamspec fuzz-client`: odd streams for a client under test. Judges nothing itself."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from conformance.clientfuzz import campaign, keeping, machine, text
from conformance.clientfuzz.campaign import Field
from conformance.clientfuzz.case import Case
from conformance.clientfuzz.catalogue import chosen
from conformance.clientfuzz.control import NotAClientError
from conformance.clientfuzz.outcome import Verdict
from conformance.clientfuzz.playing import Limits, Result
from conformance.clientfuzz.processes import Command

from .terminal import RED, err, fail, out, progress, say

STANDARD_OUT = Path("-")
FOLDER = Path(".streamspec/fuzz-client")
JOBS = 4


@dataclass(slots=True)
class Campaign:
    """What has come so far; it is told also where the campaign is interrupted."""

    command: Command
    save: Path
    results: dict[str, Result] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False


@click.command(name="fuzz-client", context_settings={"ignore_unknown_options": True})
@click.option("--cases", multiple=True, metavar="GLOB", help="Only cases whose id matches; 'legal/*' is one.")
@click.option("--list", "listed", is_flag=True, help="Print the cases, and run none.")
@click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Clients at once.")
@click.option(
    "--limit",
    type=click.FloatRange(0.5, 600),
    default=10.0,
    show_default=True,
    help="Seconds from a client's request to its report; then it hangs.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path), metavar="FILE")
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where recordings are kept.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show warnings like failures.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def fuzz_client(
    cases: tuple[str, ...],
    listed: bool,
    jobs: int,
    limit: float,
    json_file: Path | None,
    save: Path,
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Play malformed and odd streams to a client, and judge what it makes of them.

    COMMAND asks once with stream: true and prints one line of JSON:
    {"text", "finish_reason", "tool_calls", "usage", "chunks", "error": null or {"class", "message"}}.
    With {base_url} in its arguments it is started for each case. Without, it is started once, reads lines
    {"base_url", "model", "case"}, and prints a line for each.

    \b
    streamspec fuzz-client -- python my_client.py {base_url} MODEL
    streamspec fuzz-client --cases 'transport/*' --json out.json -- node my_client.mjs

    Exit status: 0 no case failed, 1 some did, 2 the campaign could not be made or was interrupted before any failed.
    """  # noqa: D301 - click's mark
    picked = _chosen(cases)
    if listed:
        for case in picked:
            click.echo(case.id)
        return
    if not command:
        fail("no COMMAND; write it last: streamspec fuzz-client -- python my_client.py {base_url} MODEL")
    made = Campaign(Command(command, timeout=max(limit / 3, 0.2)), save)
    try:
        asyncio.run(_run(made, picked, Limits(case=limit), jobs))
    except NotAClientError as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot start {command[0]!r}: {problem.strerror or problem}")
    except KeyboardInterrupt:
        made.interrupted = True
    _report(made, picked, json_file, verbose=verbose)


def _chosen(patterns: Sequence[str]) -> list[Case]:
    try:
        return chosen(patterns)
    except LookupError as problem:
        fail(str(problem.args[0]))


async def _run(made: Campaign, cases: Sequence[Case], limits: Limits, jobs: int) -> None:
    async with campaign.field(made.command, limits, jobs) as place:
        with progress() as bar:
            task = bar.add_task("cases", total=len(cases))

            def told(result: Result) -> None:
                made.results[result.case.id] = result
                bar.update(task, advance=1, description=result.case.id[:60])

            try:
                await place.play_all(cases, told)
            finally:
                made.said = dict(_said(place))


def _said(place: Field) -> dict[str, Any]:
    return place.said


def _report(made: Campaign, cases: Sequence[Case], json_file: Path | None, *, verbose: bool) -> None:
    results = [made.results[case.id] for case in cases if case.id in made.results]
    kept = _keep(made, results)
    screen = err if json_file == STANDARD_OUT else out
    text.render(results, screen, command=made.command.words, kept=kept, verbose=verbose)
    document = machine.document_of(made.command.words, results, said=made.said, kept=kept, interrupted=made.interrupted)
    _write(json_file, document)
    failed = any(result.verdict is Verdict.FAIL for result in results)
    if made.interrupted:
        say(f"interrupted after {len(results)} of {len(cases)} cases")
        if not failed:
            sys.exit(2)
    sys.exit(RED if failed else 0)


def _keep(made: Campaign, results: Sequence[Result]) -> dict[str, dict[str, str]]:
    """Write what did not pass; tell where."""
    kept: dict[str, dict[str, str]] = {}
    try:
        for result in results:
            if result.verdict is not Verdict.PASS:
                kept[result.case.id] = {"recording": str(keeping.record(result, made.save / "recordings"))}
    except OSError as problem:
        say(f"cannot keep recordings in {made.save}: {problem.strerror}", "red")
    return kept


def _write(file: Path | None, document: dict[str, Any]) -> None:
    if file is None:
        return
    content = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if file == STANDARD_OUT:
        click.echo(content, nl=False)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}")
