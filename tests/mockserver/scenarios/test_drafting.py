"""What a reply becomes: tokens, limits, arguments, usage, errors - and why it is not given."""

import json

import pytest

WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
STRICT = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Rome"]}}, "required": ["city"]},
    },
}
PIECES = "scenario: [{reply: {pieces: [Hel, lo, ' wor', ld]}}]"


def deltas(exchange, member):
    choices = [choice for step in exchange.steps if step.chunk for choice in step.chunk["choices"]]
    return [choice["delta"][member] for choice in choices if choice["delta"].get(member)]


def finish(exchange):
    choices = [choice for step in exchange.steps if step.chunk for choice in step.chunk["choices"]]
    return choices[-1]["finish_reason"]


def message(stage, **members):
    return stage.record(stage.request("Go", stream=False, **members)).document["choices"][0]["message"]


def test_pieces_are_the_tokens(play):
    stage = play(PIECES)
    assert ["Hel", "lo", " wor", "ld"] == deltas(stage.record(stage.request("Go")), "content")


def test_a_limit_counts_pieces(play):
    stage = play(PIECES)
    exchange = stage.record(stage.request("Go", max_tokens=2))
    assert (["Hel", "lo"], "length") == (deltas(exchange, "content"), finish(exchange))


@pytest.mark.parametrize(
    ("stop", "left"), [("o w", ["Hel", "l"]), ("lo", ["Hel"]), ("d", ["Hel", "lo", " wor", "l"]), ("H", [])]
)
def test_a_stop_sequence_may_span_pieces_and_cut_one(play, stop, left):
    stage = play(PIECES)
    exchange = stage.record(stage.request("Go", stop=stop))
    assert (left, "stop") == (deltas(exchange, "content"), finish(exchange))


def test_logprobs_are_made_for_the_pieces_when_asked_for(play):
    stage = play(PIECES)
    exchange = stage.record(stage.request("Go", logprobs=True, stream=False))
    tokens = exchange.document["choices"][0]["logprobs"]["content"]
    assert ["Hel", "lo", " wor", "ld"] == [token["token"] for token in tokens]


def test_text_is_cut_at_the_words(play):
    stage = play("scenario: [{reply: Good day to you}]")
    assert ["Good", " day", " to", " you"] == deltas(stage.record(stage.request("Go")), "content")


def test_names_are_filled_in_from_the_request_and_the_pattern(play):
    stage = play("""\
scenario:
  - when: {message: {regex: 'in (?P<city>[A-Z]\\w+)'}}
    reply: '{city}, {last_message}, {model}, turn {turn}, {{turn}}, {"a": 1}'
""")
    assert 'Rome, How is it in Rome?, mock, turn 1, {turn}, {"a": 1}' == stage.said("How is it in Rome?")


def test_a_name_is_not_evaluated(play):
    stage = play("scenario: [{reply: 'You said: {last_message}'}]")
    assert "You said: {model.__class__} {0} {model!r}" == stage.said("{model.__class__} {0} {model!r}")


def test_a_piece_that_becomes_nothing_is_not_sent(play):
    stage = play("scenario: [{when: {message: {regex: '(?P<x>q*)'}}, reply: {pieces: [a, '{x}', b]}}]")
    assert ["a", "b"] == deltas(stage.record(stage.request("Go")), "content")


def test_json_is_said_as_text_with_names_filled_in(play):
    stage = play("scenario: [{reply: {json: {said: '{last_message}', n: [1, null]}}}]")
    assert {"said": 'a "quoted" one', "n": [1, None]} == json.loads(stage.said('a "quoted" one'))


def test_json_may_be_null(play):
    assert "null" == play("scenario: [{reply: {json: null}}]").said("Go")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("{city: '{last_message}'}", '{"city": "Go"}'),
        ("""'{"city":"{last_message}"}'""", '{"city":"Go"}'),
        ("""['{"city":', ' "{last_message}"}']""", '{"city": "Go"}'),
    ],
)
def test_arguments_are_a_mapping_or_text_or_pieces(play, arguments, text):
    stage = play(f"scenario: [{{reply: {{tool_calls: [{{name: get_weather, arguments: {arguments}}}]}}}}]")
    (call,) = message(stage, tools=[WEATHER])["tool_calls"]
    assert {"name": "get_weather", "arguments": text} == call["function"]


def test_arguments_that_are_left_out_are_made_for_the_tool(play):
    stage = play("scenario: [{reply: {tool_calls: [{name: get_weather}]}}]")
    (call,) = message(stage, tools=[STRICT])["tool_calls"]
    assert {"city": "Rome"} == json.loads(call["function"]["arguments"])


def test_calls_end_where_a_stop_sequence_ends_the_text_before_them(play):
    stage = play("scenario: [{reply: {text: Let me see., tool_calls: [{name: get_weather}]}}]")
    assert {"role": "assistant", "content": "Let ", "refusal": None} == message(stage, tools=[WEATHER], stop="me")


def test_only_the_first_call_is_made_where_they_may_not_be_parallel(play):
    stage = play("scenario: [{reply: {tool_calls: [{name: get_weather}, {name: get_weather}]}}]")
    assert 2 == len(message(stage, tools=[WEATHER])["tool_calls"])
    assert 1 == len(message(stage, tools=[WEATHER], parallel_tool_calls=False)["tool_calls"])


def test_a_refusal_takes_the_place_of_content(play):
    said = message(play("scenario: [{reply: {refusal: I cannot.}}]"))
    assert {"role": "assistant", "content": None, "refusal": "I cannot."} == said


def test_choices_are_given_in_turn(play):
    stage = play("scenario: [{reply: {choices: [{text: One}, {text: Two}]}}]")
    document = stage.record(stage.request("Go", stream=False, n=3)).document
    assert ["One", "Two", "One"] == [choice["message"]["content"] for choice in document["choices"]]


@pytest.mark.parametrize(
    ("members", "usage"), [({}, (1200, 50, 1250)), ({"max_tokens": 4}, (1200, 4, 1204)), ({"n": 30}, (1200, 60, 1260))]
)
def test_usage_is_what_the_reply_says_as_far_as_it_can_be_true(play, members, usage):
    stage = play("""\
scenario: [{reply: {text: Hi there, usage: {prompt_tokens: 1200, cached_tokens: 1024, completion_tokens: 50}}}]
""")
    counted = stage.record(stage.request("Go", stream=False, **members)).document["usage"]
    assert usage == (counted["prompt_tokens"], counted["completion_tokens"], counted["total_tokens"])
    assert 1024 == counted["prompt_tokens_details"]["cached_tokens"]


def test_no_more_tokens_are_cached_than_the_prompt_has(play):
    stage = play("scenario: [{reply: {text: Hi, usage: {cached_tokens: 999}}}]")
    usage = stage.record(stage.request("Go", stream=False)).document["usage"]
    assert usage["prompt_tokens"] == usage["prompt_tokens_details"]["cached_tokens"]


def test_a_text_completion_gets_the_text(play):
    stage = play("scenario: [{reply: {pieces: [Hel, lo], usage: {prompt_tokens: 7, completion_tokens: 9}}}]")
    document = stage.record(stage.completion("Go", stream=False, max_tokens=5)).document
    assert ("Hello", "stop") == (document["choices"][0]["text"], document["choices"][0]["finish_reason"])
    assert {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12} == document["usage"]


def test_an_error_has_the_parts_that_are_given_and_those_that_go_with_its_status(play):
    stage = play("scenario: [{reply: {error: {status: 429, message: 'No more, {model}.', code: null}}}]")
    answer = stage.answer(stage.request("Go"))
    error = {"message": "No more, mock.", "type": "rate_limit_error", "param": None, "code": None}
    assert (429, error) == (answer.status, json.loads(answer.acts[0].data)["error"])
    assert "1" == dict(answer.headers)["retry-after"]


def test_a_header_of_the_reply_takes_the_place_of_the_usual_one(play):
    stage = play("scenario: [{reply: {error: 429, headers: {Retry-After: '20', x-more: a}}}]")
    headers = stage.answer(stage.request("Go")).headers
    assert [("Retry-After", "20"), ("x-more", "a")] == list(headers[-2:])
    assert ["Retry-After"] == [name for name, _ in headers if name.lower() == "retry-after"]


@pytest.mark.parametrize(
    ("reply", "members", "says"),
    [
        ("{tool_calls: [{name: get_weather}]}", {}, "it calls 'get_weather', which this request does not offer"),
        ("{tool_calls: [{name: get_weather}]}", {"tools": [WEATHER], "tool_choice": "none"}, "does not offer"),
        ("Hello", {"tools": [WEATHER], "tool_choice": "required"}, "tool_choice demands a call"),
        ("Hello", {"response_format": {"type": "json_object"}}, "its text is no JSON"),
        ("{json: [1]}", {"response_format": {"type": "json_object"}}, "does not fit response_format"),
        (
            "{tool_calls: [{name: get_weather, arguments: {city: Paris}}]}",
            {"tools": [STRICT]},
            "do not fit its parameters",
        ),
        (
            """{tool_calls: [{name: get_weather, arguments: '{"a": {last_message}}'}]}""",
            {"tools": [WEATHER]},
            "are not the text of a JSON object",
        ),
    ],
)
def test_a_reply_that_no_good_server_could_give_is_not_given(play, reply, members, says):
    stage = play(f"otherwise: refuse\nscenario: [{{name: first, reply: {reply}}}]")
    refused = stage.record(stage.request("Go", **members)).document["error"]
    assert "scenario_not_matched" == refused["code"]
    assert says in refused["message"]


@pytest.mark.parametrize("said", ["refusal: No.", "reasoning: Hm, text: Well", "tool_calls: [{name: get_weather}]"])
def test_a_text_completion_gets_no_reply_that_is_more_than_text(play, said):
    stage = play(f"otherwise: refuse\nscenario: [{{reply: {{{said}}}}}]")
    assert "a text completion has text alone" in stage.record(stage.completion("Go")).document["error"]["message"]
