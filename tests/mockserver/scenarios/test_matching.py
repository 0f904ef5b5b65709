"""Which requests an entry waits for, and what is said where one is another."""

import pytest

TOOL = {"type": "function", "function": {"name": "get_weather"}}
USER, SYSTEM = {"role": "user", "content": "Hello there"}, {"role": "system", "content": "Be brief."}
RESULT = [
    USER,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "It is sunny."},
]
PARTS = {"role": "user", "content": [{"type": "text", "text": "Hello there"}]}


@pytest.mark.parametrize(
    ("when", "members", "why_not"),
    [
        ("{message: Hello there}", {}, None),
        ("{message: Hello}", {}, "the last message of the user is 'Hello there', wanted one that is 'Hello'"),
        ("{message: {contains: the}}", {}, None),
        ("{message: {contains: The}}", {}, "wanted one that contains 'The'"),
        ("{message: {contains: THE, ignore_case: true}}", {}, None),
        ("{message: {equals: HELLO THERE, ignore_case: true}}", {}, None),
        ("{message: {regex: '^H.*e$'}}", {}, None),
        ("{message: {regex: '^h', ignore_case: true}}", {}, None),
        ("{message: {regex: '^h'}}", {}, "wanted one that matches '^h'"),
        ("{message: {contains: a, regex: b}}", {}, "wanted one that contains 'a' and matches 'b'"),
        ("{message: Hello there}", {"messages": [PARTS]}, None),
        ("{message: Hello there}", {"messages": RESULT}, None),
        ("{system: {contains: brief}}", {"messages": [SYSTEM, USER]}, None),
        ("{system: {contains: brief}}", {}, "the system message is ''"),
        ("{tool_result: {contains: sunny}}", {"messages": RESULT}, None),
        ("{tool_result: {contains: sunny}}", {}, "the result of a tool call is not there"),
        ("{model: mock}", {}, None),
        ("{model: {contains: gpt}}", {}, "the model is 'mock'"),
        ("{tools: [get_weather]}", {"tools": [TOOL]}, None),
        ("{tools: [get_weather]}", {}, "the tool 'get_weather' is not offered"),
        ("{tools: true}", {"tools": [TOOL]}, None),
        ("{tools: true}", {}, "no tools are offered, wanted some"),
        ("{tools: false}", {"tools": [TOOL]}, "tools are offered, wanted none"),
        ("{headers: {X-Team: {contains: sea}}}", {"headers": {"x-team": "search"}}, None),
        ("{headers: {x-team: search}}", {}, "the header x-team is not there"),
        ("{headers: {authorization: a}}", {"headers": {"Authorization": "Bearer key"}}, "header authorization is ***,"),
        ("{turn: 1}", {}, None),
        ("{turn: 2}", {}, "the turn is 1, wanted 2"),
        ("{turn: {min: 2}}", {"messages": [USER, USER]}, None),
        ("{turn: {max: 1}}", {"messages": [USER, USER]}, "the turn is 2, wanted 0 to 1"),
        ("{messages: {min: 4}}", {"messages": RESULT}, "the number of messages is 3, wanted at least 4"),
        ("{stream: false}", {}, "a stream is asked for, wanted a document"),
        ("{stream: true}", {"stream": None}, "a document is asked for, wanted a stream"),
        ("{protocol: chat}", {}, None),
        ("{protocol: completions}", {}, "it is asked for a chat completion, wanted a text completion"),
    ],
)
def test_an_entry_waits_for_what_it_says(play, when, members, why_not):
    stage = play(f"otherwise: refuse\nscenario: [{{name: it, when: {when}, reply: Fine}}]")
    exchange = stage.record(stage.request("Hello there", **members))
    if why_not is None:
        assert (200, "it") == (exchange.status, stage.chosen.entry)
    else:
        assert 400 == exchange.status
        assert why_not in exchange.document["error"]["message"]


@pytest.mark.parametrize("prompt", ["Hello there", ["Other", "Hello there"]])
def test_the_prompt_of_a_text_completion_is_its_message(play, prompt):
    stage = play("otherwise: refuse\nscenario: [{when: {message: Hello there, protocol: completions}, reply: Fine}]")
    assert 200 == stage.record(stage.completion(prompt)).status


def test_the_first_entry_that_matches_replies(play):
    stage = play("scenario: [{when: {message: B}, reply: b}, {reply: first}, {reply: second}]")
    assert ["b", "first"] == [stage.said("B"), stage.said("A")]


def test_what_nothing_matches_gets_the_built_in_reply(play):
    stage = play("scenario: [{when: {message: B}, reply: b}]")
    assert "Hi there!" == stage.said("Say hi")
    assert "" == stage.chosen.entry


def test_a_refusal_says_for_each_entry_why_not_up_to_twenty(play):
    entries = ", ".join(f"{{name: e{number}, when: {{message: m{number}}}, reply: r}}" for number in range(25))
    stage = play(f"otherwise: refuse\nscenario: [{entries}]")
    message = stage.record(stage.request("Other")).document["error"]["message"]
    assert message.startswith("No entry of the scenario matches this request; e0: the last message of the user is 'Ot")
    assert message.endswith("wanted one that is 'm19'; and 5 more entries.")


def test_what_is_not_in_order_is_refused_before_the_scenario_is_asked(play):
    stage = play("models: [gpt-x]\nscenario: [{replies: [One, Two]}]")
    assert 400 == stage.answer(stage.request("Go", n=0)).status
    assert 404 == stage.answer(stage.request("Go", model="other")).status
    assert "One" == stage.said("Go", model="gpt-x")
