"""`streamspec fuzz-client`: odd streams for a client under test. Judges nothing itself."""

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .terminal import RED, UNUSABLE, fail, progress, say
from .writing import JSON, screen_of, write_json

if TYPE_CHECKING:
    from conformance.clientfuzz.case import Case
    from conformance.clientfuzz.playing import Result
    from conformance.clientfuzz.running import Made, Plan

HOST, PORT = "127.0.0.1", 8090
FOLDER = Path(".streamspec/fuzz-client")
JOBS = 4
PATIENCE = 3
"""How many times the client's own time limit goes into ours."""


@click.command(name="fuzz-client")
@click.option("--cases", multiple=True, metavar="GLOB", help="Only cases whose id matches; 'legal/*' is one.")
@click.option(
    "--examples", type=click.IntRange(0, 1_000_000), help="So many streams made by chance; each failure is shrunk."
)
@click.option("--seed", type=click.IntRange(0, (1 << 32) - 1), help="The same seed gives the same examples.")
@click.option("--list", "listed", is_flag=True, help="Print the cases, and run none.")
@click.option("--jobs", type=click.IntRange(1, 64), default=JOBS, show_default=True, help="Clients at once.")
@click.option(
    "--limit",
    type=click.FloatRange(0.5, 600),
    default=10.0,
    show_default=True,
    help="Seconds from a client's request to its report; then it hangs. It is told to give up after a third of that.",
)
@JSON
@click.option(
    "--save",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Folder for recordings, scenarios, and the examples that failed.",
)
@click.option("--listen", is_flag=True, help="Run no command: the client goes through the cases by URLs, GET /cases.")
@click.option("--host", metavar="ADDRESS", help=f"With --listen: where.  [default: {HOST}, this machine alone]")
@click.option("--port", type=click.IntRange(0, 65535), help=f"With --listen; 0: any free port.  [default: {PORT}]")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="With --listen: pages of this origin may use it, besides those of this machine; may be given again.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show warnings like failures.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def fuzz_client(
    cases: tuple[str, ...],
    examples: int | None,
    seed: int | None,
    listed: bool,
    jobs: int,
    limit: float,
    json_file: Path | None,
    save: Path,
    listen: bool,
    host: str | None,
    port: int | None,
    origins: tuple[str, ...],
    verbose: bool,
    command: tuple[str, ...],
) -> None:
    """Play malformed and odd streams to a client, and judge what it makes of them.

    COMMAND asks once with stream: true and prints one line of JSON:
    {"text", "finish_reason", "tool_calls", "usage", "chunks", "error": null or {"class", "message"}}.
    With {base_url} in its arguments it is started for each case. Without, it is started once, reads lines
    {"base_url", "model", "case"}, and prints a line for each. --examples alone plays no cases of the catalogue.

    --listen is for a client that can print nothing, a page or an app: GET /cases lists base URLs, POST
    /case/NUMBER/report takes that line, POST /done or Ctrl-C ends it. What nothing is reported of is judged by the
    wire alone, and does not pass.

    \b
    streamspec fuzz-client -- python my_client.py {base_url} MODEL
    streamspec fuzz-client --cases 'transport/*' --json out.json -- node my_client.mjs
    streamspec fuzz-client --listen --port 8090 --json out.json
    streamspec fuzz-client --examples 500 --seed 7 -- node my_client.mjs

    Exit status: 0 no case failed, 1 some did, 2 the campaign could not be made, or was interrupted before any failed.
    """  # noqa: D301 - click's mark
    picked = _chosen(cases) if cases or examples is None else []
    if listed:
        click.echo("\n".join(case.id for case in picked))
        return
    if listen and (command or examples is not None):
        fail("--listen runs no COMMAND and plays no --examples; it serves the cases")
    if not listen and (host is not None or port is not None or origins):
        fail("--host, --port and --origin go with --listen")
    if not listen and not command:
        fail("no COMMAND; write it last: streamspec fuzz-client -- python my_client.py {base_url} MODEL")
    from conformance.clientfuzz.playing import Limits
    from conformance.clientfuzz.processes import Command
    from conformance.clientfuzz.running import Plan

    plan = Plan(
        command=Command(command, timeout=limit / PATIENCE),
        cases=tuple(picked),
        examples=examples or 0,
        seed=secrets.randbelow(1 << 32) if seed is None else seed,
        limits=Limits(case=limit),
        jobs=jobs,
        save=save,
    )
    made = _listen(plan, host or HOST, PORT if port is None else port, origins) if listen else _run(plan)
    _report(made, json_file, verbose=verbose)


def _chosen(patterns: Sequence[str]) -> "list[Case]":
    from conformance.clientfuzz.catalogue import chosen

    try:
        return chosen(patterns)
    except LookupError as problem:
        fail(str(problem.args[0]))


def _run(plan: "Plan") -> "Made":
    from conformance.clientfuzz import running
    from conformance.clientfuzz.control import NotAClientError

    try:
        with progress() as bar:
            task = bar.add_task("cases", total=len(plan.cases) + plan.examples)

            def told(result: "Result") -> None:
                bar.update(task, advance=1, description=result.case.id[:60])

            return running.run(plan, told)
    except NotAClientError as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot run {plan.command.words[0]!r}, or keep what it did in {plan.save}: {problem.strerror or problem}")


def _listen(plan: "Plan", host: str, port: int, origins: tuple[str, ...]) -> "Made":
    from conformance.clientfuzz.listening import Site, run

    def began(url: str) -> None:
        say(f"{len(plan.cases)} cases at {url}/cases; POST {url}/done or Ctrl-C ends this")

    try:
        made = run(plan, Site(host=host, port=port, origins=origins), began)
    except OSError as problem:
        fail(f"cannot listen at {host}:{port}, or keep anything in {plan.save}: {problem.strerror or problem}")
    reported = sum(result.report is not None for result in made.all)
    say(f"{len(made.all)} of {len(plan.cases)} cases were asked for, and {reported} reported on")
    return made


def _report(made: "Made", json_file: Path | None, *, verbose: bool) -> None:
    from conformance.clientfuzz import machine, text

    text.render(made, screen_of(json_file), verbose=verbose)
    write_json(json_file, machine.document_of(made))
    if made.trouble:
        fail(made.trouble)
    if made.interrupted:
        say("interrupted: this is what had come so far", "yellow")
    sys.exit(RED if made.failed else UNUSABLE if made.interrupted else 0)
