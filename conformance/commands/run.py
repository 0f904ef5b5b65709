"""`streamspec run`: judge live endpoints. Judges nothing itself."""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from conformance import profiles, targets
from conformance.known import Known
from conformance.launching import LaunchError
from conformance.probes.connection import Unreachable
from conformance.probes.probe import Probe
from conformance.probes.trials.trial import Trial
from conformance.profiles import Choice
from conformance.protocols.exchange import Exchange
from conformance.report.plan import said_of
from conformance.rules.rule import Rule
from conformance.running import OnExchanges, Order, probes_for, run_target, trials_for
from conformance.targets import ConfigurationError, Target
from conformance.verdicts import Report, Verdict

from . import outputs, targeting
from .known import listed, renewed
from .picking import pick_profile, pick_rules
from .recording_folder import held
from .targeting import TARGET, WHOLE_RUN, choose, said_again
from .terminal import RED, fail, progress, say

MODES = ("full", "quick", "strict")
"""Profiles that are no lists of rules: ways to run all of them."""


@click.command()
@targeting.options(*TARGET, *WHOLE_RUN)
@click.option(
    "--profile",
    default="full",
    metavar="NAME",
    help="quick: no trials of cancellation, concurrency and timing; strict: no dialect at all; "
    f"{', '.join(profiles.NAMES)}, or a YAML file: these rules count, newer ones are candidates.",
)
@click.option("--only", multiple=True, metavar="GLOB", help="Only rules whose id matches; may be given again.")
@click.option("--record", type=click.Path(file_okay=False, path_type=Path), help="Keep every exchange in this folder.")
@outputs.options
@click.option(
    "--update-known-failures",
    "update",
    is_flag=True,
    help="Write the list of known failures anew: add what fails, take out what is stale.",
)
@click.option("-v", "--verbose", is_flag=True, help="List every rule, not only those that found something.")
def run(names: tuple[str, ...], only: tuple[str, ...], record: Path | None, verbose: bool, **options: Any) -> None:
    """Judge live endpoints: targets of targets.yaml, one given by --url, or (neither) the built-in mock server.

    Sends some forty small requests, side by side, and judges the answers by every rule. Then come trials: clients that
    leave before the answer is over, many at once, and how things come in time; how long they take and how many tokens
    they may cost is said before they begin, and --profile quick leaves them out. The API key is read from the
    environment, never from an argument, and reaches no file. Recordings can be judged again with `streamspec check`,
    with the same verdicts. A target with a launch command is started, awaited, judged and ended.

    \b
    streamspec run --url http://127.0.0.1:8000/v1 --model my-model --slots 2
    streamspec run --url https://api.example.org/v1 --model m --key-env EXAMPLE_KEY --feature choices
    streamspec run vllm llamacpp --json report.json --junit report.xml
    streamspec run vllm --only 'chat/usage/*' --record recordings/

    Exit status: 0 nothing red, 1 findings that count, 2 the run could not be made.
    """  # noqa: D301 - click's mark
    rules = pick_rules(only)
    if options["dialect"] and options["profile"] == "strict":
        fail("--profile strict knows no dialect; leave out one of --profile and --dialect")
    try:
        choice = None if options["profile"] in MODES else pick_profile(options["profile"], rules)
        rules = choice.rules if choice else rules
        outputs.check(options)
        chosen = choose(names, options, choice.profile.demands if choice else frozenset())
        known = listed(options["known_file"], update=options["update"])
        click.get_current_context().with_resource(held(record))
    except (ConfigurationError, LookupError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot record in {record}: {problem.strerror}")
    with outputs.guarded(options):
        exchanges: list[Sequence[Exchange]] = []
        reports, problems = _judged(chosen, rules, choice, known, record, options, exchanges)
    if not reports:
        fail("\n".join(problems))
    trouble = ""
    if options["update"] and any([*problems, *(report.problem for report in reports)]):
        trouble = f"{options['known_file']} is left as it is: a run that is not whole does not show what fails"
    elif options["update"]:
        reports, trouble = renewed(options["known_file"], reports, chosen, known)
    unwritten = outputs.tell(reports, options, exchanges=exchanges, problems=problems, verbose=verbose)
    with outputs.guarded(options):
        _leave(reports, [*problems, *(report.problem for report in reports), trouble, *unwritten])


def _leave(reports: Sequence[Report], problems: Sequence[str]) -> NoReturn:
    """Say what went wrong, and leave with the status of the run."""
    if told := [problem for problem in problems if problem]:
        fail("\n".join(told))
    scored = [v for report in reports for v in report.verdicts if not v.candidate]
    if all(v.verdict is Verdict.NOT_APPLICABLE for v in scored):
        fail("no rule could be judged; declare features or give other rules with --only")
    sys.exit(0 if all(report.green for report in reports) else RED)


def _judged(
    chosen: Sequence[Target],
    rules: Sequence[Rule],
    choice: Choice | None,
    known: Sequence[Known],
    record: Path | None,
    options: dict[str, Any],
    exchanges: list[Sequence[Exchange]],
) -> tuple[list[Report], list[str]]:
    """The reports, one target after the other, and why others have none: one that is dead does not stop the rest."""
    reports: list[Report] = []
    problems: list[str] = []
    keep = exchanges.append if options["html_file"] else None
    for target in chosen:
        folder = record / target.name if record and len(chosen) > 1 else record
        try:
            reports.append(run_one(target, rules, choice, folder, options, keep, known))
        except (ConfigurationError, LaunchError, Unreachable, LookupError) as problem:
            problems.append(str(problem))
        except OSError as problem:
            if record is None:
                raise
            problems.append(f"cannot record in {record}: {problem.strerror}")
        except KeyboardInterrupt:
            problems.append("interrupted" + (f"; what was recorded so far is in {record}" if record else ""))
            break
        del exchanges[len(reports) :]
    return reports, problems


def run_one(
    target: Target,
    rules: Sequence[Rule],
    choice: Choice | None,
    record: Path | None,
    options: dict[str, Any],
    on_exchanges: OnExchanges | None = None,
    known: Sequence[Known] = (),
) -> Report:
    """Judge one target, with a bar on the screen."""
    key = os.environ.get(target.key_env) or None
    quick = options["profile"] == "quick"
    chosen: list[Probe | Trial] = [*probes_for(rules), *(() if quick else trials_for(rules))]
    total = sum(1 for one in chosen if one.runs_on(target.features))
    with progress() as bar:
        task = bar.add_task(target.name, total=total)

        def on_step(done: Probe | Trial, _: object) -> None:
            bar.update(task, advance=1, description=f"{target.name} {done.name}")

        def on_launch(says: str, log: Path) -> None:
            if bar.tasks[0].description == target.name:
                say(f"{target.name} {says}; its log is {log}")
            bar.update(task, description=f"{target.name} {says}")

        order = Order(
            rules=rules,
            strict=options["profile"] == "strict",
            quick=quick,
            record_to=record,
            notes=options["notes"],
            on_progress=on_step,
            on_launch=on_launch,
            on_plan=lambda plan: say(said_of(plan, target.name, virtual=target.name == targets.BUILT_IN)),
            on_trial=on_step,
            on_exchanges=on_exchanges,
            again=_again(target, options),
            candidates=choice.unscored if choice else frozenset(),
            measure=choice.measure if choice else None,
            known=known,
        )
        return asyncio.run(run_target(target, key=key, order=order))


def _again(target: Target, options: dict[str, Any]) -> str:
    """The command that judges this target again, up to the rules."""
    profile = ["--profile", options["profile"]] if options["profile"] != "full" else []
    return shlex.join(["streamspec", "run", *said_again(target, options), *profile])
