"""What is told to a running server over HTTP, and who may do it."""

import json
from typing import Any
from urllib.request import Request as Post
from urllib.request import urlopen

import pytest

from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Request
from conformance.wire.script import body
from mockserver import Mock, MockServer, control
from mockserver.control import Guard

HERE = Guard()
FAULT = "chat/termination/done-sent"
HOST = (("host", "127.0.0.1:8080"),)


def told(
    server: MockServer,
    path: str,
    sent: object = None,
    guard: Guard = HERE,
    headers: Any = HOST,
    method: str = "POST",
) -> tuple[int, Any]:
    answer = control.answer(server, Request(method, f"http://mock/control/{path}", headers, sent), guard)
    return answer.status, json.loads(body(answer.acts))


def test_a_fault_is_set_and_taken_out() -> None:
    server = MockServer()
    assert (200, FAULT) == (told(server, "fault", {"fault": FAULT})[0], server.fault)
    assert (200, None) == (told(server, "fault", {"fault": None})[0], server.fault)


def test_the_answer_is_what_the_server_is_like() -> None:
    server = MockServer(fault=FAULT)
    status, state = told(server, "scenario", {"scenario": [{"name": "mine", "reply": "Hello"}]})
    assert (200, FAULT) == (status, state["fault"])
    assert {"entries": ["mine"], "trouble": None} == state["scenario"]
    assert state["version"].startswith("0.")


@pytest.mark.parametrize("sent", [None, {}, {"fault": ""}, {"fault": 1}, [], "text"])
def test_a_body_that_says_no_fault_is_told_what_to_send(sent: object) -> None:
    status, refused = told(MockServer(), "fault", sent)
    assert (400, True) == (status, 'send {"fault": "chat' in refused["error"]["message"])


def test_what_is_wrong_changes_nothing() -> None:
    server = MockServer(fault=FAULT)
    status, refused = told(server, "fault", {"fault": "done-sent"})
    assert (400, True) == (status, "did you mean chat/termination/done-sent" in refused["error"]["message"])
    status, refused = told(server, "scenario", {"scenario": [{"replie": "Hello"}]})
    assert (400, True) == (status, "write:  replies" in refused["error"]["message"])
    assert (FAULT, None) == (server.fault, server.book)


@pytest.mark.parametrize("sent", [None, [], "", "/etc/passwd", ["/etc/passwd"], 7, "x" * 300_000])
def test_a_scenario_is_sent_whole_and_never_named(sent: object) -> None:
    status, refused = told(MockServer(), "scenario", sent)
    assert (400, "control_refused") == (status, refused["error"]["code"])


def test_characters_beyond_the_first_plane_arrive() -> None:
    server = MockServer()
    told(server, "scenario", {"scenario": [{"name": "\N{GRINNING FACE}", "reply": "Hello"}]})
    assert server.book is not None
    assert ["\N{GRINNING FACE}"] == [entry.name for entry in server.book.scenario.entries]


def test_a_reset_goes_back_to_what_the_server_was_started_with() -> None:
    server = MockServer(fault=FAULT)
    server.journal.open("POST", "/v1/chat/completions").produced = 3
    told(server, "fault", {"fault": None})
    assert 200 == told(server, "reset")[0]
    assert (FAULT, (), 3) == (server.fault, server.journal.entries, server.journal.produced)


def test_a_reset_to_a_scenario_that_is_gone_changes_nothing(tmp_path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("scenario: [{reply: Hello}]")
    server = MockServer(scenario=file)
    file.unlink()
    assert 400 == told(server, "reset")[0]
    assert server.book is not None
    with pytest.raises(ConfigurationError):
        server.reset()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (HOST, 200),
        ((("host", "localhost:1"),), 200),
        ((("host", "[::1]:8080"),), 200),
        ((*HOST, ("origin", "http://127.0.0.1:8080")), 200),
        ((*HOST, ("origin", "http://127.0.0.1:9090")), 403),
        ((*HOST, ("origin", "null")), 403),
        ((*HOST, ("origin", "https://evil.example")), 403),
        ((("host", "evil.example:8080"),), 403),
        ((("host", "evil.example:8080"), ("origin", "http://evil.example:8080")), 403),
        ((("host", "[::1"),), 403),
        ((), 403),
    ],
)
def test_without_a_token_only_this_machine_may_and_no_web_page(headers: Any, status: int) -> None:
    assert status == told(MockServer(), "reset", headers=headers)[0]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", ""])
def test_beyond_the_machine_a_token_is_needed(host: str) -> None:
    status, refused = told(MockServer(), "reset", guard=Guard(host))
    assert (403, True) == (status, "STREAMSPEC_CONTROL_TOKEN" in refused["error"]["message"])
    for sent, status in (
        ("Bearer right", 200),
        ("bearer right", 200),
        ("Bearer wrong", 401),
        ("", 401),
        ("\udcff", 401),
    ):
        headers = (("host", "mock.example"), ("authorization", sent))
        assert status == told(MockServer(), "reset", guard=Guard(host, "right"), headers=headers)[0]


@pytest.mark.parametrize(("path", "method", "status"), [("nothing", "POST", 404), ("reset", "GET", 405)])
def test_other_paths_and_methods_are_told_what_there_is(path: str, method: str, status: int) -> None:
    assert status == told(MockServer(), path, method=method)[0]


def test_a_control_over_http_leaves_no_trace(in_memory) -> None:
    async def play(stage) -> Any:
        return (await stage.ask({"fault": FAULT}, path="/control/fault")).status, (await stage.get("/health")).document

    status, health = in_memory(play)
    assert 403 == status  # in memory the server is called mock
    assert ("ok", None) == (health["status"], health["fault"])


def test_over_tcp_it_is_told_too(streamspec_mock: Mock) -> None:
    root = streamspec_mock.base_url.removesuffix("/v1")

    def post(path: str, sent: bytes) -> Any:
        with urlopen(Post(f"{root}{path}", sent, {"content-type": "application/json"})) as answer:
            return json.load(answer)

    assert FAULT == post("/control/fault", b'{"fault": "%s"}' % FAULT.encode())["fault"]
    yaml = "scenario:\n- {name: mine, reply: \N{GRINNING FACE}}\n"
    assert ["mine"] == post("/control/scenario", yaml.encode())["scenario"]["entries"]
    hi = b'{"model": "mock", "messages": [{"role": "user", "content": "Say hi"}]}'
    assert "\N{GRINNING FACE}" == post("/v1/chat/completions", hi)["choices"][0]["message"]["content"]
    state = post("/control/reset", b"{}")
    assert (None, None) == (state["fault"], state["scenario"])
    assert () == streamspec_mock.journal


def test_the_journal_tells_when_each_event_was_written_where_that_is_asked(streamspec_mock: Mock) -> None:
    root = streamspec_mock.base_url.removesuffix("/v1")
    hi = b'{"model": "mock", "messages": [{"role": "user", "content": "Say hi"}], "stream": true}'
    for _ in range(3):
        urlopen(Post(f"{root}/v1/chat/completions", hi, {"content-type": "application/json"})).read()
    with urlopen(f"{root}/journal?writes&last=2") as answer:
        asked = json.load(answer)["requests"]
    assert [2, 3] == [entry["number"] for entry in asked]
    assert [entry["events"] for entry in asked] == [len(entry["writes"]) for entry in asked]
    assert asked[0]["writes"] == sorted(asked[0]["writes"])
    with urlopen(f"{root}/journal?last=nine") as answer:
        plain = json.load(answer)["requests"]
    assert (3, {False}) == (len(plain), {"writes" in entry for entry in plain})
