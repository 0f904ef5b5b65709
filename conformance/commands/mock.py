"""`streamspec mock`: serve the mock server. Knows none of its workings."""

import json
import os
from pathlib import Path

import click

import schemas
from conformance.mistakes import ConfigurationError
from conformance.rules.behaviour import Overflow
from mockserver import dialects
from mockserver.answering import Settings
from mockserver.app import serve

from .terminal import fail, out

OVERFLOWS = {"queue": Overflow.QUEUE, "refuse": Overflow.REFUSE}


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
@click.option("--key-env", help="Environment variable with the only key to let in (default: everybody is let in).")
def mock(
    host: str,
    port: int,
    seed: int,
    fault: str | None,
    slots: int,
    overflow: str,
    gzip: bool,
    scenarios: tuple[Path, ...],
    scenario_schema: bool,
    dialect: str,
    chaos: int | None,
    key_env: str | None,
) -> None:
    """Serve a deterministic mock that answers like OpenAI; per request, model "mock#RULE#MUTANT" breaks one rule."""
    if scenario_schema:
        click.echo(json.dumps(schemas.load("scenario"), indent=2))
        return
    keys = frozenset[str]()
    if key_env:
        if not os.environ.get(key_env):
            fail(f"the environment variable {key_env} is empty; set it to the key to let in")
        keys = frozenset({os.environ[key_env]})
    try:
        settings = Settings(
            seed=seed,
            keys=keys,
            slots=slots,
            overflow=OVERFLOWS[overflow],
            gzip=gzip,
            dialect=dialect,
            chaos=chaos,
        )
        serve(settings, host=host, port=port, fault=fault, on_ready=_say_ready, scenario=scenarios or None)
    except (LookupError, ConfigurationError) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(problem.strerror or str(problem))


def _say_ready(url: str) -> None:
    out.print(f"mock server on {url}  (Ctrl-C ends it)", markup=False, soft_wrap=True)
    out.print(f'curl -N {url}/chat/completions -H "content-type: application/json" \\', markup=False, soft_wrap=True)
    body = '{"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": true}'
    out.print(f"  -d '{body}'", markup=False, soft_wrap=True)
