"""Whatever a scenario says and whatever is asked, there is a well-formed answer, and the rules have nothing to say."""

import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from conformance.mistakes import ConfigurationError
from conformance.protocols.exchange import Ending
from mockserver.scenarios.reading import parse

# Left out: words of the protocol (<think>, <|end|>) and the letters that text in a wrong encoding is made of.
LETTERS = st.characters(max_codepoint=0x7F, exclude_categories=["Cc"], exclude_characters="<>|") | st.characters(
    codec="utf-8", min_codepoint=0x400, exclude_categories=["Cc"], exclude_characters="\ufffd"
)
TEXT = st.text(LETTERS, min_size=1, max_size=12) | st.sampled_from(
    ["{model}", "{last_message}!", "{{turn}}", "{", "ü👋"]
)
WORD = st.sampled_from(["Go", "Stop", "o", "x"])
PIECES = st.lists(TEXT, min_size=1, max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(LETTERS, max_size=4), inner, max_size=3),
    max_leaves=5,
)
CALL = st.sampled_from([{"name": "f"}, {"name": "f", "arguments": {"a": "{last_message}"}}, {"name": "g"}])
SAID = st.one_of(
    st.fixed_dictionaries({"text": TEXT}, optional={"reasoning": TEXT | PIECES}),
    # No finish_reason: that is the author's own word, and with a stop sequence the rules expect another.
    st.fixed_dictionaries({"pieces": PIECES}),
    st.fixed_dictionaries({"json": JSON}),
    st.fixed_dictionaries({"refusal": TEXT | PIECES}),
    st.fixed_dictionaries({"tool_calls": st.lists(CALL, min_size=1, max_size=3)}, optional={"text": TEXT}),
)
PACE = st.fixed_dictionaries(
    {}, optional={"prefill": st.floats(0, 0.005), **{name: st.floats(0, 1) for name in ("first", "gap", "jitter")}}
).filter(bool)
USAGE = st.fixed_dictionaries(
    {}, optional={name: st.integers(1, 5000) for name in ("prompt_tokens", "cached_tokens", "completion_tokens")}
).filter(bool)
TOLD = {"pace": PACE, "headers": st.just({"x-a": "b"}), "times": st.integers(1, 2)}
GOOD = st.one_of(
    TEXT,
    st.tuples(SAID, st.fixed_dictionaries({}, optional={"usage": USAGE, **TOLD})).map(lambda two: {**two[0], **two[1]}),
    st.fixed_dictionaries({"choices": st.lists(SAID, min_size=1, max_size=3)}, optional={"usage": USAGE, **TOLD}),
    st.fixed_dictionaries({"error": st.integers(400, 599)}, optional=TOLD),
)
BREAK = st.tuples(
    st.sampled_from(["at_event", "at_byte", "inside_character"]),
    st.integers(1, 400),
    st.sampled_from(["close", "reset", "stall", "garbage"]),
).map(lambda parts: {parts[0]: parts[1], "how": parts[2]})
FAULT = st.sampled_from(["chat/termination/done-sent", "chat/role/sent-once", "http/framing/last-chunk-sent"])
BROKEN = st.one_of(
    st.tuples(SAID, BREAK).map(lambda two: {**two[0], "break": two[1]}),
    st.tuples(SAID, FAULT).map(lambda two: {**two[0], "fault": two[1]}),
)
MATCH = WORD | st.sampled_from([{"contains": "o"}, {"regex": "(?P<x>.)"}, {"equals": "GO", "ignore_case": True}])
WHEN = st.fixed_dictionaries(
    {},
    optional={
        "message": MATCH,
        "system": MATCH,
        "model": MATCH,
        "turn": st.integers(0, 2) | st.just({"min": 1}),
        "tools": st.booleans() | st.just(["f"]),
        "headers": st.just({"x-a": "b"}),
        "stream": st.booleans(),
        "protocol": st.sampled_from(["chat", "completions"]),
    },
).filter(bool)


def entries(reply):
    return st.one_of(
        st.fixed_dictionaries({"reply": reply}, optional={"when": WHEN}),
        st.fixed_dictionaries(
            {"replies": st.lists(reply, min_size=1, max_size=3)},
            optional={
                "when": WHEN,
                "repeat": st.sampled_from(["last", "cycle"]),
                "per": st.sampled_from(["server", "conversation"]),
            },
        ),
    )


def scenarios(reply):
    return st.fixed_dictionaries(
        {"scenario": st.lists(entries(reply), min_size=1, max_size=3)},
        optional={"otherwise": st.sampled_from(["built-in", "refuse"])},
    )


TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"a": {}}}}}
    for name in ("f", "g")
]
MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "stream": st.booleans(),
        "stream_options": st.sampled_from([{"include_usage": True}, {}]),
        "n": st.integers(1, 3),
        "max_tokens": st.integers(1, 12),
        "stop": st.sampled_from(["o", ["l", "{"], " "]),
        "logprobs": st.booleans(),
        "tools": st.just(TOOLS),
        "parallel_tool_calls": st.booleans(),
        "tool_choice": st.sampled_from(["auto", "none", "required"]),
        "response_format": st.just({"type": "json_object"}),
    },
)
ASKED = st.lists(st.tuples(WORD, MEMBERS, st.booleans()), min_size=1, max_size=4)
COMMON = ("stream", "stream_options", "n", "max_tokens", "stop")


def exchanges(stage, asked):
    for message, members, chat in asked:
        if chat:
            yield stage.record(stage.request(message, **members))
        else:
            yield stage.record(stage.completion(message, **{k: v for k, v in members.items() if k in COMMON}))


def read(value):
    """The scenario of a value, written down and read."""
    try:
        return parse(yaml.safe_dump(value, allow_unicode=True))
    except ConfigurationError:
        assume(False)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(scenarios(GOOD), ASKED)
def test_the_rules_find_nothing_in_the_answers_of_any_scenario_without_a_fault(stage, wrong, value, asked):
    for exchange in exchanges(stage(read(value)), asked):
        assert Ending.EOF is exchange.ending
        assert {} == wrong(exchange)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(scenarios(BROKEN | GOOD), ASKED)
def test_any_scenario_gets_an_answer_to_any_request_and_the_same_again(stage, value, asked):
    scenario = read(value)
    once, again = (list(exchanges(stage(scenario), asked)) for _ in range(2))
    assert [exchange.body for exchange in once] == [exchange.body for exchange in again]
    assert all(exchange.status in {200, *range(400, 600)} for exchange in once)
