"""Which recording answers, and what is said where none does."""

import json
from typing import Any

import pytest

from conformance.protocols import recording
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.imports import sse
from conformance.wire.script import body as sent
from mockserver.answering import Settings
from mockserver.replaying import GAP, Replay, differences
from mockserver.scenarios.book import Chosen

URL = "https://api.example/openai/v1/chat/completions"
HI: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "temperature": 1}


def taken(body: object, answer: str = "yes", url: str = URL, status: int = 200, ending: str = "eof") -> Exchange:
    header = {
        "recording": 1,
        "layer": "body",
        "source": {},
        "request": {"method": "POST", "url": url, "body": body},
        "response": {"status": status, "headers": [["content-type", "application/json"]]},
    }
    lines = [json.dumps(header) + "\n", json.dumps([0.1, "data", json.dumps(answer)]) + "\n", f'[0.1, "{ending}"]\n']
    return recording.read(lines, source=f"{answer}.jsonl")


def ask(replay: Replay, body: object, url: str = "http://mock/v1/chat/completions", method: str = "POST") -> Any:
    answer = replay.respond(Request(method, url, (), body), Settings(), Chosen())
    return json.loads(sent(answer.acts))


def test_the_same_request_gets_its_recording_wherever_it_was_sent() -> None:
    replay = Replay([taken({**HI, "model": "other"}, "no"), taken(HI)])
    assert "yes" == ask(replay, HI)


def test_the_order_of_members_and_the_spelling_of_numbers_do_not_matter() -> None:
    assert "yes" == ask(Replay([taken(HI)]), {"temperature": 1.0, **{key: HI[key] for key in ("messages", "model")}})


def test_true_is_not_one() -> None:
    assert "temperature" in ask(Replay([taken(HI)]), {**HI, "temperature": True})["error"]["message"]


def test_a_request_that_was_made_several_times_gets_its_recordings_in_turn() -> None:
    replay = Replay([taken(HI, "first"), taken(HI, "cut", ending="left"), taken(HI, "second")])
    assert ["first", "second", "cut", "cut"] == [ask(replay, HI) for _ in range(4)]  # those that broke off come last
    replay.reset()
    assert "first" == ask(replay, HI)


def test_who_asks_does_not_matter_where_nothing_else_fits() -> None:
    replay = Replay([taken({**HI, "user": "ann"}, "ann"), taken({**HI, "user": "bob"}, "bob")])
    assert ["bob", "ann"] == [ask(replay, {**HI, "user": "bob"}), ask(replay, {**HI, "user": "cy"})]


def test_members_that_are_ignored_need_not_be_the_same() -> None:
    changed = {**HI, "temperature": 0.2, "seed": 5}
    assert "recording_not_matched" == ask(Replay([taken(HI)]), changed)["error"]["code"]
    assert "yes" == ask(Replay([taken(HI)], ignore=("temperature", "seed")), changed)


def test_a_key_in_the_body_does_not_matter() -> None:
    assert "yes" == ask(Replay([taken({**HI, "api_key": "one"})]), {**HI, "api_key": "two"})


def test_a_stream_of_which_the_request_was_not_recorded_answers_what_nothing_else_does() -> None:
    (found,) = sse.read(b'data: {"choices": []}\n\ndata: [DONE]\n\n').found
    assert found.exchange is not None
    replay = Replay([found.exchange, taken(HI)])
    assert "yes" == ask(replay, HI)
    chosen = replay.choose(Request("POST", URL, (), {"model": "any"}))
    assert found.exchange is chosen


def test_the_journal_learns_which_recording_it_was() -> None:
    chosen = Chosen()
    Replay([taken(HI)]).respond(Request("POST", URL, (), HI), Settings(), chosen)
    assert "yes.jsonl" == chosen.entry


def test_what_differs_from_the_nearest_recording_is_told() -> None:
    far = {**HI, "messages": [{"role": "user", "content": "Bye"}, {"role": "user", "content": "Bye"}], "stop": "x"}
    near = {**HI, "tools/~": [1]}
    error = ask(Replay([taken(far, "far"), taken(near, "near")]), {**HI, "stream": True})["error"]
    wanted = (
        "No recording matches this request. The nearest, near.jsonl, differs at /tools~1~0: wanted [1], got nothing; "
        "/stream: wanted nothing, got true."
    )
    assert (wanted, "/tools~1~0", "recording_not_matched") == (error["message"], error["param"], error["code"])


def test_many_differences_are_counted() -> None:
    error = ask(Replay([taken(HI)]), {f"m{number}": 1 for number in range(20)})["error"]
    assert error["message"].endswith("and 18 more differences.")


def test_what_is_told_is_safe_for_a_terminal_and_short() -> None:
    error = ask(Replay([taken(HI)]), {**HI, "model": "\x1b[31m" + "x" * 100_000})["error"]
    assert "\x1b" not in error["message"]
    assert len(error["message"]) < 1000


@pytest.mark.parametrize("sent_body", [None, "no JSON", [], 7, {}])
def test_any_body_is_answered(sent_body: object) -> None:
    assert "recording_not_matched" == ask(Replay([taken(HI)]), sent_body)["error"]["code"]


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "nested too deeply" in ask(Replay([taken(HI)]), {"messages": deep})["error"]["message"]


def test_another_place_is_told_what_there_is() -> None:
    error = ask(Replay([taken(HI)]), {"input": "x"}, "http://mock/v1/embeddings")["error"]
    assert "No recording is of POST /v1/embeddings; there are some of POST chat." == error["message"]


def test_the_models_are_those_of_the_recordings() -> None:
    found = ask(Replay([taken(HI), taken({**HI, "model": "n"})]), None, "http://mock/v1/models", "GET")
    assert ["m", "n"] == [model["id"] for model in found["data"]]


def test_recordings_without_a_response_are_left_out() -> None:
    header = json.dumps(
        {"recording": 1, "layer": "wire", "source": {}, "request": {"method": "POST", "url": URL, "body": HI}}
    )
    silent = recording.read([header + "\n", '[60, "timeout"]\n'])
    assert 1 == Replay([silent, taken(HI)]).left_out
    with pytest.raises(ValueError, match="none of the recordings has a response"):
        Replay([silent])


@pytest.mark.parametrize(
    ("wanted", "got", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": [1, 2]}, {"a": [1]}, [("/a/1", 2, GAP)]),
        ({"a": [1]}, {"a": [1, 2]}, [("/a/1", GAP, 2)]),
        ({"a": {"b": 1}}, {"a": [1]}, [("/a", {"b": 1}, [1])]),
        (1, 1.0, []),
        (1, True, [("", 1, True)]),
        (None, {}, [("", None, {})]),
    ],
)
def test_differences_are_told_by_pointer(wanted: object, got: object, found: list[object]) -> None:
    assert found == list(differences(wanted, got))
