"""What the reference server's protocol layer costs per token and per stream, told apart from what its engine costs.

    python -m tests.bench.protocol_cost                 # all of it, as a table; needs the extra `engine`
    python -m tests.bench.protocol_cost --without-torch # the protocol layer alone

The protocol layer is everything but the engine: JSON, template, tokenising, telling, writing, SSE, sockets. It is
measured with the scripted engine behind it, whose tokens cost next to nothing, and what that engine costs by itself is
taken off. Then the torch engine with the tiny model by itself, and both together, so that the sum can be held against
what was measured. Costs are processor time of the whole process, threads included. Streams of two lengths are made,
32 at a time: the difference is the tokens, what is left is the stream.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from timeit import Timer
from typing import Any

from conformance.protocols.chat import emitter
from conformance.wire import encoder
from mockserver.answering import Settings
from mockserver.engines.decoding.events import Token
from mockserver.engines.decoding.scripted import scripted
from mockserver.reference import asking, opening, template, words
from mockserver.reference.asking import Model
from mockserver.reference.guiding import Guiding
from mockserver.reference.server import ReferenceServer
from mockserver.reference.telling import Choice
from mockserver.reference.writing import About, ChatWriter
from tests.bench.servers import CHAT, alone_on, server

HERE = Path(__file__).parent
LOADGEN = HERE.parents[2] / "shared/tools/loadgen.c"
PYTHON = (sys.executable, "-W", "ignore", "-m", "tests.bench.protocol_cost")
SHORT, LONG = 8, 136
AT_ONCE = 32
SAID = "The server says this, and goes on saying it: one, two, three. "
PROMPT = "Write forever"
KINDS = ("scripted", "torch")
MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds of processor time."""

    token: float
    stream: float

    def less(self, other: "Cost") -> "Cost":
        """What is left without the other."""
        return Cost(self.token - other.token, self.stream - other.stream)


def body_of(tokens: int) -> dict[str, Any]:
    """The request for a stream of so many tokens."""
    messages = [{"role": "user", "content": PROMPT}]
    return {"model": "tiny", "messages": messages, "stream": True, "ignore_eos": True, "max_tokens": tokens}


def server_of(kind: str, port: int) -> ReferenceServer:
    """The reference server with the tiny model's words, and one of the engines."""
    if kind == "torch":
        opened: ReferenceServer = opening.opened(opening.Wanted(options={"device": "cpu", "rows": AT_ONCE}), port=port)
        return opened
    known = words.load(opening.SHIPPED)
    end = known.added["<|im_end|>"]
    script = known.encode(SAID) * 100
    engine = scripted(lambda request, choice: script, vocabulary=known.size, stop_token=end)
    read = template.load(opening.SHIPPED, known)
    model = Model(engine.info, known, read, Guiding(known, known.size, [end]))
    return ReferenceServer(engine, model, Settings(models=("tiny",)), port=port)


async def serve(kind: str, port: int) -> None:
    """Serve until killed."""
    async with server_of(kind, port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


async def alone(kind: str, tokens: int, seconds: float) -> float:
    """Seconds of processor time per stream, of an engine whose events are read and dropped."""
    server = server_of(kind, 0)
    engine, model = server._engine, server._model
    await engine.start()
    done = 0

    async def keep_on(number: int, until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            asked = asking.of_chat(body_of(tokens), model, f"{number}-{done}").requests[0]
            told = sum([len(event.tokens) async for event in engine.submit(asked)])
            assert tokens == told
            done += 1

    async def all_of(seconds: float) -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(keep_on(number, until) for number in range(AT_ONCE)))

    await all_of(seconds / 4)
    done, before = 0, time.process_time()
    await all_of(seconds)
    cost = (time.process_time() - before) / done
    await engine.stop()
    reading = Timer(lambda: asking.of_chat(body_of(tokens), model, "x"))
    return cost - min(reading.repeat(5, 100)) / 100


def alone_of(kind: str, seconds: float) -> Cost:
    """What an engine costs by itself."""
    command = [*alone_on(0), *PYTHON, "alone", kind]
    costs = []
    for tokens in (SHORT, LONG):
        done = subprocess.run([*command, str(tokens), str(seconds)], stdout=subprocess.PIPE, check=True)
        costs.append(float(done.stdout))
    return split(*costs)


def served_by(kind: str, client: tuple[str, ...], folder: Path, seconds: float) -> Cost:
    """What a server costs, all of it: one of ours, or `bare`, which writes as many events and does nothing else."""
    costs = []
    for tokens in (SHORT, LONG):
        body = folder / "body.json"
        body.write_text(json.dumps(body_of(tokens)))
        bare = (sys.executable, str(HERE / "floor.py"), "PORT", str(tokens))
        with server(*bare if kind == "bare" else (*PYTHON, "serve", kind, "PORT")) as (port, process):
            words_ = [*client, str(port), CHAT, str(body), str(AT_ONCE), "1", str(seconds), "pids", str(process.pid)]
            done = subprocess.run([*alone_on(1), *words_], stdout=subprocess.PIPE, check=True)
        found = json.loads(done.stdout)
        assert 0 == found["streams_bad"]
        costs.append(found["server_cpu_s"] / found["streams_ok"])
    return split(*costs)


def split(short: float, long: float) -> Cost:
    """The cost of a token and of a stream, from the seconds that streams of both lengths cost."""
    token = (long - short) / (LONG - SHORT)
    return Cost(MICRO * token, MICRO * (short - SHORT * token))


def best(measure: Callable[[], Cost], rounds: int) -> Cost:
    """The least of several, token and stream each by itself."""
    costs = [measure() for _ in range(rounds)]
    return Cost(min(cost.token for cost in costs), min(cost.stream for cost in costs))


def parts() -> dict[str, Cost]:
    """What parts of the protocol layer cost, each called by itself in this process."""
    model = server_of("scripted", 0)._model
    asked = asking.of_chat(body_of(LONG), model, "x")
    tokens = [Token(number) for number in (model.words.encode(SAID) * 100)[:1000]]
    about = About(id=f"chatcmpl-{32 * '0'}", created=1_767_225_600, model="tiny", fingerprint="fp_fast")

    def tell() -> list[dict[str, Any]]:
        choice = Choice(words=model.words)
        writer = ChatWriter(about, asked, [choice], model.words, keeps=False)
        return [writer.say(0, said) for token in tokens for said in choice.take([token], None)]

    def sent(chunks: list[dict[str, Any]]) -> int:
        return sum(len(encoder.chunk(encoder.message(emitter.dumps(chunk)))) for chunk in chunks)

    chunks = tell()
    prompt = [{"role": "user", "content": PROMPT}]
    return {
        "template and tokens of the prompt": Cost(0.0, seconds_of(lambda: model.template.prompt(prompt))),
        "asking, these included": Cost(0.0, seconds_of(lambda: asking.of_chat(body_of(LONG), model, "x"))),
        "telling and writing": Cost(seconds_of(tell) / len(tokens), 0.0),
        "JSON and SSE": Cost(seconds_of(lambda: sent(chunks)) / len(tokens), 0.0),
    }


def seconds_of(act: Callable[[], object]) -> float:
    """Microseconds of processor time, the least of several times."""
    timer = Timer(act, timer=time.process_time)
    return MICRO * min(timer.repeat(7, 20)) / 20


def costs_of(
    kinds: Sequence[str], client: tuple[str, ...], folder: Path, seconds: float, rounds: int
) -> dict[str, Cost]:
    """Everything, by name."""
    costs = {"bare aiohttp handler": best(lambda: served_by("bare", client, folder, seconds), rounds)}
    for kind in kinds:
        costs[f"{kind} engine alone"] = best(lambda kind=kind: alone_of(kind, seconds), rounds)  # type: ignore[misc]
        costs[f"server, {kind} engine"] = best(lambda kind=kind: served_by(kind, client, folder, seconds), rounds)  # type: ignore[misc]
    costs["protocol layer"] = costs["server, scripted engine"].less(costs["scripted engine alone"])
    if "torch" in kinds:
        protocol, engine = costs["protocol layer"], costs["torch engine alone"]
        costs["protocol layer + torch engine"] = Cost(protocol.token + engine.token, protocol.stream + engine.stream)
    return costs


def client_in(folder: Path) -> tuple[str, ...]:
    """The command of the load client."""
    if not (LOADGEN.is_file() and shutil.which("cc")):
        return (sys.executable, str(HERE / "load.py"))
    built = folder / "loadgen"
    subprocess.run(["cc", "-O2", "-o", str(built), str(LOADGEN)], check=True)
    return (str(built),)


def main() -> None:
    """Serve, or run an engine alone, for the measuring; else print the table."""
    match sys.argv[1:]:
        case ["serve", kind, port]:
            asyncio.run(serve(kind, int(port)))
        case ["alone", kind, tokens, seconds]:
            print(asyncio.run(alone(kind, int(tokens), float(seconds))))
        case words_:
            show(words_)


def show(words_: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-torch", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=2)
    told = parser.parse_args(words_)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = KINDS[:1] if told.without_torch else KINDS
        costs = costs_of(kinds, client_in(folder), folder, told.seconds, told.rounds)
    print(f"load {os.getloadavg()[0]:.0f}; {AT_ONCE} at once, streams of {SHORT} and {LONG} tokens")
    print("| processor time, microseconds | a token | a stream |\n|---|---|---|")
    for name, cost in (costs | parts()).items():
        print(f"| {name} | {cost.token:.1f} | {cost.stream:.0f} |")


if __name__ == "__main__":
    main()
