"""Scenario files: what is read, and what each mistake is answered with."""

import contextlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import schemas
from conformance.mistakes import ConfigurationError
from mockserver.scenarios import reading
from mockserver.scenarios.reading import load, parse
from mockserver.scenarios.scenario import (
    Break,
    Entry,
    How,
    Number,
    Pace,
    Place,
    Reply,
    Says,
    Scenario,
    Text,
    Tool,
    When,
)

ONE = "scenario:\n  - reply: Hello\n"


def replies(text: str) -> str:
    """A scenario of one reply, whose members begin on line 4."""
    return "scenario:\n  - name: it\n    reply:\n" + "".join(f"      {line}\n" for line in text.splitlines())


def whens(text: str) -> str:
    """A scenario of one condition, on line 3."""
    return f"scenario:\n  - reply: Hello\n    when: {{{text}}}\n"


def test_a_scenario_is_read():
    text = """\
models: [gpt-x]
otherwise: refuse
scenario:
  - name: it
    when: {message: {contains: a}, turn: 2, messages: {min: 1}, tools: [t], headers: {X-A: b}, stream: true}
    replies:
      - {pieces: [a, b], reasoning: Hm, tool_calls: [{name: t, arguments: {a: 1}}], times: 2}
      - {text: c, pace: {gap: 0.5}, break: {at_event: 3, how: stall, seconds: 2}}
    repeat: cycle
    per: conversation
  - reply: Hello
"""
    when = When(
        message=Text(contains="a"),
        turn=Number(least=2, most=2),
        messages=Number(least=1),
        tools=("t",),
        headers=(("x-a", Text(equals="b")),),
        stream=True,
    )
    first = Says(text=("a", "b"), reasoning="Hm", calls=(Tool("t", {"a": 1}),))
    stall = Break(place=Place.EVENT, number=3, how=How.STALL, seconds=2)
    second = Reply(choices=(Says(text="c"),), pace=Pace(gap=0.5), breaks=stall)
    entry = Entry(
        name="it", when=when, replies=(Reply(choices=(first,), times=2), second), cycles=True, per_conversation=True
    )
    last = Entry(name="s.yaml:11", replies=(Reply(choices=(Says(text="Hello"),)),))
    assert Scenario(entries=(entry, last), models=("gpt-x",), refuses=True) == parse(text, "folder/s.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ["is empty", "scenario:"]),
        ("scenario: [", ["s.yaml:1", "not YAML"]),
        ("scenario: []\n", ["s.yaml:1", "scenario: [{when:"]),
        ("scenarios: []\n", ["unknown key 'scenarios'", "write:  scenario: "]),
        ("models: [mock]\n", ["has no 'scenario'", "write, below it:  scenario: [{when:"]),
        ("otherwise: fail\n" + ONE, ["s.yaml:1", "is not one of", "otherwise: refuse"]),
        ("models: ['a b']\n" + ONE, ["s.yaml:1", "the name of a model"]),
        ("scenario:\n  - {}\n", ["s.yaml:2", "there is nothing to reply; write:  reply: Hello!"]),
        (ONE + "    replies: [a]\n", ["s.yaml:3", "there is a `reply` already"]),
        (ONE + "    repeat: cycle\n", ["s.yaml:3", "'repeat' goes with `replies`"]),
        (ONE + "    wen: {}\n", ["s.yaml:3", "unknown key 'wen'", "write:  when: {message: Hello}"]),
        (
            "scenario:\n  - {name: a, reply: x}\n  - {name: a, reply: y}\n",
            ["s.yaml:3", "the name 'a' is taken by the entry of line 2"],
        ),
        ("scenario:\n  - reply: Yes\n", ["s.yaml:2", "true or false, wanted text", "reply: Hello!", "reply: 'Yes'"]),
        ("scenario: &s\n  - reply: *s\n", ["aliases"]),
        (ONE + "    when: {}\n", ["s.yaml:3", "when: {message: Hello}"]),
        (whens("message: {}"), ["s.yaml:3", "message: {contains: weather}"]),
        (whens("message: {ignore_case: true}"), ["s.yaml:3", "nothing to compare with; write:  contains: weather"]),
        (whens("message: {regex: '('}"), ["s.yaml:3", "'(' is no regular expression", "write:  contains"]),
        (whens("mesage: a"), ["unknown key 'mesage'", "write:  message: {contains: weather}"]),
        (whens("turn: {min: 3, max: 1}"), ["s.yaml:3", "write:  turn: {min: 1, max: 3}"]),
        (whens("turn: first"), ["s.yaml:3", "is text, wanted a whole number or a mapping; write:  turn: 1"]),
        (whens("headers: {'a b': c}"), ["s.yaml:3", "the name 'a b' is not the name of a header"]),
        (whens("protocol: chta"), ["s.yaml:3", "protocol: chat"]),
        (whens("tools: get_weather"), ["wanted true or false or a list", "tools: [get_weather]"]),
        (replies("txt: a"), ["s.yaml:4", "unknown key 'txt' in scenario.0.reply", "write:  text: Hello!"]),
        (replies("text: a\npieces: [b]"), ["s.yaml:5", "there is 'text' already"]),
        (replies("text: a\nerror: 429"), ["s.yaml:4", "'text' does not go with `error`"]),
        (replies("error: 429\nchoices: [{text: a}]"), ["s.yaml:4", "`error` does not go with `choices`"]),
        (replies("error: 429\nbreak: {at_event: 1}"), ["s.yaml:5", "'break' does not go with `error`"]),
        (replies("error: 200"), ["s.yaml:4", "error: 429"]),
        (replies("error: {message: a}"), ["s.yaml:4", "has no 'status'"]),
        (replies("reasoning: a"), ["s.yaml:3", "there is nothing to say; write:  text: Hello!"]),
        (replies("choices: [{reasoning: a}]"), ["s.yaml:4", "there is nothing to say"]),
        (replies("text: a\nfinish_reason: tool_calls"), ["s.yaml:5", "finish_reason: content_filter"]),
        (replies("refusal: a\ntool_calls: [{name: t}]"), ["s.yaml:4", "'refusal' does not go with `tool_calls`"]),
        (replies("tool_calls: [{arguments: {}}]"), ["s.yaml:4", "has no 'name'"]),
        (replies("tool_calls: [{name: a b}]"), ["s.yaml:4", "the name of a tool"]),
        (replies("tool_calls: [{name: t, arguments: 'a b'}]"), ["s.yaml:4", "not the text of a JSON object"]),
        (replies("tool_calls: [{name: t, arguments: ['[1', ']']}]"), ["s.yaml:4", "not the text of a JSON object"]),
        (replies("json: {at: 2026-01-01}"), ["s.yaml:4", "JSON has no date 2026-01-01; write it in quotes"]),
        (replies("json: [.nan]"), ["s.yaml:4", "JSON has no float nan"]),
        (replies("text: Hi {nmae}"), ["s.yaml:4", "fill in for {nmae}", "write:  {{nmae}} for the text itself"]),
        (replies("text: Hi {modle}"), ["s.yaml:4", "nothing is known to fill in for {modle}; write:  {model}"]),
        (replies("json: {a: ['{modle}']}"), ["s.yaml:4", "write:  {model}"]),
        (replies("text: a\nusage: {prompt_tokens: 3, cached_tokens: 5}"), ["s.yaml:5", "write:  cached_tokens: 3"]),
        (replies("text: a\nheaders: {Content-Length: '3'}"), ["s.yaml:5", "the name of a header that may be added"]),
        (replies('text: a\nheaders: {x-a: "b\\n"}'), ["s.yaml:5", "printable ASCII"]),
        (replies("text: a\nheaders: {retry-after: 2}"), ["s.yaml:5", "retry-after: '2'"]),
        (replies("text: a\npace: {jitter: 2}"), ["s.yaml:5", "jitter: 0.3"]),
        (replies("text: a\nfault: done-sent"), ["s.yaml:5", "did you mean chat/termination/done-sent"]),
        (replies("text: a\nfault: chat/termination/done-sent#x"), ["s.yaml:5", "it has left-out"]),
        (replies("text: a\nfault: chat/role/sent-once\nbreak: {at_event: 1}"), ["s.yaml:6", "delete one of them"]),
        (replies("text: a\nbreak: {how: reset}"), ["s.yaml:5", "one place is wanted; write:  break: {at_event: 3}"]),
        (replies("text: a\nbreak: {at_event: 1, at_byte: 2}"), ["s.yaml:5", "one place is wanted"]),
        (replies("text: a\nbreak: {at_event: 1, seconds: 2}"), ["s.yaml:5", "only a stall lasts; write:  how: stall"]),
        (replies("text: a\nbreak: {at_event: 0}"), ["s.yaml:5", "at_event: 3"]),
        (replies("text: a\ntimes: 0"), ["s.yaml:5", "times: 2"]),
    ],
)
def test_a_mistake_is_answered_with_the_line_to_write(text, says):
    with pytest.raises(ConfigurationError) as problem:
        parse(text, "s.yaml")
    for part in says:
        assert part in str(problem.value)


def test_every_mistake_is_told_at_once():
    with pytest.raises(ConfigurationError) as problem:
        parse(replies("text: '{a}'\npieces: ['{b}']\nbreak: {at_event: 1, seconds: 2}"), "s.yaml")
    assert ["s.yaml:4", "s.yaml:5", "s.yaml:5", "s.yaml:6"] == [
        line.partition(": ")[0] for line in str(problem.value).splitlines()
    ]


def test_the_files_of_a_folder_are_read_by_name(tmp_path):
    (tmp_path / "b.yaml").write_text("otherwise: refuse\nmodels: [x, y]\nscenario: [{name: b, reply: b}]")
    (tmp_path / "a.yml").write_text("models: [y, z]\nscenario: [{name: a, reply: a}]")
    (tmp_path / "c.txt").write_text("no scenario")
    found = load([tmp_path, tmp_path / "a.yml"])
    assert ["a", "b", "a"] == [entry.name for entry in found.entries]
    assert (("y", "z", "x"), True) == (found.models, found.refuses)


@pytest.mark.parametrize("name", ["", "none.yaml"])
def test_a_place_without_a_scenario_is_told_with_one_to_write(tmp_path, name):
    with pytest.raises(ConfigurationError, match="scenario:\n"):
        load([tmp_path / name])


def test_mistakes_of_several_files_are_told_together(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("scenario: 3")
    with pytest.raises(ConfigurationError) as problem:
        load([tmp_path])
    assert 2 == str(problem.value).count("wanted a list")


def keys_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    properties = schema.get("properties", {})
    own = set(properties) if isinstance(properties, dict) else set()
    return own.union(*map(keys_of, schema.values()))


def patterns_of(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(patterns_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
    return own.union(*map(patterns_of, schema.values()))


def test_every_pattern_of_the_schema_is_said_in_words():
    assert set(reading.PATTERNS) == patterns_of(schemas.load("scenario"))


def test_every_key_of_the_schema_has_an_example():
    assert set() == keys_of(schemas.load("scenario")) - set(reading.HINTS)


KEYS = sorted(keys_of(schemas.load("scenario")))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["{a}", "(?P<a>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(
    VALUES.map(lambda value: yaml.safe_dump({"scenario": [value]}))
    | VALUES.map(lambda value: yaml.safe_dump({"scenario": [{"reply": value}]}))
    | st.text(max_size=60)
)
def test_no_text_raises_anything_but_a_configuration_error(text):
    with contextlib.suppress(ConfigurationError):
        assert isinstance(parse(text), Scenario)
