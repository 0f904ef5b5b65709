"""The same request again: what is compared, what excuses, and what is said of requests that servers differ about."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conformance import proof
from conformance.judge import findings_of, judge
from conformance.probes.catalogue import PROBES, find, requests_of
from conformance.protocols.exchange import Exchange
from conformance.protocols.reading import exchange_of
from conformance.rules import ALL
from conformance.rules.chat import repeat
from conformance.rules.mutate import Mutant
from conformance.running import QUICK, Order, run_target
from conformance.targets import FEATURES, Target
from conformance.verdicts import RuleVerdict, Verdict
from conformance.wire.script import Answer, Framing, Send
from mockserver.answering import Settings
from mockserver.app import running
from mockserver.routes import respond

DECLARED = frozenset(FEATURES)
TWIN = "chat/twin/same-text"


def found(exchange: Exchange) -> list[str]:
    return [rule for rule, findings in findings_of(exchange).items() if findings]


def verdicts(*exchanges: Exchange, features: frozenset[str] = DECLARED) -> dict[str, RuleVerdict]:
    return {verdict.rule.id: verdict for verdict in judge(exchanges, features=features)}


def answered(name: str, change: Callable[[Answer], Answer]) -> Exchange:
    """What a probe gets from the mock server with its own answer changed."""
    probe = find(name)
    requests = requests_of(probe, url="http://mock/v1", model="mock", headers=proof.KEY)
    answers = [respond(request, proof.SETTINGS) for request in requests]
    beside = exchange_of(requests[0], answers[0], probe=f"{name}/first") if probe.companion else None
    return exchange_of(requests[-1], change(answers[-1]), probe=name, beside=beside)


def refused(status: int) -> Callable[[Answer], Answer]:
    body = b'{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}'
    return lambda good: Answer(status, (("content-type", "application/json"),), (Send(body),), Framing.LENGTH)


# ---- twice the same


@pytest.mark.parametrize("mutant", [repeat.another_word, repeat.goes_on, repeat.stops_short])
def test_another_text_the_second_time_is_one_finding(mutant: Mutant) -> None:
    assert ["chat/repeat/same-text"] == found(answered("repeat", mutant))


def test_a_finding_shows_where_the_texts_part() -> None:
    (finding,) = findings_of(answered("repeat", repeat.another_word))["chat/repeat/same-text"]
    assert '"1, 2, 3, 4, 5, 6, 7, 8, 9, 10.", as the first time' == finding.wanted
    assert '"1, 2, 3, 4, 5, 6, 7, 8, 9, or so" from character 27' == finding.got


def test_a_target_that_says_it_two_ways_is_not_held_to_its_twin() -> None:
    twin = answered("twin", repeat.another_word)
    judged = verdicts(answered("repeat", repeat.another_word), twin)
    assert (Verdict.FAIL, Verdict.NOT_APPLICABLE) == (
        judged["chat/repeat/same-text"].verdict,
        judged[TWIN].verdict,
    )
    assert "not deterministic: probe repeat got two answers" in judged[TWIN].reason
    assert Verdict.FAIL is verdicts(proof.exchanges_of(find("repeat")), twin)[TWIN].verdict
    assert Verdict.FAIL is verdicts(twin)[TWIN].verdict


def test_a_target_that_does_not_call_itself_deterministic_is_not_judged_though_its_answers_differ() -> None:
    exchanges = answered("repeat", repeat.another_word), answered("twin", repeat.another_word)
    judged = verdicts(*exchanges, features=DECLARED - {"deterministic"})
    assert {Verdict.NOT_APPLICABLE} == {judged[rule].verdict for rule in ("chat/repeat/same-text", TWIN)}
    assert "feature 'deterministic' is not declared" == judged[TWIN].reason


def test_an_answer_that_broke_off_is_compared_with_nothing() -> None:
    cut = answered("repeat", lambda good: replace(good, acts=good.acts[:4]))
    assert not {rule for rule in found(cut) if rule.startswith("chat/repeat")}


def test_the_same_id_for_the_same_request_is_no_finding() -> None:
    exchange = proof.exchanges_of(find("repeat"))
    assert exchange.beside is not None
    assert exchange.body == exchange.beside.body
    assert [] == found(exchange)


def test_a_seed_that_is_not_kept_is_a_silent_failure() -> None:
    verdict = verdicts(answered("repeat-seed", repeat.another_word))["chat/repeat/seed-kept"]
    assert (Verdict.WARN, "seed") == (verdict.verdict, verdict.silent_failure)
    assert "silent failure: seed was accepted and ignored" == verdict.reason


# ---- sent in another way


@pytest.mark.parametrize(
    ("probe", "rule"),
    [
        ("sent-in-bytes", "http/sending/byte-by-byte"),
        ("sent-chunked", "http/sending/chunked"),
        ("sent-in-capitals", "http/sending/header-names"),
        ("sent-by-clients", "http/sending/accept"),
    ],
)
def test_a_refusal_of_the_way_is_one_finding(probe: str, rule: str) -> None:
    assert [rule] == [r for r in found(answered(probe, refused(400))) if r.startswith("http/sending")]


def test_a_server_may_ask_for_a_length() -> None:
    assert "http/sending/chunked" not in found(answered("sent-chunked", refused(411)))


def test_a_server_that_refuses_the_plain_request_too_cannot_be_tested() -> None:
    exchange = answered("sent-chunked", refused(503))
    broken = replace(exchange, beside=replace(exchange, beside=None))
    assert Verdict.UNTESTABLE is verdicts(broken)["http/sending/chunked"].verdict


def test_the_mock_server_takes_requests_in_every_way() -> None:
    ways = [rule for rule in ALL if rule.id.startswith(("http/sending", "http/routes"))]
    with running(Settings(keys=frozenset({"k"}))) as url:
        target = Target(name="m", url=url, model="mock")
        report = asyncio.run(run_target(target, key="k", order=Order(rules=ways, quick=True)))
    assert {Verdict.PASS: len(ways)} == dict(report.counts)


@pytest.mark.parametrize(
    "fault",
    [
        "chat/repeat/same-text",
        "chat/repeat/seed-kept",
        "http/sending/byte-by-byte",
        "http/sending/chunked#coding-unknown",
    ],
)
def test_a_server_with_such_a_fault_breaks_one_rule(fault: str) -> None:
    excused = {rule.id for rule in ALL if rule.needs.unless}
    rules = [rule for rule in ALL if not rule.id.startswith("completions/")]
    with running(Settings(keys=frozenset({"k"})), fault=fault) as url:
        target = Target(name="m", url=url, model="mock", features=DECLARED)
        report = asyncio.run(run_target(target, key="k", order=Order(rules=rules, quick=True)))
    broken = [v.rule.id for v in report.verdicts if v.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE)]
    assert [fault.partition("#")[0]] == broken
    left_out = {v.rule.id for v in report.verdicts if v.reason == QUICK}
    assert {v.rule.id for v in report.verdicts if v.verdict is Verdict.NOT_APPLICABLE} - left_out <= excused


# ---- refused or ignored


def test_refusing_max_completion_tokens_is_not_ignoring_it() -> None:
    rule = "chat/limits/completion-limit-kept"
    judged = verdicts(answered("max-completion-tokens", refused(400)))[rule]
    assert Verdict.NOT_APPLICABLE is judged.verdict
    assert "max_completion_tokens is not ignored, but refused with status 400" == judged.reason
    unlimited = requests_of(find("stream"), url="http://mock/v1", model="mock", headers=proof.KEY)[0]
    ignored = answered("max-completion-tokens", lambda _: respond(unlimited, proof.SETTINGS))
    assert (Verdict.FAIL, "max_completion_tokens") == (
        verdicts(ignored)[rule].verdict,
        verdicts(ignored)[rule].silent_failure,
    )


@pytest.mark.parametrize("probe", ["stop-sequence", "stop-text", "stop-several"])
def test_ignoring_any_form_of_stop_is_noticed(probe: str) -> None:
    request = requests_of(find("stream"), url="http://mock/v1", model="mock", headers=proof.KEY)[0]
    judged = verdicts(answered(probe, lambda _: respond(request, proof.SETTINGS)))["chat/limits/stop-sequence-cut"]
    assert (Verdict.FAIL, "stop") == (judged.verdict, judged.silent_failure)


PARAMETERS = {"n", "stop", "max_tokens", "max_completion_tokens", "stream", "stream_options.include_usage", "seed"}


def test_these_parameters_are_known_to_be_ignored_at_times() -> None:
    assert {rule.ignored for rule in ALL} >= PARAMETERS


def test_a_document_in_place_of_a_stream_is_a_silent_failure_and_an_error_is_none() -> None:
    def instead(body: bytes) -> dict[str, RuleVerdict]:
        json = (("content-type", "application/json"),)
        return verdicts(answered("stream", lambda _: Answer(200, json, (Send(body),), Framing.LENGTH)))

    whole = instead(b'{"object":"chat.completion","choices":[{"message":{"content":"Hi"}}]}')
    error = instead(b'{"error":{"message":"Overloaded."}}')
    rules = ("http/status/stream-honoured", "http/status/streams")
    assert [Verdict.FAIL, Verdict.PASS] == [whole[rule].verdict for rule in rules]
    assert [Verdict.PASS, Verdict.FAIL] == [error[rule].verdict for rule in rules]
    assert ("stream", "") == (whole[rules[0]].silent_failure, error[rules[1]].silent_failure)


# ---- requests that servers differ about


@pytest.mark.parametrize(
    ("probe", "rule", "verdict"),
    [
        ("messages-text", "chat/refusals/wrong-type", Verdict.FAIL),
        ("model-missing", "chat/strictness/model-missing", Verdict.WARN),
        ("stream-text", "chat/strictness/stream-a-text", Verdict.WARN),
        ("stop-five", "chat/strictness/stop-too-many", Verdict.WARN),
        ("parameter-unknown", "chat/strictness/parameter-unknown", Verdict.PASS),
        ("content-type-text", "chat/strictness/content-type-text", Verdict.PASS),
        ("context-exceeded", "chat/strictness/context-exceeded", Verdict.FAIL),
    ],
)
def test_serving_it_all_the_same_is_worth_what_the_evidence_is(probe: str, rule: str, verdict: Verdict) -> None:
    served = respond(
        requests_of(find("stream"), url="http://mock/v1", model="mock", headers=proof.KEY)[0], proof.SETTINGS
    )
    judged = verdicts(answered(probe, lambda _: served))[rule]
    assert (verdict, 1) == (judged.verdict, len(judged.findings))


@pytest.mark.parametrize("status", [200, 400, 415, 422, 503])
def test_a_request_without_content_type_is_served_or_refused(status: int) -> None:
    change: Any = (lambda good: good) if status == 200 else refused(status)
    assert "chat/strictness/content-type-missing" not in found(answered("content-type-missing", change))


@pytest.mark.parametrize("status", [200, 204, 302, 400, 500])
def test_a_method_that_is_not_served_is_said_to_be_none(status: int) -> None:
    assert "http/routes/method-refused" in found(answered("method-unknown", refused(status)))


@pytest.mark.parametrize("status", [401, 404, 405, 501])
def test_there_are_several_ways_to_say_so(status: int) -> None:
    assert "http/routes/method-refused" not in found(answered("method-unknown", refused(status)))


def test_every_way_to_send_is_sent_by_some_probe() -> None:
    assert {"BYTES", "CAPITALS", "CHUNKED", "OF_CLIENTS", "PLAIN_TEXT", "UNTYPED", "WHOLE"} == {
        probe.way.name for probe in PROBES
    }
