"""Whatever is asked, the answer is well formed: a stream, a document or a refusal, each by its strict schema."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

import schemas
from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, body
from mockserver import routes
from mockserver.answering import Settings, answer, read_body

URL = "http://mock/v1/chat/completions"

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = list(schemas.load("chat/request")["properties"])
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "wizard"])},
    optional={"content": st.text(st.characters(), max_size=20) | ANYTHING},
)
ALMOST_RIGHT = st.fixed_dictionaries(
    {"model": st.just("mock"), "messages": st.lists(MESSAGE, min_size=1, max_size=3)},
    optional={
        "stream": st.booleans() | st.none(),
        "n": st.integers(0, 5) | st.just(2.0),
        "max_tokens": st.integers(0, 50) | st.just(3.0) | st.just(10**40),
        "stop": st.text(max_size=2) | st.lists(st.text(max_size=2), max_size=5) | st.none(),
        "seed": st.integers() | st.none(),
        "stream_options": st.none() | st.just({}) | st.just({"include_usage": True}) | ANYTHING,
        "temperature": st.floats(),
    },
)
GARBAGE = st.dictionaries(st.sampled_from(MEMBERS) | st.text(max_size=3), ANYTHING, max_size=6)


def assert_well_formed(got: Answer, status: set[int]) -> None:
    assert got.status in status
    sent = body(got.acts)
    if dict(got.headers)["content-type"] == "application/json":
        name = "chat/completion.strict" if got.status == 200 else "chat/error.strict"
        assert schemas.fast(name).is_valid(msgspec.json.decode(sent))
        return
    *messages, done, rest = sent.decode().split("\n\n")
    assert ("data: [DONE]", "") == (done, rest)
    for message in messages:
        assert schemas.fast("chat/chunk.strict").is_valid(msgspec.json.decode(message.removeprefix("data: ")))


@given(ANYTHING | GARBAGE | ALMOST_RIGHT)
def test_any_body_gets_a_well_formed_answer(body: object) -> None:
    assert_well_formed(answer(Request("POST", URL, (), body), Settings()), {200, 400, 404})


@given(st.binary(max_size=60) | (GARBAGE | ALMOST_RIGHT).map(json.dumps).map(str.encode))
def test_any_bytes_get_a_well_formed_answer(raw: bytes) -> None:
    assert_well_formed(answer(Request("POST", URL, (), read_body(raw)), Settings()), {200, 400, 404})


@given(ALMOST_RIGHT.map(lambda members: {**members, "stream": True, "stream_options": {"include_usage": True}}))
def test_usage_always_adds_up(body: dict[str, Any]) -> None:
    got = answer(Request("POST", URL, (), body), Settings())
    if got.status == 200:
        *messages, last, _ = [act.data.decode() for act in got.acts]
        usage = json.loads(last.removeprefix("data: "))["usage"]
        choices = [choice for m in messages for choice in json.loads(m.removeprefix("data: "))["choices"]]
        pieces = sum(bool(choice["delta"].get("content")) for choice in choices)
        assert (pieces, usage["prompt_tokens"] + pieces) == (usage["completion_tokens"], usage["total_tokens"])


@given(st.text(st.characters(), max_size=12), st.sampled_from(["GET", "POST", "BREW"]))
def test_any_path_gets_an_answer(path: str, method: str) -> None:
    got = routes.respond(Request(method, f"http://mock/{path}"), Settings())
    assert isinstance(msgspec.json.decode(body(got.acts)), dict)


def test_a_body_nested_without_end_is_refused() -> None:
    deep: object = []
    for _ in range(5000):
        deep = [deep]
    request = {"model": "mock", "messages": [{"role": "user", "content": "x", "deep": deep}], "more": deep, "n": deep}
    assert_well_formed(answer(Request("POST", URL, (), request), Settings()), {400})
    del request["n"]
    assert_well_formed(answer(Request("POST", URL, (), request), Settings()), {400})
