"""Rules about text completions, where one good or bad example from the mock server does not show it all."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.judge import findings_of
from conformance.protocols.exchange import Ending, Exchange, Request
from conformance.protocols.reading import ExchangeReader
from conformance.rules import ALL
from conformance.rules.chat import termination, usage
from conformance.rules.completions import RULES
from conformance.rules.completions.mutate import in_text
from conformance.rules.rule import MAY, MUST
from conformance.strategies import CUTS, Spelling, Stream, good_streams, legal_spellings
from conformance.wire.http import Head
from conformance.wire.script import Answer, Send, body

URL = "http://target/v1/completions"
HEAD = b'"id":"cmpl-1","object":"text_completion","created":1767225600,"model":"m"'
DONE = b"data: [DONE]\n\n"
LOUD = [rule for rule in RULES if rule.level is not MAY]


def choice(text: str, index: int = 0, finish: str | None = None, **members: object) -> str:
    return json.dumps({"text": text, "index": index, "logprobs": None, "finish_reason": finish, **members})


def received(*choices: str, end: bytes = DONE, **request: Any) -> Exchange:
    """A stream with a chunk for each of these choices."""
    asked = Request("POST", URL, (), {"stream": True, "prompt": "Go", "max_tokens": 64, **request})
    reader = ExchangeReader(asked, head=Head(200, (("content-type", "text/event-stream"),)), layer="body")
    for one in choices:
        reader.feed(b'data: {%s,"choices":[%s]}\n\n' % (HEAD, one.encode()), 0.1)
    reader.feed(end, 0.1)
    return reader.close(Ending.EOF, 0.2)


def broken(exchange: Exchange) -> set[str]:
    return {name.removeprefix("completions/") for name, found in findings_of(exchange, LOUD).items() if found}


# -- as OpenAI sends it, and as it may ------------------------------------------------------------------------------


def test_text_may_ride_on_the_finish() -> None:
    assert set() == broken(received(choice("a"), choice("b", finish="length")))


def test_a_finish_may_come_alone() -> None:
    assert set() == broken(received(choice("a"), choice("", finish="stop")))


def test_a_filter_may_end_a_text() -> None:
    assert set() == broken(received(choice("a"), choice("", finish="content_filter")))


def test_choices_of_two_prompts_may_be_told_in_any_order() -> None:
    told = (choice("x", 1), choice("a", 0), choice("", 1, "stop"), choice("", 0, "length"))
    assert set() == broken(received(*told, prompt=["a", "b"]))


def test_a_prompt_of_token_ids_is_one_prompt() -> None:
    assert {"order/index-in-range"} == broken(received(choice("a", 1), choice("", 1, "stop"), prompt=[5, 7]))


def spoken(*, odd: bool = False) -> st.SearchStrategy[Stream]:
    """Good text completions: good chat streams without tools, told as such."""
    return good_streams(odd=odd).filter(lambda s: "tools" not in s.request.body).map(as_text)  # type: ignore[operator]


def as_text(stream: Stream) -> Stream:
    """A good chat stream told as a text completion."""
    asked = stream.request.body
    assert isinstance(asked, dict)
    request = {"prompt": "Hi", "max_tokens": 1000, **{k: v for k, v in asked.items() if k != "messages"}}
    messages = [e.removeprefix("data: ") for e in body(stream.answer.acts).decode().split("\n\n") if e]
    acts = []
    for message in messages:
        if message != "[DONE]":
            chunk = json.loads(message)
            chunk["object"], chunk["id"] = "text_completion", "cmpl-1"
            for one in chunk["choices"]:
                one["text"] = one.pop("delta").get("content") or ""
                one.setdefault("logprobs", None)
            message = json.dumps(chunk, ensure_ascii=False, separators=(",", ":"))
            message = message.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        acts.append(Send(f"data: {message}\n\n".encode()))
    return Stream(Request("POST", URL, (), request), replace(stream.answer, acts=tuple(acts)))


@given(spoken())
@settings(max_examples=100)
def test_every_rule_is_silent_on_good_streams(stream: Stream) -> None:
    assert {} == {rule: found for rule, found in findings_of(stream.exchange()).items() if found}


@given(spoken(odd=True), legal_spellings(), CUTS)
@settings(max_examples=150)
def test_no_must_rule_speaks_of_what_is_allowed(stream: Stream, spelling: Spelling, cuts: list[int]) -> None:
    musts = [rule for rule in ALL if rule.level is MUST]
    found = findings_of(stream.spelled(spelling, cuts).exchange(), musts)
    assert {} == {rule: findings for rule, findings in found.items() if findings}


# -- one mistake, one finding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ((choice("a", logprobs=5), choice("", finish="stop")), "logprobs/shape"),
        ((choice("a", finish="eos"),), "choice/finish-reason-known"),
        (("5", choice("", finish="stop")), "choice/object"),
        ((choice("a"), choice("b")), "termination/finish-before-done"),
        ((choice("a"), choice("", finish="stop"), choice("b")), "order/nothing-after-finish"),
        ((choice("a"), choice("", finish="stop"), choice("")), "order/no-empty-chunk-after-finish"),
        ((choice("a", delta={"content": "a"}), choice("", finish="stop")), "choice/text-alone"),
        ((choice("a"), choice("", finish="stop"), choice("", finish="stop")), "order/finish-once"),
        ((), "order/choice-sent"),
    ],
)
def test_a_mistake_is_told_once(choices: tuple[str, ...], says: str) -> None:
    assert {says} == broken(received(*choices))


def test_null_for_data_is_an_object_that_is_missing() -> None:
    good = (choice("a"), choice("", finish="stop"))
    assert {"json/object"} == broken(received(*good, end=b"data: null\n\n" + DONE))


# -- the limit where none is asked for ------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "says"), [(16, set()), (20, set()), (21, {"limits/default-sixteen"})])
def test_more_chunks_than_sixteen_tokens_are_told_a_few_apart(tokens: int, says: set[str]) -> None:
    assert says == broken(received(*[choice("a ")] * tokens, choice("", finish="length"), max_tokens=None))


def test_counted_tokens_are_taken_at_their_word() -> None:
    counted = b'data: {%s,"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":17,"total_tokens":18}}\n\n' % HEAD
    asked = {"max_tokens": None, "stream_options": {"include_usage": True}}
    found = broken(received(choice("a"), choice("", finish="length"), end=counted + DONE, **asked))
    assert {"limits/default-sixteen", "usage/null-elsewhere"} == found


def test_an_echoed_prompt_is_no_part_of_the_limit() -> None:
    assert set() == broken(
        received(choice("Go"), *[choice("a")] * 30, choice("", finish="stop"), max_tokens=None, echo=True)
    )


# -- echo -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Tell me more", set()),
        (" Tell me more", set()),
        ("more", {"echo/sent"}),
        ("more Tell me", {"echo/first"}),
        ("Tell meTell me more", {"echo/once"}),
        ("Tell me to Tell me", set()),
    ],
)
def test_a_prompt_comes_back_first_and_once(text: str, says: set[str]) -> None:
    assert says == broken(received(choice(text), choice("", finish="stop"), prompt="Tell me", echo=True))


def test_a_prompt_of_token_ids_is_not_looked_for() -> None:
    assert set() == broken(received(choice("a"), choice("", finish="stop"), prompt=[5, 7], echo=True))


def test_a_choice_that_goes_on_from_another_prompt_is_told_of_once() -> None:
    told = (choice("bx", 0, "stop"), choice("ax", 1, "stop"))
    assert {"prompts/in-their-order"} == broken(received(*told, prompt=["a", "b"], echo=True))


def test_a_prompt_without_a_choice_is_missed() -> None:
    assert {"prompts/all-choices-sent"} <= broken(received(choice("a", 0, "stop"), prompt=["a", "b"]))


# -- logprobs -------------------------------------------------------------------------------------------------------


def with_logprobs(text: str, tokens: list[str], offsets: list[int], other: dict[str, object] | None = None) -> str:
    arrays: dict[str, object] = {
        "tokens": tokens,
        "token_logprobs": [-0.5] * len(tokens),
        "top_logprobs": [{token: -0.5} for token in tokens],
        "text_offset": offsets,
    }
    return choice(text, logprobs={**arrays, **(other or {})})


def judged(*choices: str, asked: int = 2) -> set[str]:
    return broken(received(*choices, choice("", finish="stop"), logprobs=asked))


@pytest.mark.parametrize("start", [0, 2])
def test_offsets_may_count_the_prompt_or_not(start: int) -> None:
    one, two = with_logprobs("ab", ["a", "b"], [start, start + 1]), with_logprobs("c", ["c"], [start + 2])
    assert set() == judged(one, two)


@pytest.mark.parametrize("offsets", [[0, 2], [-1, -1], [1, 0]])
def test_an_offset_is_where_the_token_before_it_ends(offsets: list[int]) -> None:
    assert {"logprobs/offsets-continue"} == judged(with_logprobs("ab", ["a", "b"], offsets))


def test_tokens_that_are_no_whole_characters_are_passed_over() -> None:
    assert set() == judged(with_logprobs("é", ["bytes:\\xc3", "bytes:\\xa9"], [0, 0]), with_logprobs("b", ["b"], [9]))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"text_offset": []}, {"logprobs/aligned"}),
        ({"tokens": ["x"]}, {"logprobs/tokens-are-the-text"}),
        ({"token_logprobs": [0.9]}, {"logprobs/not-positive"}),
        ({"token_logprobs": [0.0001]}, set()),
        ({"token_logprobs": [None], "top_logprobs": [None]}, set()),
        ({"top_logprobs": None}, {"logprobs/as-many-as-asked"}),
        ({"top_logprobs": [{"a": -0.5, "b": -1, "c": -2}]}, set()),
        ({"top_logprobs": [{"a": -0.5, "b": -1, "c": -2, "d": -3}]}, {"logprobs/as-many-as-asked"}),
        ({"tokens": [5]}, {"logprobs/shape"}),
        ({"top_logprobs": [["a"]]}, {"logprobs/shape"}),
    ],
)
def test_each_array_of_logprobs_has_its_rule(members: dict[str, object], says: set[str]) -> None:
    assert says == judged(with_logprobs("a", ["a"], [0], members))


def test_logprobs_that_are_ignored_are_missed() -> None:
    assert {"logprobs/sent-when-asked"} == judged(choice("a"))


def test_logprobs_that_nobody_asked_for_are_told_of() -> None:
    sent = with_logprobs("a", ["a"], [0])
    assert {"logprobs/only-when-asked"} == broken(received(sent, choice("", finish="stop")))


# -- mutants of chat, done to a text completion ---------------------------------------------------------------------

CHUNKS = [b'data: {%s,"choices":[%s]}\n\n' % (HEAD, one.encode()) for one in (choice("a"), choice("", finish="stop"))]
GOOD = Answer(200, (("content-type", "text/event-stream"),), tuple(map(Send, [*CHUNKS, DONE])))


def test_a_mutant_of_chat_changes_what_it_says_and_nothing_else() -> None:
    changed = in_text(termination.finish_left_out)(GOOD)
    chunks = [json.loads(act.data.removeprefix(b"data: ")) for act in changed.acts[:-1] if isinstance(act, Send)]
    assert [None, None] == [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert {"text_completion"} == {chunk["object"] for chunk in chunks}
    assert ["a", ""] == [chunk["choices"][0]["text"] for chunk in chunks]


def test_a_mutant_of_chat_that_does_not_apply_leaves_the_answer_as_it_was() -> None:
    assert GOOD is in_text(usage.left_out)(GOOD)


def test_a_stream_of_chat_is_not_for_mutants_of_text_completions() -> None:
    chat = replace(GOOD, acts=(Send(b'data: {"object":"chat.completion.chunk","choices":[]}\n\n'), Send(DONE)))
    assert chat is in_text(termination.finish_left_out)(chat)


# -- whatever a server sends ----------------------------------------------------------------------------------------

ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
ARRAYS = st.dictionaries(
    st.sampled_from(["tokens", "token_logprobs", "top_logprobs", "text_offset"]),
    st.lists(st.none() | st.integers(-2, 9) | st.floats() | st.text(max_size=2) | st.just({"a": -1}), max_size=3) | ODD,
)
MEMBERS = st.fixed_dictionaries(
    {"index": st.integers(-1, 4) | ODD},
    optional={
        "text": st.text(max_size=4) | ODD,
        "logprobs": ARRAYS | ODD,
        "finish_reason": st.sampled_from([None, "stop", "length", ""]) | ODD,
        "delta": ODD,
    },
)
ASKED = st.fixed_dictionaries(
    {"stream": st.just(True)},
    optional={
        "prompt": st.text(max_size=3) | st.lists(st.text(max_size=2) | st.integers() | ODD, max_size=3) | ODD,
        "n": st.integers(-1, 3) | ODD,
        "echo": st.booleans() | ODD,
        "logprobs": st.integers(-1, 6) | ODD,
        "max_tokens": st.integers(-1, 3) | ODD,
        "stop": ODD,
        "stream_options": st.just({"include_usage": True}) | ODD,
    },
)


@given(
    ASKED, st.lists(st.lists(MEMBERS, max_size=2) | ODD, max_size=4), st.sampled_from([DONE, b"", b"data: null\n\n"])
)
@settings(max_examples=300)
def test_no_rule_raises_on_any_chunk_for_any_request(asked: dict[str, Any], chunks: list[object], end: bytes) -> None:
    reader = ExchangeReader(
        Request("POST", URL, (), asked), head=Head(200, (("content-type", "text/event-stream"),)), layer="body"
    )
    for choices in chunks:
        reader.feed(b"data: " + json.dumps({"choices": choices}).encode() + b"\n\n", 0.1)
    reader.feed(end, 0.1)
    findings_of(reader.close(Ending.EOF, 0.2))
