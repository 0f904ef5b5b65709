"""`streamspec serve`: serve a real model by the reference server. Knows none of its workings."""

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mockserver.port import why_not_at
from mockserver.reference import opening

from .terminal import fail, say


@click.command()
@click.option(
    "--model",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a transformers model: config, safetensors, tokenizer.json, chat template (default: the tiny one)."
    " From a hub: hf download NAME --local-dir FOLDER. Pickled weights are not read, code beside them is not run.",
)
@click.option("--name", default="", help="The name by which clients ask for it (default: that of the folder).")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option(
    "--engine",
    type=click.Choice(["torch", "vllm"]),
    default="torch",
    show_default=True,
    help="What decodes: our own engine, or vLLM's.",
)
@click.option(
    "--vllm",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of vLLM's AsyncEngineArgs, as tensor_parallel_size=2; several times.",
)
@click.option(
    "--mode",
    type=click.Choice(["fast", "constant"]),
    default="fast",
    show_default=True,
    help="constant: a reply is the same to the bit whatever else is decoded at the same time.",
)
@click.option("--device", help="cpu, cuda, cuda:1 (default: cuda where there is one).")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    help="Of the weights (default: bfloat16 on cuda, else float32).",
)
@click.option("--rows", type=click.IntRange(1), help="Choices that are decoded together (default: 64; constant: 32).")
@click.option("--context", type=click.IntRange(2), help="Tokens of prompt and reply together (default: the model's).")
@click.option("--key-env", metavar="NAME", help="Environment variable with the key that clients must send.")
def serve(
    folder: Path | None,
    name: str,
    host: str,
    port: int,
    engine: str,
    arguments: Sequence[str],
    mode: str,
    device: str | None,
    precision: str | None,
    rows: int | None,
    context: int | None,
    key_env: str | None,
) -> None:
    """Serve a real model, conformant in every rule, until Ctrl-C.

    \b
    streamspec serve                                  the tiny model that comes with streamspec
    streamspec serve --model ~/models/qwen --port 0   any other; needs no network
    streamspec run --url http://127.0.0.1:8000/v1 --model tiny

    Needs torch: pip install 'streamspec[engine]'. Watch it at /health, /metrics and /debug/state.

    With --engine vllm it is vLLM that decodes: pip install 'streamspec[vllm]'. It has no --mode constant, and takes
    its device from how it is installed.
    """  # noqa: D301 - \b is click's word for "leave these lines as they are"
    keys = frozenset({os.environ.get(key_env, "")} - {""}) if key_env else frozenset()
    if key_env and not keys:
        fail(f"--key-env {key_env}: there is no such environment variable, or it is empty")
    options = {"mode": mode, "device": device, "precision": precision, "rows": rows, "context": context}
    wanted = opening.Wanted(
        folder=folder, name=name, keys=keys, engine=engine, options=options, arguments=_read(arguments)
    )
    if (taken := why_not_at(host, port)) is not None:  # loading a model takes its time: told before
        fail(taken)
    say(f"opening {folder or 'the tiny model'}")
    try:
        server = opening.opened(wanted, host, port)
    except opening.OpeningError as error:
        fail(str(error))

    async def live() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
        async with server:
            info = server.info
            run = f"{info.device} {info.precision}, context {info.context}, {info.mode}"
            say(f"{server.url}  model {info.model}, {run}, {server.blocks} blocks of memory")
            say(f"streamspec run --url {server.url} --model {info.model}")
            say(f"at {server.url.removesuffix('/v1')}: /health /metrics /debug/state; Ctrl-C stops")
            await over.wait()
            say("stopping: what is at work may end; Ctrl-C again stops at once")
            for number in (signal.SIGINT, signal.SIGTERM):  # threads may be at work: nothing less ends them
                loop.add_signal_handler(number, os._exit, 128 + number)

    try:
        asyncio.run(live())
    except OSError as error:
        fail(str(error.strerror or error))


def _read(arguments: Sequence[str]) -> dict[str, Any]:
    """Arguments by name. Their values are JSON where they can be read as such, else text."""
    found: dict[str, Any] = {}
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if not equals or not name.isidentifier():
            fail(f"--vllm {argument}: write it as NAME=VALUE, with a name of vLLM's AsyncEngineArgs")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
