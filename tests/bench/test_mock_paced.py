"""How many paced streams the mock server carries on one core, beside a bare loop in C which does nothing but write.

    pytest tests/bench/test_mock_paced.py -m bench -s -p no:cacheprovider

Carried is what comes with p99 less than 10 ms late, no stream lost. The loop (`floor.c`) is what the machine itself
can do: 5,000 streams of an event every 20 ms are 250,000 system calls a second, which may be more than a core has. The
client (`paced.c`) is the same for both. It measures against the earliest event of each stream, and sleeps by the clock:
a client that is woken by what comes costs the core of the server, where both are on one machine, a third of a write.
"""

import json
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.floor import EVENT
from tests.bench.servers import CAN_MEASURE, CHAT, LIST, REASON, alone_on, asked, ours, server

pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (CAN_MEASURE and shutil.which("cc")), reason=f"{REASON}, and a C compiler"),
]
HERE = Path(__file__).parent
GAP = 0.02
EVENTS = 100
TRIED = (500, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 5000)
LATE = 10.0
"""Milliseconds."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both programs and what they send; and as many files as they need."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files[1] < 2 * max(TRIED):
        pytest.skip(f"{files[1]} files may be open, {2 * max(TRIED)} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (files[1], files[1]))
    folder = tmp_path_factory.mktemp("paced")
    for name in ("floor", "paced"):
        subprocess.run(["cc", "-O2", "-o", str(folder / name), str(HERE / f"{name}.c")], check=True)
    body = asked(LIST, EVENTS)
    head = f"POST {CHAT} HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n"
    (folder / "request").write_bytes(head.encode() + body)
    (folder / "head").write_bytes(HEAD)
    (folder / "event").write_bytes(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
    return folder


@contextmanager
def floor(built: Path, gap: float) -> Iterator[tuple[int, psutil.Process]]:
    """The bare loop."""
    files = [str(built / name) for name in ("head", "event")]
    with server(str(built / "floor"), "PORT", str(EVENTS), str(gap), *files) as running:
        yield running


def measured(built: Path, running: Any, streams: int, gap: float, says: str) -> dict[str, float]:
    """What the client says of so many streams, and what they cost."""
    with running as (port, process):
        idle, before = process.memory_info().rss, sum(process.cpu_times()[:2])
        words = [str(built / "paced"), str(port), str(built / "request"), str(streams), str(EVENTS), str(gap), "2"]
        found = json.loads(subprocess.run([*alone_on(1), *words], check=True, stdout=subprocess.PIPE).stdout)
        found["cpu"] = (sum(process.cpu_times()[:2]) - before) / found["seconds"]
        found["idle_mb"] = idle / 2**20
        found["kb_each"] = (process.memory_info().rss - idle) / streams / 1024
    print(
        f"\n{says}, {streams} streams, {1000 * gap:.0f} ms gap: late by {found['p50']:.1f} ms (p50), "
        f"{found['p99']:.1f} (p99), {found['most']:.1f} at most; {found['lost']} lost; {found['cpu']:.0%} of a core",
        end="",
    )
    return found


def test_it_carries_half_of_the_streams_that_a_bare_loop_does(built: Path) -> None:
    """Of each more are tried until it carries them no longer; the most in any case, and none is lost."""
    most, tired = {"bare C": 0, "ours": 0}, set()
    for streams in TRIED:
        for name, running in (("bare C", floor(built, GAP)), ("ours", ours(gap=GAP))):
            if name in tired and streams != max(TRIED):
                continue
            found = measured(built, running, streams, GAP, name)
            assert 0 == found["lost"]
            if found["p99"] < LATE and name not in tired:
                most[name] = streams
            else:
                tired.add(name)
    print(f"\ncarried at {1000 * GAP:.0f} ms: {most}", end="")
    assert most["bare C"]
    assert most["ours"] >= 0.5 * most["bare C"]


def test_five_thousand_streams_are_on_time_where_their_events_are_few(built: Path) -> None:
    found = measured(built, ours(gap=0.2), 5000, 0.2, "ours")
    print(f"; {found['idle_mb']:.0f} MB idle, {found['kb_each']:.0f} kB for each stream", end="")
    assert 0 == found["lost"]
    assert found["p99"] < LATE
    assert found["idle_mb"] <= 60
    assert found["kb_each"] <= 40
