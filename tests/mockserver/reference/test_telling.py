"""One choice: thoughts, text and calls from tokens, and which of them belong to the text that is said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.decoding.events import Finish, Token
from mockserver.reference.telling import Choice, Said
from mockserver.reference.words import Words

CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'


def told(
    tiny: Words, text: str, finish: Finish = Finish.STOP, *, size: int = 1, **options
) -> tuple[Choice, list[Said]]:
    """What is said of these tokens, so many at a time; a stop token ends them where nothing else does."""
    end = tiny.added["<|im_end|>"]
    ids = tiny.encode_marked(text) + ([end] if finish is Finish.STOP else [])
    choice = Choice(words=tiny, **options)
    said: list[Said] = []
    for at in range(0, len(ids), size):
        last = at + size >= len(ids)
        tokens = [Token(number, -0.5) for number in ids[at : at + size]]
        said += choice.take(tokens, finish if last else None, end if last and finish is Finish.STOP else None)
    return choice, said


def text_of(said: Sequence[Said]) -> str:
    return "".join(each.text for each in said)


def test_text_is_said_as_it_comes(tiny: Words):
    choice, said = told(tiny, "Grüße 👋🏽!")
    assert ("Grüße 👋🏽!", "stop") == (text_of(said), choice.finish)
    assert len(said) > 3


def test_the_stop_token_counts_and_says_nothing(tiny: Words):
    choice, _ = told(tiny, "Hi")
    assert len(tiny.encode("Hi")) + 1 == choice.tokens


def test_a_reply_that_is_cut_ends_by_length_and_says_what_was_held_back(tiny: Words):
    choice, said = told(tiny, "one STO", Finish.LENGTH, stops=["STOP"])
    assert ("one STO", "length") == (text_of(said), choice.finish)


def test_thoughts_are_told_apart_without_the_white_space_around_them(tiny: Words):
    choice, said = told(tiny, "<think>\nTwo and two\nare four.\n</think>\n\nThe answer is 4.")
    assert "Two and two\nare four." == "".join(each.thought for each in said)
    assert "The answer is 4." == text_of(said)
    assert len(tiny.encode_marked("<think>\nTwo and two\nare four.\n</think>")) == choice.thought_tokens


def test_who_thinks_again_is_not_taken_at_its_word(tiny: Words):
    choice, said = told(tiny, "Four.<think>\nOr five?</think> No. </think>Four.")
    assert ("Four. No. Four.", "Or five?") == (text_of(said), "".join(each.thought for each in said))
    assert "stop" == choice.finish


def test_a_call_is_told_by_its_name_and_pieces(tiny: Words):
    choice, said = told(tiny, f"Let me look.\n{CALL}", may_call=True)
    calls = [each.call for each in said if each.call]
    assert ("Let me look.", "tool_calls") == (text_of(said), choice.finish)
    assert ("f", '{"a": 1}') == (calls[0].name, "".join(part.arguments for part in calls))


def test_calls_are_counted(tiny: Words):
    _, said = told(tiny, f"{CALL}\n{CALL}", may_call=True)
    assert {0, 1} == {each.call.index for each in said if each.call}
    assert "" == text_of(said)


def test_where_one_call_is_all_that_may_come_it_ends_the_reply(tiny: Words):
    choice, said = told(tiny, f"{CALL}\n{CALL}", may_call=True, most_calls=1)
    assert {0} == {each.call.index for each in said if each.call}
    assert "tool_calls" == choice.finish


def test_who_may_not_call_says_it_as_text(tiny: Words):
    choice, said = told(tiny, CALL)
    assert ("stop", CALL) == (choice.finish, text_of(said))


def test_what_stands_between_the_marks_and_is_no_call_is_text(tiny: Words):
    choice, said = told(tiny, "<tool_call>\nnothing\n</tool_call>", may_call=True)
    assert ("stop", "nothing") == (choice.finish, text_of(said).strip())


def test_bare_calls_need_no_marks(tiny: Words):
    choice, said = told(tiny, '{"name": "f", "arguments": {"a": [1, 2]}}', may_call=True, bare_calls=True)
    assert '{"a": [1, 2]}' == "".join(each.call.arguments for each in said if each.call)
    assert "tool_calls" == choice.finish


@pytest.mark.parametrize("stop", ["m num", "3", "\n2", "ite"])
def test_a_stop_string_ends_it_and_is_not_said(tiny: Words, stop: str):
    text = "1. item number 1\n2. item number 2\n3. item number 3"
    choice, said = told(tiny, text, stops=[stop])
    assert (text[: text.index(stop)], "stop") == (text_of(said), choice.finish)


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    stops=st.lists(st.text(min_size=1, max_size=3), max_size=2),
    size=st.integers(1, 6),
    may_call=st.booleans(),
)
def test_the_tokens_of_a_text_are_its_bytes(tiny: Words, text: str, stops: list[str], size: int, may_call: bool):
    text = "".join(text.split("<")) or "x"
    choice, said = told(tiny, text, size=size, stops=stops, may_call=may_call, with_tokens=True)
    spoken = text_of(said).encode()
    entries = b"".join(tiny.bytes_of(token.id) for each in said for token in each.tokens)
    if stops and choice.finish and len(spoken) < len(text.encode()):
        assert entries.startswith(spoken)  # a token that is said in part is told whole
    else:
        assert spoken == entries


@pytest.mark.parametrize(("stops", "size"), [(["b"], 1), (["bx"], 1), (["bx"], 9)])
def test_a_token_of_which_only_the_beginning_is_said_is_told(tiny: Words, stops: list[str], size: int):
    both = next(token for token in range(tiny.size) if tiny.bytes_of(token) == b"it")
    stops = [stop.replace("b", "t").replace("x", "3") for stop in stops]
    choice = Choice(words=tiny, stops=stops, with_tokens=True)
    tokens = [Token(both, -0.5), *(Token(token, -0.5) for token in tiny.encode("3"))]
    said = [each for at in range(0, len(tokens), size) for each in choice.take(tokens[at : at + size], None)]
    assert ("i", "stop") == (text_of(said), choice.finish)
    assert [both] == [token.id for each in said for token in each.tokens]


def test_half_a_character_at_the_end_is_told_with_its_tokens(tiny: Words):
    half = tiny.encode("👋")[:-1]
    choice = Choice(words=tiny, with_tokens=True)
    said = list(choice.take([Token(number) for number in half], Finish.LENGTH))
    assert ("\ufffd", half) == (text_of(said), [token.id for each in said for token in each.tokens])


def test_white_space_that_comes_in_many_tokens_is_text_once_text_follows(tiny: Words):
    ids = tiny.encode("a") + 40 * tiny.encode("\n") + tiny.encode("b")
    choice = Choice(words=tiny, may_call=True, with_tokens=True)
    said = list(choice.take([Token(number) for number in ids], Finish.LENGTH))
    assert ("a" + 40 * "\n" + "b", ids) == (text_of(said), [token.id for each in said for token in each.tokens])


@pytest.mark.parametrize(
    "call", [CALL, CALL.replace('"name": "f", "arguments": {"a": 1}', '"arguments": {"a": 1}, "name": "f"')]
)
@pytest.mark.parametrize("size", [1, 99])
def test_a_call_of_what_is_not_offered_is_text(tiny: Words, call: str, size: int):
    choice, said = told(tiny, call, size=size, may_call=True, offered=frozenset({"g"}))
    text = "".join(each.text for each in said)
    assert ([], "stop", call.split("\n")[1]) == ([each.call for each in said if each.call], choice.finish, text.strip())


def test_a_call_that_is_text_has_its_tokens_and_ends_at_a_stop_string(tiny: Words):
    _, said = told(tiny, CALL, may_call=True, offered=frozenset({"g"}), with_tokens=True)
    body = CALL.split("\n")[1]
    assert body in "".join(tiny.text_of([token.id for token in each.tokens]) for each in said)
    choice, said = told(tiny, CALL, may_call=True, offered=frozenset({"g"}), stops=["arg"])
    assert ("stop", body.split("arg")[0]) == (choice.finish, "".join(each.text for each in said).lstrip())
