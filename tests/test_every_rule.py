"""What every rule owes, whoever wrote it: its form, silence on what is good, and no crash on anything."""

import json
from collections import Counter
from dataclasses import replace
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance import proof
from conformance.judge import findings_of
from conformance.probes.catalogue import PROBES, Probe, requests_of
from conformance.probes.trials.catalogue import TRIALS
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.finding import Finding
from conformance.protocols.payload import parse
from conformance.protocols.reading import ExchangeReader, exchange_of
from conformance.rules import ALL
from conformance.rules.mutate import name_of
from conformance.rules.rule import MUST, Rule
from conformance.strategies import CUTS, Spelling, Stream, good_streams, legal_spellings, sends
from conformance.wire import encoder
from conformance.wire.http import Head
from conformance.wire.script import Answer, Framing, Send, body
from mockserver.routes import respond

AUTHORITIES = {"openai", "sse", "http", "clients", "suite"}
MUSTS = [rule for rule in ALL if rule.level is MUST]
every_rule = pytest.mark.parametrize("rule", ALL, ids=[rule.id for rule in ALL])


def found(exchange: Exchange, rules: list[Rule] | None = None) -> dict[str, list[Finding]]:
    return {name: findings for name, findings in findings_of(exchange, rules or ALL).items() if findings}


# -- form --------------------------------------------------------------------------------------------------------


def test_no_two_rules_have_the_same_id() -> None:
    assert [] == [rule_id for rule_id, times in Counter(rule.id for rule in ALL).items() if times > 1]


@every_rule
def test_its_id_is_where_it_lives(rule: Rule) -> None:
    *folders, name = rule.id.replace("-", "_").split("/")
    module = vars(import_module(".".join(["conformance.rules", *folders])))
    assert rule is module.get(f"{name}_", module.get(name))
    assert rule in module["RULES"]


@every_rule
def test_its_statement_is_a_short_fact(rule: Rule) -> None:
    says = rule.says
    assert len(says) < 100
    assert says.endswith(".")
    assert not says.endswith("..")
    assert not {"should", "must", "shall", "may"} & set(says.lower().rstrip(".").split())
    starts_like_a_sentence = says[0].isupper() or not says.split()[0].rstrip(",").isalpha() or "_" in says.split()[0]
    assert starts_like_a_sentence or says.split()[0] in {
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "index",
    }


@every_rule
def test_it_says_who_says_so(rule: Rule) -> None:
    assert rule.source
    for source in rule.source:
        assert source.authority in AUTHORITIES
        assert source.name
        assert source.place, f"{source.name}: where in it?"
        if source.url:
            parts = urlsplit(source.url)
            assert "https" == parts.scheme
            assert "." in parts.netloc
            assert " " not in source.url


@every_rule
def test_a_bug_report_is_cited_by_number(rule: Rule) -> None:
    for source in rule.source:
        if source.name == "bug report":
            owner, _, number = source.place.partition("#")
            assert (1, True) == (owner.count("/"), number.isdigit())


@every_rule
def test_its_probes_exist(rule: Rule) -> None:
    assert rule.needs.probes
    assert set(rule.needs.probes) <= {probe.name for probe in (*PROBES, *TRIALS)}


@every_rule
def test_its_mutants_and_behaviours_have_names_of_their_own(rule: Rule) -> None:
    names = [*map(name_of, rule.broken_by), *(behaviour.name for behaviour in rule.broken_when)]
    assert names
    assert sorted(set(names)) == sorted(names)


@every_rule
def test_the_rules_that_it_also_breaks_are_others_that_exist(rule: Rule) -> None:
    assert set(rule.also_breaks) <= {other.id for other in ALL} - {rule.id}
    assert len(set(rule.also_breaks)) == len(rule.also_breaks)


# -- silence on what is good -------------------------------------------------------------------------------------


def test_every_rule_is_tried_by_some_good_exchange() -> None:
    assert [] == proof.never_tried()


def test_every_rule_is_silent_on_every_good_exchange() -> None:
    assert [] == proof.false_alarms()


@given(good_streams())
@settings(max_examples=150)
def test_every_rule_is_silent_on_good_streams(stream: Stream) -> None:
    assert {} == found(stream.exchange())


@given(good_streams(odd=True), legal_spellings(), CUTS)
@settings(max_examples=250)
def test_no_must_rule_speaks_of_what_is_allowed(stream: Stream, spelling: Spelling, cuts: list[int]) -> None:
    assert {} == found(stream.spelled(spelling, cuts).exchange(), MUSTS)


# -- its mutants --------------------------------------------------------------------------------------------------


@given(good_streams())
@settings(max_examples=10)
def test_its_mutants_take_any_good_stream(stream: Stream) -> None:
    for rule in ALL:
        for mutant in rule.broken_by:
            assert isinstance(mutant(stream.answer), Answer)


@pytest.mark.parametrize("probe", PROBES, ids=[probe.name for probe in PROBES])
def test_its_mutants_take_any_answer_of_the_mock(probe: Probe) -> None:
    for request in requests_of(probe, url="http://mock/v1", model="mock", headers=proof.KEY if probe.with_key else ()):
        good = respond(request, proof.SETTINGS)
        for rule in ALL:
            for mutant in rule.broken_by:
                assert isinstance(mutant(good), Answer)


# -- no crash, and the same in any split -------------------------------------------------------------------------

SHORT = st.text(max_size=5) | st.sampled_from(["\ud800", "a\udfff"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | SHORT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "error",
    "index",
    "delta",
    "finish_reason",
    "content",
    "role",
    "logprobs",
    "tool_calls",
    "refusal",
    "system_fingerprint",
    "service_tier",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "completion_tokens_details",
    "message",
    "code",
    "type",
    "param",
    "detail",
]
CHUNKLIKE = st.recursive(
    JSON | st.sampled_from(["stop", "assistant", "", "null", "[DONE]", "chat.completion.chunk", 0, 1, -1, 1.0, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
"""Objects of the members that rules look at, of every type and in every wrong place."""


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    value[path[0]] = put(value[path[0]], path[1:], new)
    return value


@st.composite
def bent(draw: st.DrawFn, message: str) -> str:
    """A message with one member replaced or gone, or its text broken."""
    if not message.startswith("{") or draw(st.integers(0, 4)) == 0:
        at, length = draw(st.integers(0, len(message))), draw(st.integers(0, 9))
        return message[:at] + draw(st.text(max_size=4)) + message[at + length :]
    chunk, _ = parse(message)
    path = draw(st.sampled_from(places(chunk)))
    return json.dumps(put(chunk, path, draw(CHUNKLIKE)), ensure_ascii=draw(st.booleans()))


@st.composite
def broken_streams(draw: st.DrawFn) -> Stream:
    """Good streams with messages bent, lost, doubled, swapped or invented, and bytes changed at last."""
    stream = draw(good_streams(odd=draw(st.booleans())))
    messages = [e.removeprefix("data: ") for e in stream.body.decode().split("\n\n") if e]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(messages) - 1))
        message = messages[at]
        match draw(st.sampled_from(["bent", "bent", "lost", "doubled", "joined by an object", "joined by text"])):
            case "bent":
                messages[at] = draw(bent(message))
            case "lost":
                messages[at : at + 1] = [] if len(messages) > 1 else [message]
            case "doubled":
                messages.insert(at, message)
            case "joined by an object":
                messages.insert(at, json.dumps(draw(CHUNKLIKE)))
            case "joined by text":
                messages.insert(at, draw(st.text(max_size=8)))
    data = b"".join(f"data: {m}\n\n".encode("utf-8", "surrogatepass") for m in messages)
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=4)) + data[at + draw(st.integers(0, 4)) :]
    status = draw(st.sampled_from([200] * 8 + [400, 500]))
    return replace(stream, answer=replace(stream.answer, status=status, acts=(Send(data),)))


def test_a_changed_member_is_put_where_it_was() -> None:
    assert [(), ("a",), ("a", 0), ("b",)] == places({"a": [1], "b": 2})
    assert {"a": ["x"], "b": 2} == put({"a": [1], "b": 2}, ("a", 0), "x")


@given(broken_streams())
@settings(max_examples=400)
def test_no_rule_raises_on_a_broken_stream(stream: Stream) -> None:
    findings_of(stream.exchange())


@given(broken_streams(), CUTS)
@settings(max_examples=200)
def test_any_split_of_the_bytes_gives_the_same_findings(stream: Stream, cuts: list[int]) -> None:
    data = body(stream.answer.acts)
    pieces = [Send(data[i : i + 1]) for i in range(len(data))] if cuts == [] else sends(data, cuts)
    split = replace(stream.answer, acts=tuple(pieces), framing=Framing.CLOSE)
    whole = replace(stream.answer, framing=Framing.CLOSE)
    assert findings_of(exchange_of(stream.request, whole)) == findings_of(exchange_of(stream.request, split))


REQUESTS = st.builds(
    Request,
    st.sampled_from(["POST", "POST", "GET"]),
    st.sampled_from(["http://t/v1/chat/completions", "http://t/v1/models", "http://t"]),
    st.just(()),
    st.dictionaries(
        st.sampled_from(["model", "messages", "stream", "n", "stop", "max_tokens", "stream_options", "temperature"]),
        JSON,
    ).map(lambda members: {"messages": [], "stream": True, **members})
    | st.text(max_size=5)
    | st.none(),
)


@given(REQUESTS, st.binary(max_size=200) | CHUNKLIKE.map(lambda v: json.dumps(v).encode()), st.sampled_from(Ending))
@settings(max_examples=200)
def test_no_rule_raises_on_any_request_and_any_body(request: Request, data: bytes, ending: Ending) -> None:
    for status, media_type in ((200, "text/event-stream"), (200, "application/json"), (400, "application/json")):
        reader = ExchangeReader(request, head=Head(status, (("content-type", media_type),)), layer="body")
        reader.feed(data, 0.1)
        findings_of(reader.close(ending, 0.2))


@given(REQUESTS, st.binary(max_size=200), st.sampled_from(Ending))
def test_no_rule_raises_on_any_bytes_of_a_connection(request: Request, data: bytes, ending: Ending) -> None:
    for start in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"):
        reader = ExchangeReader(request)
        reader.feed(start + data, 0.1)
        findings_of(reader.close(ending, 0.2))


@given(st.sampled_from([probe.name for probe in PROBES]), CHUNKLIKE, st.sampled_from([200, 400, 401, 404, 500]))
@settings(max_examples=200)
def test_no_rule_raises_on_any_document_for_any_probe(probe: str, document: object, status: int) -> None:
    good = next(exchange for known, exchange in proof.good_exchanges() if known.name == probe)
    acts = (Send(json.dumps(document).encode()),)
    refusal = Answer(status, (("content-type", "application/json"),), acts, Framing.LENGTH)
    bad = exchange_of(good.request, refusal, probe=probe, beside=good.beside)
    findings_of(bad)
    if good.beside is not None:
        findings_of(replace(good, beside=bad))


CHUNK = '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}'
OPEN = '{"index":0,"delta":{"content":"a"},"finish_reason":null}'


@pytest.mark.parametrize(
    "message",
    [
        CHUNK % OPEN,
        CHUNK % OPEN.replace("null", '"stop"'),
        CHUNK % "",
        CHUNK.replace("}", ',"usage":{"prompt_tokens":1}}') % "",
        CHUNK % OPEN.replace('"a"', "5"),
        CHUNK % OPEN.replace('"a"', '"\\ufffd\x1b"'),
        "[DONE]",
        "[done]",
        '{"error":{"message":"no"}}',
        '{"a":1}',
        "{",
        "",
        ": ping",
        "a\ndata: b\nid: 5\nevent: x\nretry: 7\n:",
    ],
)
def test_a_message_a_thousand_times_gives_a_handful_of_findings(message: str) -> None:
    request = Request("POST", "http://t/v1/chat/completions", (), {"messages": [{"role": "user"}], "stream": True})
    acts = (Send(f"data: {message}\n\n".encode() * 1000),)
    findings = findings_of(exchange_of(request, Answer(200, (("content-type", "text/event-stream"),), acts)))
    assert {} == {rule: len(found) for rule, found in findings.items() if len(found) > 5}


def test_no_rule_raises_on_json_nested_to_any_depth() -> None:
    request = Request("POST", "http://t/v1/chat/completions", (), {"messages": [], "stream": True})
    for depth in (100, 127, 128, 129, 500, 900, 990, 1000, 5000, 100_000):
        for deep in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            chunk = '{"id":%s,"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%s}}],"x":%s}'
            data = encoder.message(chunk % (deep, "1", deep)) + encoder.message(chunk % ("1", deep, "1"))
            findings_of(exchange_of(request, Answer(200, (("content-type", "text/event-stream"),), (Send(data),))))
            findings_of(exchange_of(request, Answer(400, (), (Send(f'{{"error":{deep}}}'.encode()),))))
