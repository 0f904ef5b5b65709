"""`streamspec mock`: serve the mock server. Knows none of its workings."""

import json
import os
from pathlib import Path

import click

import schemas
from conformance.loading import LoadError, load
from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Exchange
from conformance.rules.behaviour import Behaviour, Overflow, Stops
from mockserver import dialects, rates
from mockserver.answering import CONTEXT, Settings
from mockserver.control import TOKEN
from mockserver.relaying import Relay, RelayError
from mockserver.replaying import Replay
from mockserver.serving import serve

from .terminal import fail, out, say

OVERFLOWS = {"queue": Overflow.QUEUE, "refuse": Overflow.REFUSE}
GOES_ON = Behaviour(name="keeps-generating", stops=Stops.NEVER)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same request: same bytes.")
@click.option("--fault", metavar="RULE[#FAULT]", help="Break this rule: a mutant in every answer, or a behaviour.")
@click.option("--slots", default=0, type=click.IntRange(0), help="Requests worked on at the same time (default: all).")
@click.option(
    "--overflow",
    type=click.Choice(list(OVERFLOWS)),
    default="queue",
    show_default=True,
    help="What becomes of requests beyond the slots.",
)
@click.option("--rate-limit", metavar="N/s|N/m|N/h", help="Requests that may come in a time; beyond them 429.")
@click.option(
    "--context",
    default=CONTEXT,
    show_default=True,
    type=click.IntRange(1),
    help="Tokens that a prompt and its reply may have together.",
)
@click.option("--coalesce", is_flag=True, help="Send all that is due in one write (default: each event by itself).")
@click.option("--keep-generating", is_flag=True, help="Go on with the work for a client that has left.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes at this port; each has a journal, metrics, slots and sequences of its own.",
)
@click.option("--gzip", is_flag=True, help="Compress streams for clients that take that.")
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path),
    help="What to reply to what, in YAML; may be given again. Read anew when it changes.",
)
@click.option("--scenario-schema", is_flag=True, help="Print the JSON Schema of scenarios, for editors, and leave.")
@click.option(
    "--dialect",
    type=click.Choice(dialects.NAMES),
    default="openai",
    show_default=True,
    help="The vendor whose way of writing is spoken.",
)
@click.option(
    "--chaos",
    type=int,
    metavar="SEED",
    help="Write every answer another way, wherever the protocol leaves freedom; same seed, same request: same bytes.",
)
@click.option(
    "--replay",
    "replayed",
    multiple=True,
    metavar="FILE|FOLDER",
    type=click.Path(path_type=Path, exists=True),
    help="Answer from recordings (ours, .sse, .http, HAR, VCR); may be given again.",
)
@click.option(
    "--replay-speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0),
    help="So many times as fast; 0: at once.",
)
@click.option("--replay-ignore", multiple=True, metavar="MEMBER", help="Need not be as recorded; may be given again.")
@click.option("--record-from", metavar="URL", help="Have this endpoint answer (its URL up to /v1), and record that.")
@click.option(
    "--record",
    "folder",
    default="recordings",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where --record-from keeps its recordings.",
)
@click.option(
    "--key-env",
    help="Environment variable with the only key to let in (default: everybody is let in); with --record-from the key "
    "that the endpoint is asked with (default: the client's own).",
)
def mock(
    host: str,
    port: int,
    seed: int,
    fault: str | None,
    slots: int,
    overflow: str,
    rate_limit: str | None,
    context: int,
    coalesce: bool,
    keep_generating: bool,
    workers: int,
    gzip: bool,
    scenarios: tuple[Path, ...],
    scenario_schema: bool,
    dialect: str,
    chaos: int | None,
    replayed: tuple[Path, ...],
    replay_speed: float,
    replay_ignore: tuple[str, ...],
    record_from: str | None,
    folder: Path,
    key_env: str | None,
) -> None:
    """Serve a deterministic mock that answers like OpenAI; per request, model "mock#RULE#MUTANT" breaks one rule."""
    if scenario_schema:
        click.echo(json.dumps(schemas.load("scenario"), indent=2))
        return
    if sum(map(bool, (scenarios, replayed, record_from))) > 1:
        fail("--scenario, --replay and --record-from are three ways to answer; choose one of them")
    key = os.environ.get(key_env, "") if key_env else ""
    if key_env and not key:
        fail(f"the environment variable {key_env} is empty; set it to the key")
    try:
        settings = Settings(
            seed=seed,
            keys=frozenset({key} if key and not record_from else ()),
            slots=slots,
            overflow=OVERFLOWS[overflow],
            rate=_rate(rate_limit) if rate_limit else None,
            context=context,
            gzip=gzip,
            dialect=dialect,
            chaos=chaos,
        )
        serve(
            settings,
            host=host,
            port=port,
            fault=fault,
            on_ready=_say_ready,
            scenario=scenarios or None,
            token=os.environ.get(TOKEN, ""),
            replay=_replay(replayed, replay_speed, replay_ignore) if replayed else None,
            relay=Relay(record_from, folder, key) if record_from else None,
            coalesce=coalesce,
            behaviour=GOES_ON if keep_generating else None,
            workers=workers,
        )
    except (LookupError, ConfigurationError, RelayError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(problem.strerror or str(problem))


def _rate(text: str) -> rates.Rate:
    try:
        return rates.read(text)
    except ValueError as problem:
        fail(str(problem))


def _replay(paths: tuple[Path, ...], speed: float, ignore: tuple[str, ...]) -> Replay:
    """The recordings of these files and folders; what cannot be read is told, and fatal where nothing else is there."""
    exchanges: list[Exchange] = []
    try:
        for path in paths:
            for loaded in load(path):
                if loaded.exchange is not None:
                    exchanges.append(loaded.exchange)
                else:
                    say(f"{loaded.path}: {loaded.error}")
        replay = Replay(exchanges, speed, ignore)
    except (LoadError, ValueError) as problem:
        fail(str(problem))
    says = f"{len(exchanges) - replay.left_out} recordings"
    say(f"{says}; {replay.left_out} more have no response" if replay.left_out else says)
    return replay


def _say_ready(url: str) -> None:
    out.print(f"mock server on {url}  (Ctrl-C ends it)", markup=False, soft_wrap=True)
    out.print(f'curl -N {url}/chat/completions -H "content-type: application/json" \\', markup=False, soft_wrap=True)
    body = '{"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": true}'
    out.print(f"  -d '{body}'", markup=False, soft_wrap=True)
