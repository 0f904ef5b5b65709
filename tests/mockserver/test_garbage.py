"""Whatever is thrown at a server: no 500, no hang, no answer that its OpenAPI document does not know, no growth.

The requests are drawn from that document, with a mistake here and there, or made of bytes that mean nothing.
"""

import gc
import http.client
import json
import random
import re
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import schemas
from mockserver import MockServer, Settings, openapi
from mockserver.hosting import hosted

DOCUMENT = openapi.document()
OPERATIONS = [(path, method.upper()) for path, operations in DOCUMENT["paths"].items() for method in operations]
POSTS = [operation for operation in OPERATIONS if operation[1] == "POST"]
PATIENCE = 10.0
"""Seconds after which an answer counts as one that does not come."""
GROWTH = 200_000
"""Bytes that may be kept of requests that have all been seen before."""
RESIDENT = 16 * 1024 * 1024
"""Bytes by which a process may grow over ten thousand requests, when it has seen three thousand."""

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["mock", "\x00", "𝕏"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def resolved(schema: Any) -> Any:
    while isinstance(schema, dict) and "$ref" in schema:
        found: Any = DOCUMENT
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def values(schema: Any, *, careful: bool) -> st.SearchStrategy[Any]:
    """Values for a schema; patterns and conditions are left to chance. Careless ones have a mistake now and then."""
    schema = resolved(schema)
    if "const" in schema:
        fitting = st.just(schema["const"])
    elif "enum" in schema:
        fitting = st.sampled_from(schema["enum"])
    else:
        kinds = schema.get("type", [])
        made = [by_type(kind, schema, careful=careful) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
        fitting = st.one_of(*made) if made else ANYTHING
    return fitting if careful else st.integers(0, 29).flatmap(lambda chance: ANYTHING if chance == 13 else fitting)


def by_type(kind: str, schema: Any, *, careful: bool) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum"), schema.get("maximum")
    match kind:
        case "object":
            members = {name: values(inner, careful=careful) for name, inner in schema.get("properties", {}).items()}
            if not members:
                more = schema.get("additionalProperties")
                return st.dictionaries(
                    st.text(max_size=4), values(more, careful=careful) if more else ANYTHING, max_size=3
                )
            required = {name: members.pop(name) for name in schema.get("required", []) if name in members}
            return st.fixed_dictionaries(required, optional=members)
        case "array":
            inner = values(schema.get("items", {}), careful=careful)
            return st.lists(inner, min_size=schema.get("minItems", 0), max_size=3)
        case "string":
            return st.sampled_from(["mock", "get_weather"]) if "pattern" in schema else st.text(max_size=20) | WORDS
        case "integer":
            return st.integers(low, min(high, 5) if high is not None else 40) if low is not None else st.integers()
        case "number":
            return st.floats(low, high)
        case "boolean":
            return st.booleans()
        case _:
            return st.none()


WORDS = st.sampled_from(
    ["Say hi", "Count from 1 to 10", "Write unicode", "Look then call", "What is the weather in Paris?"]
)
TOGETHER = {"stream_options": "stream", "top_logprobs": "logprobs"}
WITH_TOOLS = ("tool_choice", "parallel_tool_calls")
UNSERVED = ("suffix", "best_of", "response_format")


def mended(value: dict[str, Any]) -> dict[str, Any]:
    """The body of a request without what does not go together."""
    value = {name: inner for name, inner in value.items() if name not in UNSERVED} | {"model": "mock"}
    value |= {other: True for name, other in TOGETHER.items() if name in value}
    if "prompt" in value:
        value["prompt"] = str(value["prompt"])
    return value if value.get("tools") else {name: value[name] for name in value if name not in WITH_TOOLS}


def dumped(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def spoiled(raw: bytes, seed: int) -> bytes:
    """The bytes with a few of them lost, doubled or changed."""
    chance, left = random.Random(seed), bytearray(raw)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(left) + 1)
        left[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    return bytes(left)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    path, method = draw(st.sampled_from(OPERATIONS) | st.sampled_from(POSTS[:2]))
    operation = DOCUMENT["paths"][path][method.lower()]
    path = path.replace("{model}", quote(draw(st.text(max_size=8))))
    headers = {"content-type": "application/json"}
    body = b""
    if "requestBody" in operation:
        careful = draw(st.booleans())
        value = draw(values(operation["requestBody"]["content"]["application/json"]["schema"], careful=careful))
        if isinstance(value, dict) and path.startswith("/v1/") and careful:
            value = mended(value)
        body = dumped(value)
    match draw(st.integers(0, 19)):
        case 0:
            body = spoiled(body, draw(st.integers(0, 2**32)))
        case 1:
            headers["content-type"] = draw(st.sampled_from(["text/plain", "", "application/xml; charset=utf-9"]))
        case 2:
            headers["x-streamspec-fault"] = quote(draw(st.text(max_size=8)))
        case 3:
            method = draw(st.sampled_from(["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]))
        case 4:
            path += f"?{quote(draw(st.text(max_size=8)))}=%ff"
    return Asked(method, path, headers, body)


def ask(line: http.client.HTTPConnection, asked: Asked) -> tuple[int, str, bytes]:
    line.request(asked.method, asked.path, asked.body, asked.headers)
    answer = line.getresponse()
    return answer.status, answer.getheader("content-type", "").partition(";")[0], answer.read()


def assert_known(asked: Asked, got: tuple[int, str, bytes]) -> None:
    """The answer is one of which the OpenAPI document tells."""
    status, kind, body = got
    path = re.sub("^/v1/models/.*", "/v1/models/{model}", asked.path.partition("?")[0])
    operation = DOCUMENT["paths"].get(path, {}).get(asked.method.lower())
    if operation is None or status == 404:
        assert status in (404, 405), (asked, got)
    else:
        assert str(status) in operation["responses"], (asked, got)
    if status >= 400:
        assert schemas.fits("chat/error.strict")(json.loads(body)), (asked, got)
    elif kind == "text/event-stream":
        assert body.endswith(b"data: [DONE]\n\n"), (asked, got)
    elif path == "/v1/chat/completions":
        assert schemas.fits("chat/completion.strict")(json.loads(body)), (asked, got)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with hosted(MockServer(Settings())) as found:
        parts = urlsplit(found.server.url)
        yield str(parts.hostname), int(parts.port or 0)


def thrown(address: tuple[str, int], count: int) -> list[Asked]:
    """So many requests, each answered as the document says."""
    line = http.client.HTTPConnection(*address, timeout=PATIENCE)
    made: list[Asked] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests())
    def throw(asked: Asked) -> None:
        made.append(asked)
        assert_known(asked, ask(line, asked))

    throw()
    line.close()
    return made


@pytest.fixture(autouse=True)
def no_failure(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A failure of the server is logged, though nobody may be there to be told of it."""
    yield
    assert [] == [record for record in caplog.records if record.name.startswith("mockserver")]


def test_five_hundred_requests_of_garbage_are_answered_and_leave_nothing_behind(address) -> None:
    made = thrown(address, 500)
    assert 500 <= len(made)
    line = http.client.HTTPConnection(*address, timeout=PATIENCE)

    def again() -> int:
        for asked in made[-150:]:
            ask(line, asked)
        ask(line, Asked("POST", "/control/reset", {}, b""))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        again()
        before = again()
        assert again() - before < GROWTH
    finally:
        tracemalloc.stop()
        line.close()


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_ten_thousand_requests_of_garbage_do_not_make_a_server_grow() -> None:
    command = [sys.executable, "-m", "conformance.cli", "mock", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            parts = urlsplit(process.stdout.readline().split()[3])
            address = str(parts.hostname), int(parts.port or 0)
            thrown(address, 3000)
            before = psutil.Process(process.pid).memory_info().rss
            made = thrown(address, 10_000)
            grown = psutil.Process(process.pid).memory_info().rss - before
            assert 10_000 <= len(made)
            assert grown < RESIDENT, f"{grown} bytes more after {len(made)} requests"
            print(f"{len(made)} requests, {grown / 1024:.0f} KiB more")
        finally:
            process.terminate()


GOOD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n"
    b'{"model":"mock","messages":[{"role":"user","content":"Say hi"}]}'
)
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
TALL = [
    (b"", None),
    (b"\r\n\r\n\r\n", None),
    (CHAT + b"content-length: 5\r\n\r\n{", None),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # the beginning of TLS
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET\r\n\r\n", 400),
    (b"GET / HTTP/9.9\r\n\r\n", 400),
    (b"GET http://[::1/ HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    (b"GET /%00%ff%zz HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    (b"GET //// HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    (b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 100_000 + b"\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5_000 + b"\r\n", 400),
    (CHAT + b"content-length: -1\r\n\r\n", 400),
    (CHAT + b"content-length: 99999999999999999999\r\n\r\n", 400),
    (CHAT + b"content-length: 99999999999\r\n\r\n", 413),
    (CHAT + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
    (CHAT + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
    (CHAT + b"content-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00", 400),
    (CHAT + b"content-length: 60000\r\n\r\n" + b"[" * 60_000, 400),
    (CHAT + b"content-length: 6000\r\n\r\n" + b"9" * 6000, 400),
]


def shouted(address: tuple[str, int], raw: bytes, patience: float = 0.05) -> bytes:
    """What a server says to these bytes, until it is silent for a moment or closes."""
    said = b""
    with socket.create_connection(address, timeout=PATIENCE) as line:
        try:
            line.sendall(raw)
            line.settimeout(patience)
            while part := line.recv(65536):
                said += part
                line.settimeout(0.05)
        except (TimeoutError, ConnectionError):
            pass
    return said


def statuses(said: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d+)", said, re.MULTILINE)]


@pytest.mark.parametrize(("raw", "status"), TALL, ids=range(len(TALL)))
def test_bytes_that_are_no_request_are_refused_or_waited_on(address, raw: bytes, status: int | None) -> None:
    said = shouted(address, raw, patience=PATIENCE if status else 0.05)
    assert ([status] if status else []) == statuses(said)[:1]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=st.binary(max_size=200) | st.integers(0, 2**32).map(lambda seed: spoiled(GOOD, seed)))
def test_spoiled_bytes_bring_no_500(address, raw: bytes) -> None:
    assert all(status < 500 for status in statuses(shouted(address, raw)))


def test_a_server_that_was_shouted_at_serves_on(address) -> None:
    assert [200] == statuses(shouted(address, GOOD, PATIENCE))


def test_a_wrong_method_is_told_before_a_fault_that_nobody_knows() -> None:
    with hosted(MockServer()) as found:
        parts = urlsplit(found.server.url)
        line = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 0), timeout=PATIENCE)
        for method, status in (("PUT", 405), ("POST", 400)):
            line.request(
                method, "/v1/chat/completions", b'{"model": "mock#none"}', {"content-type": "application/json"}
            )
            with line.getresponse() as response:
                response.read()
                assert status == response.status
        line.close()
