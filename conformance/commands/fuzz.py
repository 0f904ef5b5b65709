"""`streamspec fuzz`: requests that nobody tried, for a live server. Judges nothing itself."""

import os
import secrets
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from conformance.known import by_rule
from conformance.launching import LaunchError, ended_like_ctrl_c, launched
from conformance.probes.connection import Unreachable
from conformance.protocols.chat import dialects
from conformance.protocols.credentials import without_credentials_in_url
from conformance.report.machine import suite
from conformance.running import BUILT_IN_KEY, BUILT_IN_SETTINGS, endpoint_of
from conformance.serverfuzz import fuzzing, keeping, report
from conformance.serverfuzz.asking import Asker, Caps
from conformance.serverfuzz.calibrating import Unfit
from conformance.serverfuzz.campaign import Campaign, Order, folder_of
from conformance.serverfuzz.in_process import in_process
from conformance.serverfuzz.judging import Court
from conformance.serverfuzz.requests import Offer
from conformance.serverfuzz.streams import TOKENS
from conformance.targets import BUILT_IN, ConfigurationError, Target
from mockserver.app import MockServer

from . import targeting
from .targeting import TARGET, choose_one, said_again
from .terminal import RED, UNUSABLE, fail, progress, say
from .writing import JSON, screen_of, write_json

EXAMPLES = 500
PER_EXAMPLE, BESIDES = 8, 2000
"""Requests that a campaign may make at the most, unless told otherwise: shrinking takes some, too."""
MOST_CHOICES = 2
DATABASE = ".streamspec/examples"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a campaign may cost."""

    examples: int
    caps: Caps
    tokens: int

    @property
    def says(self) -> str:
        """In words."""
        each = max(self.tokens * MOST_CHOICES, TOKENS * MOST_CHOICES)
        limit = f", {self.caps.seconds:g} s" if self.caps.seconds < float("inf") else ""
        return (
            f"{self.examples} examples of one request or a few; {self.caps.requests} requests at the most{limit}, "
            f"with answers of {each} tokens at the most: {self.caps.requests * each} tokens"
        )


@click.command()
@targeting.options(*TARGET)
@click.option("--examples", type=click.IntRange(10, 1_000_000), default=EXAMPLES, show_default=True)
@click.option("--time", "seconds", type=click.FloatRange(1), metavar="S", help="Seconds that the campaign may take.")
@click.option(
    "--seed", type=click.IntRange(0), help="The same seed, the same campaign (default: another one each time)."
)
@click.option(
    "--max-requests", type=click.IntRange(50), metavar="N", help="Requests at the most, those of shrinking too."
)
@click.option("--max-tokens", type=click.IntRange(2, 4096), default=24, show_default=True, help="Limit of each choice.")
@click.option("--level", type=click.Choice(["must", "should"]), default="must", show_default=True, help="What counts.")
@click.option("--first", is_flag=True, help="The first kind of failure is enough.")
@click.option(
    "--database",
    default=DATABASE,
    show_default=True,
    metavar="WHERE",
    help="What failed is kept here and comes first next time: a folder, a Redis URL, or none.",
)
@click.option("--record", type=click.Path(file_okay=False, path_type=Path), help="Record each kind of failure in here.")
@JSON
def fuzz(examples: int, seed: int | None, max_tokens: int, **options: Any) -> None:
    """Send a server requests that nobody tried, and shrink what goes wrong to what one can file.

    Valid requests of everything that the target declares, pairs of requests whose answers have to agree, requests with
    one thing wrong, and several streams that are opened, read and left in any order. What is wrong is shrunk, and shown
    once for each kind of failure, as curl and as Python. What it may cost is said before it begins.

    \b
    streamspec fuzz                                    the built-in mock server, in memory
    streamspec fuzz --url http://127.0.0.1:8000/v1 --model my-model --feature tools
    streamspec fuzz llamacpp --examples 500 --seed 7 --record found/

    Exit status: 0 no failure, 1 failures, 2 the campaign could not be made, or was interrupted with nothing found.
    """  # noqa: D301 - click's mark
    seed = secrets.randbelow(2**32) if seed is None else seed
    cost = Cost(examples, _caps(examples, options), max_tokens)
    try:
        target = choose_one(options, "campaign")
        database = None if options["database"] == "none" else keeping.opened(options["database"])
        key = os.environ.get(target.key_env) or None
        campaign = _run(target, key, cost, seed, database, options)
    except (ConfigurationError, LaunchError, Unreachable, LookupError, Unfit, ValueError) as problem:
        fail(str(problem))
    except KeyboardInterrupt:
        fail("interrupted before anything was sent that counts")
    except OSError as problem:
        fail(f"cannot keep or record: {problem.strerror or problem}")
    _tell(campaign, target.key_env if key else "", options, _again(target, cost, seed, options))


def _caps(examples: int, options: dict[str, Any]) -> Caps:
    requests = options["max_requests"] or PER_EXAMPLE * examples + BESIDES
    return Caps(requests=requests, seconds=options["seconds"] or float("inf"))


def _run(target: Target, key: str | None, cost: Cost, seed: int, database: Any, options: dict[str, Any]) -> Campaign:
    features = target.features
    known = by_rule(target.known_failures, target=target.name, today=datetime.now(UTC).date())
    dialect = dialects.OPENAI if target.dialect == dialects.AUTO else dialects.find(target.dialect)
    court = Court(dialect, features, known, strict=options["level"] == "should")
    offer = Offer(features, cost.tokens, MOST_CHOICES, target.slots)
    name = target.name if not options["url"] else without_credentials_in_url(target.url)
    say(f"{target.name}: {cost.says}; seed {seed}")
    with ended_like_ctrl_c(), progress() as bar:
        task = bar.add_task(target.name, total=cost.examples)

        def on_step(campaign: Campaign) -> None:
            doing = f"shrinks {campaign.hunted}" if campaign.hunted else f"{len(campaign.found)} kinds of failure"
            bar.update(task, completed=campaign.examples, description=f"{target.name} {doing}")

        order = Order(
            examples=cost.examples,
            first=options["first"],
            seed=seed,
            target=name,
            database=database,
            record_to=options["record"],
            on_step=on_step,
        )
        with _asker(target, key, cost.caps) as asker:
            asker.notes = {"fuzz_seed": str(seed)}
            return fuzzing.fuzz(asker, court, offer, order, target.dialect, lambda _: None)


@contextmanager
def _asker(target: Target, key: str | None, caps: Caps) -> Iterator[Asker]:
    if target.name == BUILT_IN:
        with in_process(lambda: MockServer(BUILT_IN_SETTINGS, port=None), key=BUILT_IN_KEY, caps=caps) as asker:
            yield asker
        return
    started = None if target.launch is None else lambda: launched(target, lambda says, _: say(f"{target.name} {says}"))
    with fuzzing.over_network(endpoint_of(target, key), caps, started) as asker:
        yield asker


def _tell(campaign: Campaign, key: str, options: dict[str, Any], again: str) -> None:
    folder: Path | None = options["record"]
    recordings = {
        kind: str(folder / folder_of(kind)) for kind in campaign.found if folder and (folder / folder_of(kind)).is_dir()
    }
    report.render(campaign, screen_of(options["json_file"]), key=key, recordings=recordings, again=again)
    write_json(options["json_file"], report.document(campaign, suite=suite(), key=key, recordings=recordings))
    sys.exit(RED if campaign.found else UNUSABLE if campaign.interrupted else 0)


def _again(target: Target, cost: Cost, seed: int, options: dict[str, Any]) -> str:
    """The command that makes the same campaign again."""
    words = said_again(target, options)
    words += ["--max-requests", str(options["max_requests"])] if options["max_requests"] is not None else []
    words += ["--max-tokens", str(cost.tokens), "--examples", str(cost.examples), "--seed", str(seed)]
    words += ["--level", "should"] if options["level"] == "should" else []
    return shlex.join(["streamspec", "fuzz", *words, "--database", "none"])
