"""`streamspec check`: judge recordings. Judges nothing itself."""

import shlex
import sys
from pathlib import Path

import click

from conformance import profiles
from conformance.checking import check as check_recordings
from conformance.loading import LoadError, read_request
from conformance.mistakes import ConfigurationError
from conformance.protocols.chat import dialects
from conformance.report import machine, text
from conformance.verdicts import Checked, Verdict

from .picking import pick_profile, pick_rules
from .terminal import RED, fail, out, progress
from .writing import json_text


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option(
    "--request",
    "request_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="JSON file with the request that a bare .sse or .http answers.",
)
@click.option(
    "--dialect",
    type=click.Choice(dialects.NAMES),
    default="openai",
    show_default=True,
    help="Tolerate this vendor's documented deviations; auto: guess whose they are, for each recording.",
)
@click.option("--profile", metavar="NAME", help=f"Only these rules count: {', '.join(profiles.NAMES)}, or a YAML file.")
@click.option("--only", multiple=True, metavar="GLOB", help="Only rules whose id matches; may be given again.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="Name every recording, also those in order.")
def check(
    paths: tuple[Path, ...],
    request_file: Path | None,
    dialect: str,
    profile: str | None,
    only: tuple[str, ...],
    form: str,
    verbose: bool,
) -> None:
    """Judge recordings: our .jsonl, bare .sse, raw .http, HAR 1.2, VCR cassettes (YAML, JSON), and folders of them.

    What a recording cannot show is not applicable, never a failure. A file that cannot be read is told of, the others
    are judged all the same, and the exit status is 2.
    """
    rules = pick_rules(only)
    results: list[Checked] = []
    interrupted = False
    try:
        choice = pick_profile(profile, rules) if profile else None
        request = read_request(request_file) if request_file else None
        unscored = choice.unscored if choice else frozenset()
        with progress() as bar:
            task = bar.add_task("check", total=None)
            for checked in check_recordings(
                paths, request=request, dialect=dialect, rules=choice.rules if choice else rules, candidates=unscored
            ):
                results.append(checked)
                bar.update(task, advance=1, description=Path(checked.path).name)
    except (ConfigurationError, LoadError, LookupError) as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        interrupted = True
    if form == "json":
        click.echo(json_text(machine.of_check(results)), nl=False)
    else:
        text.render_check(results, out, verbose=verbose, again=_again(request_file, dialect, profile))
    if interrupted:
        fail(f"interrupted; above is what was judged until then, {len(results)} recordings")
    unread = [checked for checked in results if checked.verdict is Verdict.UNTESTABLE]
    if unread:
        first = f"{unread[0].path}: {unread[0].reason}"
        fail(f"{len(unread)} of {len(results)} recordings could not be read; the first: {first}")
    if all(checked.verdict is Verdict.NOT_APPLICABLE for checked in results):
        fail("nothing was judged: none of these recordings is a chat completion")
    sys.exit(RED if any(checked.red for checked in results) else 0)


def _again(request_file: Path | None, dialect: str, profile: str | None) -> str:
    """The command that judges a recording again, up to its path."""
    parts = ["streamspec", "check"]
    if request_file is not None:
        parts += ["--request", str(request_file)]
    if dialect != "openai":
        parts += ["--dialect", dialect]
    if profile:
        parts += ["--profile", profile]
    return shlex.join(parts)
