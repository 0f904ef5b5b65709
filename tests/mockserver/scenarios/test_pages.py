"""The page about scenarios and the example in the package: all that they show is played."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from conformance.judge import findings_of
from mockserver.scenarios import reading

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "scenarios.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
SCENARIOS = [text for language, text in BLOCKS if language == "yaml"]
TALKS = [(BLOCKS[number - 1][1], text) for number, (language, text) in enumerate(BLOCKS) if language == "text"]
PYTHON = [text for language, text in BLOCKS if language == "python"]
EXAMPLE = Path(reading.__file__).with_name("example.yaml")


def tools_of(scenario):
    says = [says for entry in scenario.entries for reply in entry.replies for says in reply.choices]
    names = dict.fromkeys(call.name for say in says for call in say.calls)
    return [{"type": "function", "function": {"name": name}} for name in names]


def told(exchange):
    """An answer as the page writes it."""
    if exchange.status != 200:
        error = exchange.document["error"]
        return f"{exchange.status}{' ' + error['code'] if error['code'] else ''}: {error['message']}"
    message = exchange.document["choices"][0]["message"]
    if message["refusal"]:
        return f"(refusal) {message['refusal']}"
    calls = [f"{call['function']['name']}({call['function']['arguments']})" for call in message.get("tool_calls", ())]
    return " ".join([message["content"] or "", *calls])


@pytest.mark.parametrize(("text", "talk"), TALKS)
def test_the_talks_of_the_page_go_as_it_shows(play, text, talk):
    stage = play(text)
    offered = tools_of(stage.book.scenario)
    turns = re.findall(r"^> (.*)\n(.*)$", talk, re.MULTILINE)
    members = {"stream": False} | ({"tools": offered} if offered else {})
    assert turns == [(said, told(stage.record(stage.request(said, **members)))) for said, _ in turns]


@pytest.mark.parametrize("text", SCENARIOS)
def test_every_scenario_of_the_page_is_in_order(text):
    assert reading.parse(text).entries


@pytest.mark.parametrize("text", PYTHON)
def test_the_python_of_the_page_runs(text, capsys):
    names: dict[str, object] = {}
    exec(compile(text, "docs/scenarios.md", "exec"), names)
    asyncio.run(names["main"]())
    assert capsys.readouterr().out.startswith("http://127.0.0.1:")


def test_the_page_names_every_member():
    schema = json.loads((ROOT / "schemas" / "scenario.json").read_text("utf-8"))["$defs"]
    members = [name for part in ("entry", "when", "reply", "break") for name in schema[part]["properties"]]
    assert [] == [name for name in members if f"`{name}" not in PAGE and f"{name}:" not in PAGE]


SAID = {
    "Well, hello": 'Hello! This is mock, and you said "Well, hello".',
    "How is the weather in Rome?": 'Let me look that up. get_weather({"city": "Rome"})',
    "Please think": "The answer is 42.",
    "Make a person": '{"name": "Ada", "age": 36}',
    "It is forbidden": "(refusal) I am sorry, I cannot help with that.",
    "Are you busy?": "429 rate_limit_exceeded: Rate limit reached; try again later.",
}


@pytest.mark.parametrize("said", SAID)
def test_the_example_replies(play, said):
    stage = play(EXAMPLE.read_text("utf-8"))
    request = stage.request(said, tools=tools_of(stage.book.scenario), stream=False)
    assert SAID[said] == told(stage.record(request))
    assert {} == {rule: found for rule, found in findings_of(stage.record(request)).items() if found}


@pytest.mark.parametrize("said", ["cut", "cut inside", "no end"])
def test_the_example_breaks(play, said):
    stage = play(EXAMPLE.read_text("utf-8"))
    assert b"[DONE]" not in stage.record(stage.request(said)).body
