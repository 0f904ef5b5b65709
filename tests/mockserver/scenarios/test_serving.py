"""A scenario on a server, in virtual time: paces, breaks, the journal and /health."""

import json
from itertools import pairwise

import pytest

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending
from mockserver.app import running
from mockserver.scenarios.reading import parse

PACED = "scenario: [{reply: {pieces: [a, b, c, d], pace: {prefill: 0.1, first: 0.5, gap: 0.25}}}]"
JITTERED = "scenario: [{reply: {text: a b c d e f g h i j k l, pace: {gap: 0.1, jitter: 0.5}}}]"


def asked(message="Go", **members):
    return {"model": "mock", "messages": [{"role": "user", "content": message}], "stream": True, **members}


def recorded(in_memory, text, *bodies, path="/chat/completions", **options):
    """What a client records of these requests, one after the other."""

    async def talk(stage):
        return [await stage.ask(body, path=path) for body in bodies], stage.server

    return in_memory(talk, scenario=parse(text), **options)


def contents(exchange):
    return [step.event.at for step in exchange.steps if step.chunk and step.chunk["choices"][0]["delta"].get("content")]


def test_a_reply_is_told_at_its_pace(in_memory):
    # Go: one word and three tokens around it, 0.4 s to read, a quarter of it before the head.
    (exchange,), _ = recorded(in_memory, PACED, asked())
    assert pytest.approx([0.1, 0.9]) == [exchange.head_at, exchange.steps[0].event.at]
    assert pytest.approx([1.15, 1.4, 1.65, 1.9]) == contents(exchange)
    assert {} == {rule: found for rule, found in findings_of(exchange).items() if found}


def test_a_document_takes_as_long_as_the_stream(in_memory):
    (exchange,), _ = recorded(in_memory, PACED, asked(stream=False))
    assert pytest.approx(1.9) == exchange.head_at


def test_the_prompt_of_the_reply_is_the_one_that_is_read(in_memory):
    text = "scenario: [{reply: {text: a, usage: {prompt_tokens: 1000}, pace: {prefill: 0.001}}}]"
    (exchange,), _ = recorded(in_memory, text, asked())
    assert pytest.approx(1.0) == exchange.steps[0].event.at


def test_gaps_jitter_within_their_bounds_and_always_alike(in_memory):
    times = [contents(exchange) for exchange in recorded(in_memory, JITTERED, asked(), asked())[0]]
    gaps = [later - earlier for earlier, later in pairwise(times[0])]
    assert 11 == len({round(gap, 6) for gap in gaps})
    assert all(0.05 <= gap <= 0.15 for gap in gaps)
    assert pytest.approx(gaps) == [later - earlier for earlier, later in pairwise(times[1])]


def test_a_document_jitters_like_the_stream(in_memory):
    streamed, whole = recorded(in_memory, JITTERED, asked(), asked(stream=False))[0]
    assert 0 < abs(whole.ended_at - 1.2)
    assert 0 < abs(contents(streamed)[-1] - 1.2)


def test_an_error_may_take_its_time(in_memory):
    text = "scenario: [{reply: {error: 503, pace: {first: 2}}}]"
    (exchange,), _ = recorded(in_memory, text, asked())
    assert (503, pytest.approx(2.0)) == (exchange.status, exchange.head_at)


def test_a_stall_lasts_and_the_rest_follows(in_memory):
    text = "scenario: [{reply: {text: a b c, break: {at_event: 3, how: stall, seconds: 30}}}]"
    (exchange,), _ = recorded(in_memory, text, asked())
    assert [0, 0, 30, 30, 30, 30] == [round(step.event.at) for step in exchange.steps]


@pytest.mark.parametrize(("how", "ending"), [("close", Ending.EOF), ("reset", Ending.RESET)])
@pytest.mark.parametrize(
    ("place", "rest"), [("at_event: 3", b'"a"},"logprobs"'), ("inside_character: 1", b"\xc3"), ("at_byte: 5", b"data:")]
)
def test_a_break_ends_the_connection(in_memory, how, ending, place, rest):
    text = f"scenario: [{{reply: {{pieces: [a, ü], break: {{{place}, how: {how}}}}}}}]"
    (exchange,), _ = recorded(in_memory, text, asked())
    assert (200, ending) == (exchange.status, exchange.ending)
    assert exchange.body.endswith(rest) if place != "at_event: 3" else rest in exchange.body
    assert b"[DONE]" not in exchange.body


@pytest.mark.parametrize("how", ["close", "reset", "stall"])
def test_the_journal_counts_the_events_before_a_break(in_memory, how):
    text = f"scenario: [{{reply: {{text: a b c, break: {{at_event: 3, how: {how}, seconds: 1}}}}}}]"
    text = text if how == "stall" else text.replace(", seconds: 1", "")
    _, server = recorded(in_memory, text, asked())
    assert (6 if how == "stall" else 2) == server.journal.entries[0].events


def test_the_connection_is_closed_after_a_break_so_that_the_next_request_needs_another(in_memory):
    text = "scenario: [{replies: [{text: a, break: {at_event: 2}}, Fine]}]"
    exchanges, _ = recorded(in_memory, text, asked(), asked())
    assert [False, True] == [b"[DONE]" in exchange.body for exchange in exchanges]


def test_the_journal_tells_the_entry_and_its_fault(in_memory):
    text = "scenario: [{name: it, when: {message: Go}, reply: {text: Hi, fault: chat/role/sent-once}}]"
    _, server = recorded(in_memory, text, asked(), asked("Other"))
    told = [(entry.scenario, entry.fault) for entry in server.journal.entries]
    assert [("it", "chat/role/sent-once"), ("", None)] == told


def test_a_fault_that_the_request_asks_for_goes_first(in_memory):
    text = "scenario: [{reply: {text: Hi, fault: chat/role/sent-once}}]"
    (exchange,), server = recorded(in_memory, text, asked(model="mock#chat/termination/done-sent"))
    assert "chat/termination/done-sent" == server.journal.entries[0].fault
    assert b"[DONE]" not in exchange.body


def test_a_behaviour_may_be_the_fault_of_a_reply(in_memory):
    text = "scenario: [{reply: {pieces: [a, b], pace: {gap: 1}, fault: chat/timing/as-generated}}]"
    (exchange,), _ = recorded(in_memory, text, asked())
    assert 1 == len({round(step.event.at, 3) for step in exchange.steps})


def test_models_of_the_scenario_are_listed(in_memory):
    async def talk(stage):
        return (await stage.get("/v1/models")).document

    models = in_memory(talk, scenario=parse("models: [gpt-x]\nscenario: [{reply: Hi}]"))
    assert ["mock", "gpt-x"] == [model["id"] for model in models["data"]]


def test_health_tells_of_the_scenario_and_what_is_wrong_with_its_file(in_memory, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("scenario: [{name: it, reply: Hi}]")

    async def talk(stage):
        good = (await stage.get("/health")).document
        file.write_text("scenario: [{name: other, replie: Hi}]")
        return good, (await stage.get("/health")).document

    good, bad = in_memory(talk, scenario=file)
    assert ("ok", {"entries": ["it"], "trouble": None}) == (good["status"], good["scenario"])
    assert ["it"] == bad["scenario"]["entries"]
    assert "unknown key 'replie'" in bad["scenario"]["trouble"]


def test_a_server_in_a_thread_plays_a_scenario_too():
    from urllib.request import Request, urlopen

    with running(scenario=parse("scenario: [{reply: Hello from here}]")) as url:
        request = Request(f"{url}/chat/completions", json.dumps(asked(stream=False)).encode())
        with urlopen(request) as got:
            assert "Hello from here" == json.load(got)["choices"][0]["message"]["content"]
