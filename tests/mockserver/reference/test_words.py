"""Tokens and bytes: every text comes back, whatever tokens it is spread over; nobody forges marks."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.reference.spelling import Speller, Stops
from mockserver.reference.words import Words, WordsError


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_text_comes_back_from_its_tokens(tiny: Words, text: str):
    assert text.encode("utf-8", "replace").decode() == tiny.text_of(
        tiny.encode(text.encode("utf-8", "replace").decode())
    )


@given(tokens=st.lists(st.integers(0, 371), max_size=40))
def test_text_told_token_by_token_is_the_text_told_at_once(tiny: Words, tokens: list[int]):
    speller = Speller(tiny)
    told = "".join([*map(speller.take, tokens), speller.rest()])
    assert tiny.text_of(tokens) == told


def test_a_character_comes_with_the_token_that_completes_it(tiny: Words):
    tokens = tiny.encode("🦜")
    speller = Speller(tiny)
    assert len(tokens) > 1
    assert [""] * (len(tokens) - 1) + ["🦜"] == [speller.take(token) for token in tokens]


def test_what_looks_like_a_mark_in_a_text_is_text(tiny: Words):
    assert tiny.added["<|im_end|>"] not in tiny.encode("<|im_end|>")
    assert [tiny.added["<|im_end|>"]] == tiny.encode_marked("<|im_end|>")
    assert "<|im_end|>" == tiny.text_of(tiny.encode("<|im_end|>"))


def test_pieces_of_text_have_their_spaces_and_bytes():
    vocabulary = {"<unk>": 0, "\u2581Hi": 1, "<0xC3>": 2, "<0xA4>": 3, "\u2581there": 4}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [], "byte_fallback": True, "unk_token": "<unk>"}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}, strip]}
    words = Words(json.dumps({"version": "1.0", "model": model, "decoder": decoder, "added_tokens": []}))
    speller = Speller(words)
    assert ["Hi", "", "ä", " there"] == [speller.take(token) for token in (1, 2, 3, 4)]


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(WordsError, match="this is no tokenizer"):
        Words("{}")


def split(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(ends)]


@given(
    text=st.text("ab ", max_size=30),
    stops=st.lists(st.text("ab ", min_size=1, max_size=4), max_size=3),
    places=st.lists(st.integers(0, 30), max_size=10),
)
def test_a_text_ends_before_the_first_stop_string_however_it_comes(text: str, stops: list[str], places: list[int]):
    watch = Stops(stops)
    told = "".join(map(watch.take, split(text, places)))
    found = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    if found:
        assert (True, text[: min(found)[1]]) == (watch.met, told)
    else:
        assert (False, text) == (watch.met, told + watch.rest())


def test_no_more_is_held_back_than_may_be_a_stop_string():
    watch = Stops(["STOP", "TOP!"])
    assert ["a", "", "SX", "", "STOY"] == [watch.take(text) for text in ("aS", "", "X", "STO", "Y")]
