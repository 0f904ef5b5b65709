"""Whole runs against servers that send literal bytes."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from conformance.probes.catalogue import PROBES, Companion, find
from conformance.probes.connection import Unreachable
from conformance.probes.endpoint import Endpoint, Limits
from conformance.probes.runner import Silent, run
from conformance.protocols import recording
from conformance.protocols.exchange import Ending
from conformance.protocols.reading import hung_up_on

KEY = "sk-very-secret-0123456789"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
GOOD = (HEAD, b"9\r\ndata: a\n\n\r\n", b"0\r\n\r\n")
QUICK = Limits(connect_s=0.3, head_s=0.15, exchange_s=0.3, linger_s=0.01)
FEATURES = {probe.feature for probe in PROBES}


@pytest.fixture
def play(peer, endpoint):
    """Run probes against a server that plays these act lists; gives what `run` gave and the server."""

    def make(*plays, probes=PROBES, limits=None, before=None, **how):
        async def go():
            async with peer(plays) as server:
                where = endpoint(server, **({"limits": limits} if limits else {}))
                if before:
                    before(server)
                return await run(where, probes, **how), server

        return asyncio.run(go())

    return make


def read(source, beside=None):
    with Path(source).open() as lines:
        return recording.read(lines, source=source, beside=beside)


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


# ---- which probes, in which order


def test_a_run_gives_one_exchange_per_probe_in_the_order_of_the_catalogue(play):
    exchanges, _ = play(GOOD, features=FEATURES)
    assert [exchange.probe for exchange in exchanges] == [probe.name for probe in PROBES]
    assert {exchange.ending for exchange in exchanges} == {Ending.EOF}


def test_a_feature_that_is_not_declared_keeps_its_probes_at_home(play):
    exchanges, _ = play(GOOD, features={"stop"})
    assert [e.probe for e in exchanges] == [probe.name for probe in PROBES if probe.runs_on({"stop"})]


def test_the_first_probe_goes_alone_and_then_as_many_as_there_are_workers(play):
    servers, connections = [], []
    play(
        (0.02, *GOOD),
        probes=[probe for probe in PROBES if probe.companion is None],
        workers=3,
        before=servers.append,
        on_progress=lambda *_: connections.append(servers[0].connections),
    )
    assert connections[:2] == [1, 4]
    assert max(open_then_and_before - done for done, open_then_and_before in enumerate(connections)) <= 3 + 1


def test_progress_is_told_after_each_probe(play):
    seen = []
    exchanges, _ = play(GOOD, on_progress=lambda probe, exchange: seen.append((probe.name, exchange)))
    assert sorted(name for name, _ in seen) == sorted(exchange.probe for exchange in exchanges)
    assert all(name == exchange.probe for name, exchange in seen)


def test_no_probes_are_no_exchanges(play):
    assert play(GOOD, probes=[])[0] == []


def test_a_run_without_workers_is_refused():
    with pytest.raises(ValueError, match="write 1 or more"):
        asyncio.run(run(Endpoint(url="http://127.0.0.1:9/v1", model="m"), PROBES, workers=0))


def test_the_key_is_left_out_of_the_probe_that_goes_without(play):
    _, server = play(GOOD, probes=[find("stream"), find("key-missing")], features={"auth"})
    assert [KEY.encode() in head for _, head, _ in server.requests] == [True, False]


# ---- companions


def test_a_twin_goes_beside_the_stream(play):
    (exchange,), server = play(GOOD, probes=[find("twin")], features={"deterministic"})
    assert (exchange.beside.probe, exchange.beside.member("stream")) == ("twin/first", False)
    assert exchange.member("stream") is True
    assert [number for number, _, _ in server.requests] == [0, 1]


def test_keep_alive_sends_both_requests_on_one_connection(play):
    (exchange,), server = play(GOOD, probes=[find("keep-alive")])
    assert [number for number, _, _ in server.requests] == [0, 0]
    assert (exchange.status, exchange.beside.status) == (200, 200)


@pytest.mark.parametrize(
    "first",
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", "fin"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"data: a\n\n", "fin"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}stray",),
    ],
    ids=["connection: close", "ended by closing", "bytes after the end"],
)
def test_keep_alive_takes_a_new_connection_where_the_first_answer_ends_it(play, first):
    (exchange,), server = play(first, GOOD, probes=[find("keep-alive")])
    assert [number for number, _, _ in server.requests] == [0, 1]
    assert exchange.status == 200


@pytest.mark.parametrize(
    "plays",
    [((*GOOD, "fin"),), ((*GOOD, "rst"),), (GOOD, ("fin",)), (GOOD, ("rst",)), ((*GOOD, 0.03, "fin"),)],
    ids=["closed at once", "reset at once", "closed on the second", "reset on the second", "closed a little later"],
)
def test_a_server_that_hangs_up_without_saying_so_gives_what_it_gives_in_memory(play, plays):
    (exchange,), _ = play(*plays, probes=[find("keep-alive")])
    twin = hung_up_on(exchange.request, probe="keep-alive", beside=exchange.beside)
    assert (exchange.ending, exchange.head, exchange.events, exchange.transport) == (
        twin.ending,
        twin.head,
        twin.events,
        twin.transport,
    )
    assert exchange.beside.status == 200


def test_a_server_that_hangs_up_is_not_taken_for_a_silent_one(play):
    probes = [find("keep-alive")] * 4
    exchanges, _ = play((*GOOD, "fin"), probes=probes, workers=1)
    assert len(exchanges) == 4


# ---- recordings


def test_every_exchange_becomes_a_recording_that_gives_the_same_exchange_again(play, tmp_path):
    exchanges, _ = play(GOOD, features=FEATURES, record_to=tmp_path / "new")
    for exchange in exchanges:
        assert read(exchange.source, beside=exchange.beside) == exchange
    word = {None: "", Companion.TWIN: "twin", Companion.BEFORE: "first", Companion.APART: "first"}
    companions = {f"{probe.name}.{word[probe.companion]}.jsonl" for probe in PROBES if probe.companion}
    assert {path.name for path in (tmp_path / "new").iterdir()} == {f"{p.name}.jsonl" for p in PROBES} | companions


def test_a_recording_names_the_one_that_goes_beside_it(play, tmp_path):
    play(GOOD, probes=[p for p in PROBES if p.companion], features=FEATURES, record_to=tmp_path)
    assert recording.read_header((tmp_path / "twin.jsonl").read_text().splitlines()[0]).beside == "twin.twin.jsonl"
    assert '"beside": "keep-alive.first.jsonl"' in (tmp_path / "keep-alive.jsonl").read_text()
    assert '"probe": "keep-alive/first"' in (tmp_path / "keep-alive.first.jsonl").read_text()


@pytest.mark.parametrize(
    "acts",
    [
        (HEAD, b"9\r\ndata: a\n\n\r\n", "hang"),
        (HEAD, b"9\r\ndata: a\n\n\r\n", "rst"),
        ("fin",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0.002, b"stray"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + f"{KEY} \xff s".encode("latin-1"), "fin"),
    ],
    ids=["timeout", "reset", "no answer", "bytes after the end", "the key, bytes that are not UTF-8, a cut body"],
)
def test_what_goes_wrong_is_in_the_recording_too(play, tmp_path, acts):
    (exchange,), _ = play(acts, probes=[find("stream")], limits=QUICK, record_to=tmp_path)
    assert read(exchange.source) == exchange


def test_a_run_that_is_interrupted_leaves_whole_recordings(peer, endpoint, tmp_path):
    async def go():
        async with peer((GOOD, (HEAD, b"9\r\ndata: a\n\n\r\n", "hang"))) as server:
            task = asyncio.create_task(run(endpoint(server), PROBES, workers=2, record_to=tmp_path))
            await server.until(lambda: len(server.requests) == 3)
            await asyncio.sleep(0.02)  # what was sent shall arrive
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()

    asyncio.run(go())
    endings = {path.name: read(str(path)).ending for path in tmp_path.iterdir()}
    assert endings.pop("stream.jsonl") is Ending.EOF
    assert list(endings.values()) == [Ending.LEFT, Ending.LEFT]


def test_the_key_is_in_no_recording_and_no_exchange_even_where_the_server_repeats_it(play, tmp_path):
    body = f'{{"error": {{"message": "who is {KEY}?"}}}}'.encode()
    answer = b"HTTP/1.1 401 Unauthorized\r\nX-Key: %s\r\nContent-Length: %d\r\n\r\n" % (KEY.encode(), len(body)) + body
    exchanges, _ = play((answer,), features=FEATURES, record_to=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if KEY in path.read_text()] == []
    assert KEY not in repr(exchanges)
    assert exchanges[0].document == {"error": {"message": "who is *************************?"}}


# ---- targets that are not there


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:{port}/v1", "refuses connections; start the server"),
        ("http://no-such-host.invalid/v1", "is not known"),
        ("https://127.0.0.1:{port}/v1", "refuses connections"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_known_at_once(url, says, tmp_path):
    endpoint = Endpoint(url=url.format(port=closed_port()), model="m", key=KEY)
    started = time.monotonic()
    with pytest.raises(Unreachable, match=says) as unreachable:
        asyncio.run(run(endpoint, PROBES, record_to=tmp_path))
    assert time.monotonic() - started < 8
    assert KEY not in str(unreachable.value)
    assert not isinstance(unreachable.value, Silent)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_takes_no_connection_in_time_is_unreachable():
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        with socket.create_connection(deaf.getsockname()), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(deaf.getsockname())  # the queue is full now
            endpoint = Endpoint(url=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", model="m", limits=QUICK)
            with pytest.raises(Unreachable, match=r"within 0\.3 s"):
                asyncio.run(run(endpoint, PROBES))


def test_a_server_that_never_answers_is_given_up_after_two_timeouts(play):
    with pytest.raises(Silent, match=r"no request came to an end within 0\.15 s") as silent:
        play(("hang",), limits=QUICK, workers=1, features=FEATURES)
    assert [exchange.ending for exchange in silent.value.exchanges] == [Ending.TIMEOUT] * 2
    assert [exchange.probe for exchange in silent.value.exchanges] == [probe.name for probe in PROBES[:2]]


def test_a_server_whose_every_stream_stalls_is_given_up_after_four(play):
    with pytest.raises(Silent) as silent:
        play((HEAD, "hang"), limits=QUICK, workers=1)
    assert [exchange.ending for exchange in silent.value.exchanges] == [Ending.TIMEOUT] * 4


def test_a_server_that_falls_silent_is_asked_once_more_and_given_up(play):
    with pytest.raises(Silent, match="answers no more: 4 of 6 probes") as silent:
        play(GOOD, GOOD, ("hang",), limits=QUICK, workers=1, probes=PROBES[:2] + PROBES[4:8], features=FEATURES)
    assert [bool(exchange.head) for exchange in silent.value.exchanges] == [True, True, False, False]


def test_a_server_that_only_hangs_on_some_requests_is_not_given_up(play):
    hang = ("hang",)
    exchanges, server = play(
        GOOD, hang, hang, GOOD, hang, GOOD, limits=QUICK, workers=1, probes=PROBES[:5], features=FEATURES
    )
    assert [bool(exchange.head) for exchange in exchanges] == [True, False, False, False, True]
    assert server.requests[3][2] == server.requests[0][2]
    assert len(server.requests) == len(PROBES[:5]) + 1


def test_a_server_that_dies_in_the_middle_is_recorded_and_given_up(play, tmp_path):
    def dies(probe, _):
        if probe.name == "usage-asked":
            servers[0].server.close()

    servers = []
    with pytest.raises(Silent, match="answers no more") as silent:
        play(
            GOOD,
            workers=1,
            features=FEATURES,
            record_to=tmp_path,
            on_progress=dies,
            before=servers.append,
        )
    assert [exchange.ending for exchange in silent.value.exchanges] == [Ending.EOF] * 2 + [Ending.RESET] * 2
    last = silent.value.exchanges[-1]
    assert last.head is None
    assert read(last.source) == last


def test_a_mistake_of_ours_is_not_wrapped_in_a_group(play):
    def fails(probe, _):
        if probe.name != "stream":
            raise KeyError(probe.name)

    with pytest.raises(KeyError):
        play(GOOD, on_progress=fails)


def test_companions_of_a_dead_server_are_recorded_too(play, tmp_path):
    def dies(probe, _):
        if probe.name == "stream":
            servers[0].server.close()

    servers = []
    with pytest.raises(Silent) as silent:
        play(
            GOOD,
            workers=1,
            probes=[find("stream"), find("keep-alive")],
            record_to=tmp_path,
            on_progress=dies,
            before=servers.append,
        )
    assert [e.beside.ending for e in silent.value.exchanges if e.beside] == [Ending.RESET]
    assert {path.name for path in tmp_path.iterdir()} == {
        "stream.jsonl",
        "keep-alive.jsonl",
        "keep-alive.first.jsonl",
    }
    assert find("keep-alive").companion is Companion.BEFORE
