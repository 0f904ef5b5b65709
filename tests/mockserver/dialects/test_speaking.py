"""Whole answers in a dialect: paced, refused, refused by a scenario, broken by a fault."""

import json
from typing import Any

import pytest

from conformance.protocols.exchange import Request
from conformance.wire.script import Answer, Send, Wait, body
from mockserver import faults
from mockserver.answering import Settings, refusal
from mockserver.dialects import find, speaking
from mockserver.metering import metered
from mockserver.rates import Meter, read
from mockserver.routes import respond

URL = "http://mock/v1/chat/completions"


def asked(prompt: str = "Say hi", **members: object) -> Request:
    messages = [{"role": "user", "content": prompt}]
    return Request("POST", URL, (), {"model": "mock", "messages": messages, "stream": True, **members})


def chunks(answer: Answer) -> list[dict[str, Any]]:
    events = body(answer.played()).decode().split("\n\n")
    return [json.loads(event.removeprefix("data: ")) for event in events if event.startswith("data: {")]


def seconds(answer: Answer) -> float:
    return sum(act.seconds for act in (*answer.before, *answer.played()) if isinstance(act, Wait))


@pytest.mark.parametrize("name", ["azure", "vllm", "llamacpp", "ollama", "tgi", "openrouter"])
def test_a_paced_stream_takes_as_long(name: str) -> None:
    request = asked("Write a story of ten thousand words", max_tokens=40)
    plain, spoken = respond(request, Settings()), respond(request, Settings(dialect=name))
    assert spoken.told is not None, "the acts are made one by one"
    assert pytest.approx(seconds(plain)) == seconds(spoken)
    early = next(n for n, act in enumerate(spoken.played()) if isinstance(act, Send))
    assert early < 4, "the first event does not wait for the others"


def test_usage_that_was_not_asked_for_is_counted_as_if_it_were() -> None:
    (last,) = (chunk for chunk in chunks(respond(asked(), Settings(dialect="deepseek"))) if chunk.get("usage"))
    assert "stop" == last["choices"][0]["finish_reason"]
    counted = chunks(respond(asked(stream_options={"include_usage": True}), Settings()))[-1]["usage"]
    assert counted["total_tokens"] == last["usage"]["total_tokens"]


def test_usage_of_llamacpp_is_seen_only_where_it_was_asked_for() -> None:
    (*_, last) = chunks(respond(asked(), Settings(dialect="llamacpp")))
    assert ("stop", False, True) == (last["choices"][0]["finish_reason"], "usage" in last, "timings" in last)
    (*_, last) = chunks(respond(asked(stream_options={"include_usage": True}), Settings(dialect="llamacpp")))
    assert ([], True, True) == (last["choices"], "usage" in last, "timings" in last)


def test_a_text_that_is_cut_ends_with_its_last_piece_in_vllm() -> None:
    (*_, last) = chunks(respond(asked("Count from 1 to 10", max_tokens=2), Settings(dialect="vllm")))
    assert (" 2,", "length") == (last["choices"][0]["delta"]["content"], last["choices"][0]["finish_reason"])
    (*_, last) = chunks(respond(asked(), Settings(dialect="vllm")))
    assert ({}, "stop") == (last["choices"][0]["delta"], last["choices"][0]["finish_reason"])


def test_headers_that_say_why_are_kept() -> None:
    request = asked()
    answer = speaking.spoken(refusal(401, "No.", headers=(("www-authenticate", "Bearer"),)), request, find("llamacpp"))
    assert ("www-authenticate", "Bearer") in answer.headers
    assert ("Server", "llama.cpp") in answer.headers


def test_too_many_requests_are_refused_in_the_dialect() -> None:
    settings, meter = Settings(dialect="llamacpp"), Meter(read("1/h"))
    answers = [metered(asked(), settings, meter, 0.0, lambda: respond(asked(), settings)) for _ in range(2)]
    assert [200, 429] == [answer.status for answer in answers]
    assert {"code", "message", "type"} == set(json.loads(body(answers[1].acts))["error"])


def test_a_fault_breaks_what_the_dialect_says() -> None:
    fault = faults.find("chat/termination/done-sent#left-out")
    request = asked()
    broken = faults.apply(fault, request, respond(request, Settings(dialect="openrouter")))
    assert b"[DONE]" not in body(broken.played())
    assert b"native_finish_reason" in body(broken.played())


def test_what_is_no_chunk_is_left_as_it_is() -> None:
    acts = (Send(b": ping\n\n"), Send(b"data: {not JSON\n\n"), Send(b'data: {"error":{}}\n\n'))
    answer = Answer(200, (("content-type", "text/event-stream"),), acts)
    assert acts == speaking.spoken(answer, asked(), find("vllm")).acts
