"""`streamspec gateway`: our upstream and our client around a gateway. Compares nothing itself."""

import asyncio
import os
import sys
import time
from pathlib import Path

import click

from conformance.gateway import machine, report
from conformance.gateway.running import DEADLINE, Choice, GatewayReport, NotWired, run_gateway
from conformance.probes.connection import Unreachable
from conformance.probes.endpoint import Endpoint, Limits
from mockserver.upstream import Upstream

from .terminal import RED, fail, progress, say
from .writing import JSON, json_text, put, screen_of

MOST = 8 * 1024 * 1024
"""Bytes of one answer: the upstream sends less than a tenth of that."""


@click.command()
@click.option("--url", required=True, help="The gateway: the URL up to /v1.")
@click.option("--model", required=True, help="The model to ask the gateway for.")
@click.option(
    "--listen",
    default="127.0.0.1:8900",
    show_default=True,
    metavar="HOST:PORT",
    help="Where our upstream listens; the gateway has to forward to it. PORT 0: any free port.",
)
@click.option("--advertise", metavar="URL", help="How the gateway reaches our upstream, if otherwise: for hints.")
@click.option("--key-env", help="Environment variable with the key for the gateway (default OPENAI_API_KEY).")
@click.option("--only", multiple=True, metavar="GLOB", help="Only situations whose name matches; 'leaving/*' is one.")
@JSON
@click.option(
    "--timeout", type=click.FloatRange(1, 3600), default=10.0, show_default=True, help="Seconds of one answer."
)
@click.option(
    "--deadline",
    type=click.FloatRange(0.5, 600),
    default=DEADLINE,
    show_default=True,
    help="Seconds in which a client's leaving has to reach the upstream.",
)
@click.option("--record", type=click.Path(file_okay=False, path_type=Path), help="Keep both sides in this folder.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Sent with every request.")
@click.option("--wait", type=click.FloatRange(0, 600), default=0.0, help="Seconds to wait for the gateway at first.")
@click.option("--insecure", is_flag=True, help="Do not check the TLS certificate of the gateway.")
@click.option("-v", "--verbose", is_flag=True, help="List every situation and every change.")
def gateway(
    url: str,
    model: str,
    listen: str,
    advertise: str | None,
    key_env: str | None,
    only: tuple[str, ...],
    json_file: Path | None,
    timeout: float,
    deadline: float,
    record: Path | None,
    headers: tuple[str, ...],
    wait: float,
    insecure: bool,
    verbose: bool,
) -> None:
    """Tell what a gateway or proxy makes of streams: rewritten, invented, lost, delayed; and whether leaving arrives.

    Starts an upstream of our own at --listen, to which the gateway under test has to forward (that is yours to
    configure), sends marked requests through the gateway, and compares what the upstream sent with what arrived.

    \b
    streamspec gateway --url http://127.0.0.1:4000/v1 --model my-model
    streamspec gateway --url http://127.0.0.1:8080/v1 --model any --only 'leaving/*'

    Exit status: 0 nothing red, 1 a client is misled, 2 the run could not be made.
    """  # noqa: D301 - click's mark
    host, port = _address(listen)
    key = os.environ.get(key_env or "OPENAI_API_KEY", "")
    if key_env and not key:
        fail(f"the environment variable {key_env} is empty; set it to the key of the gateway")
    limits = Limits(exchange_s=timeout, head_s=timeout, max_bytes=MOST)
    try:
        endpoint = Endpoint(
            url=url, model=model, key=key, verify=not insecure, limits=limits, headers=_headers(headers)
        )
        made = asyncio.run(_run(endpoint, (host, port), Choice.of(only, deadline), advertise or "", record, wait))
    except (ValueError, LookupError, Unreachable, NotWired) as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"cannot listen on {listen}, or record: {problem.strerror or problem}; give another --listen HOST:PORT")
    except KeyboardInterrupt:
        fail("interrupted")
    trouble = put(json_file, lambda: json_text(machine.document_of(made)))  # first: a screen may go away
    report.render(made, screen_of(json_file), verbose=verbose)
    if trouble or made.problem:
        fail(trouble or made.problem)
    sys.exit(RED if made.red else 0)


async def _run(
    endpoint: Endpoint, address: tuple[str, int], choice: Choice, advertise: str, record: Path | None, wait: float
) -> GatewayReport:
    async with Upstream(time.monotonic, endpoint.model, *address) as upstream:
        if wait:
            say(f"the upstream is at {advertise or upstream.url}; waiting for the gateway to forward to it")
        with progress() as bar:
            task = bar.add_task("gateway", total=choice.steps)
            return await run_gateway(
                endpoint,
                upstream,
                choice=choice,
                advertised=advertise,
                record_to=record,
                wait=wait,
                on_progress=lambda name: bar.update(task, advance=1, description=name),
                clock=time.monotonic,
            )


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    for header in given:
        if ":" not in header:
            fail(f"--header {header!r} has no ':'; write it like 'x-team: streams'")
    return {name.strip(): value.strip() for name, _, value in (header.partition(":") for header in given)}


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        fail(f"--listen {listen!r} is no address; write it like 127.0.0.1:8900")
    return host.strip("[]") or "127.0.0.1", int(port)
