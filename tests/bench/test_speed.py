"""From raw bytes to verdict by all rules, measured against what the openai client spends merely to parse a stream."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from conformance.judge import findings_of
from conformance.protocols.chat.view import View
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

ASKED = {"model": "m", "messages": [{"role": "user", "content": "Count to 10,000"}], "stream": True}
REQUEST = Request("POST", "http://t/v1/chat/completions", (), ASKED)
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"x-request-id: req_1\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n"
)
READ = 65536
ALLOWED_RATIO = 0.4
ALLOWED_BYTES = 2048


def event(delta: str, finish: str = "null") -> bytes:
    return (
        'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk","created":1767225600,'
        '"model":"m","service_tier":"default","system_fingerprint":"fp_fc9f1d7035",'
        f'"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}\n\n'
    ).encode()


def events(count: int) -> list[bytes]:
    """A good stream of so many chunks, about 250 bytes each."""
    first = event('{"role":"assistant","content":"","refusal":null}')
    middle = [event(f'{{"content":" word number {number}"}}') for number in range(count - 2)]
    return [first, *middle, event("{}", '"stop"'), b"data: [DONE]\n\n"]


def wire(count: int) -> bytes:
    return HEAD + b"".join(b"%x\r\n%s\r\n" % (len(e), e) for e in events(count)) + b"0\r\n\r\n"


def read(raw: bytes) -> Exchange:
    reader = ExchangeReader(REQUEST)
    for start in range(0, len(raw), READ):
        reader.feed(raw[start : start + READ], start / len(raw))
    return reader.close(Ending.EOF, 1.0)


def judged(raw: bytes) -> None:
    exchange = read(raw)
    found = {name: findings for name, findings in findings_of(exchange).items() if findings}
    assert {} == found


def parsed_by_openai(body: list[bytes]) -> Callable[[], None]:
    def pieces() -> Iterator[bytes]:
        yield from body

    built_on = [c.__module__ for c in openai.DefaultHttpxClient.__mro__ if c.__module__.startswith("httpx")]
    httpx: Any = sys.modules[built_on[0].partition(".")[0]]  # httpx or its successor, as this openai has it

    def answer(request: Any) -> Any:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=pieces())

    def parse() -> None:
        with httpx.Client(transport=httpx.MockTransport(answer)) as http:
            client = openai.OpenAI(api_key="none", base_url="http://t/v1", http_client=http)
            response = http.post("http://t/v1/chat/completions")
            stream = openai.Stream(cast_to=ChatCompletionChunk, response=response, client=client)
            assert len(body) - 1 == sum(1 for _ in stream)

    return parse


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Processor time of the best of some runs. What is in memory already is none of the collector's business."""
    best = float("inf")
    for _ in range(times):
        gc.collect()
        gc.freeze()
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
        gc.unfreeze()
    return best


def test_judging_costs_less_than_half_of_what_the_openai_client_spends_on_parsing() -> None:
    count, raw = 10_000, wire(10_000)
    theirs, ours = seconds(parsed_by_openai(events(count))), seconds(lambda: judged(raw))
    reading = seconds(lambda: read(raw))
    print(f"\n{len(ALL)} rules, {count} chunks, {len(raw) // count} bytes each on the wire; us per chunk:")
    print(f"  openai parses {theirs / count * 1e6:6.1f}   ours {ours / count * 1e6:6.1f}   ratio {ours / theirs:.3f}")
    print(f"  of ours: reading {reading / count * 1e6:.1f}, rules {(ours - reading) / count * 1e6:.1f}")
    assert ours / theirs <= ALLOWED_RATIO


def test_the_dearest_rules() -> None:
    count, exchange = 10_000, read(wire(10_000))
    costs: list[tuple[float, str]] = []
    shared = 0.0
    view = View(exchange)
    for _ in range(3):  # the first pays for what the view gathers
        costs = []
        for rule in ALL:
            start = time.process_time()
            if rule.needs.fits(exchange):
                rule.findings(view if rule.needs.protocol else exchange)
            costs.append(((time.process_time() - start) / count * 1e6, rule.id))
        shared = max(shared, sum(cost for cost, _ in costs))
    own = sum(cost for cost, _ in costs)
    print(f"\nus per chunk: {shared:.2f} the first time, {own:.2f} of that the rules' own; the ten dearest:")
    for cost, name in sorted(costs, reverse=True)[:10]:
        print(f"  {cost:6.3f}  {name}")
    gathered = {}
    fresh = View(exchange)
    for name in ("chunks", "errors", "unreadable", "illegal", "choices", "usages", "schema_errors", "completed"):
        start = time.process_time()
        getattr(fresh, name)
        gathered[name] = (time.process_time() - start) / count * 1e6
    print("  gathered by the view: " + ", ".join(f"{name} {cost:.2f}" for name, cost in gathered.items()))
    assert max(costs)[0] < 4.0


def test_memory_per_chunk_is_small() -> None:
    count, raw = 10_000, wire(10_000)
    read(raw[:10_000])
    gc.collect()
    tracemalloc.start()
    exchange = read(raw)
    held, peak_reading = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    findings_of(exchange)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"\nbytes per chunk: {held / count:.0f} held, {peak_reading / count:.0f} at most while reading, ", end="")
    print(f"{peak / count:.0f} at most while judging")
    assert max(peak, peak_reading) / count <= ALLOWED_BYTES


def test_cost_grows_linearly() -> None:
    costs = {}
    for count in (10_000, 50_000, 200_000):
        raw = wire(count)
        costs[count] = seconds(partial(judged, raw), times=3) / count * 1e6
    print("\nus per chunk: " + ", ".join(f"{cost:.1f} at {count}" for count, cost in costs.items()))
    assert max(costs.values()) / min(costs.values()) < 1.3
