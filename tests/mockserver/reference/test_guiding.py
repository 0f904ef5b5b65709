"""Guided replies: whatever a model would like to say, the text fits its schema, and comes to an end."""

import json
import random
from collections.abc import Callable
from typing import Any

import jsonschema
import numpy as np
import pytest
from llguidance import LLMatcher, LLTokenizer

from mockserver.engines.decoding.masks import allowed_by
from mockserver.reference import guiding
from mockserver.reference.guiding import Guiding, Unguided
from mockserver.reference.words import Words

TOKENS = 400
WISHES = ("likes everything", "likes one thing")


@pytest.fixture(scope="module")
def held(tiny: Words) -> Guiding:
    return Guiding(tiny, tiny.size, [tiny.added["<|im_end|>"]])


def written(held: Guiding, tiny: Words, grammar: str, seed: int, wish: str) -> str:
    """What a model says that knows nothing: by chance, or always what it likes best."""
    guide, chance = held.guide(grammar, TOKENS)(0), random.Random(seed)
    liking = list(range(tiny.size))
    chance.shuffle(liking)
    said = b""
    for step in range(TOKENS):
        mask: Any = guide.mask(step)
        if not len(mask):
            break
        bits = mask.dtype == bool
        may = [t for t in range(tiny.size) if (mask[t] if bits else int(mask[t // 32]) >> (t % 32) & 1)]
        token = chance.choice(may) if wish == WISHES[0] else min(may, key=liking.index)
        guide.accept(token)
        if token == tiny.added["<|im_end|>"]:
            break
        said += tiny.bytes_of(token)
    return said.decode()


OBJECT = {"type": "object"}
TEXT = {"type": "string"}
SCHEMAS: tuple[dict[str, Any], ...] = (
    OBJECT,
    TEXT,
    {},
    {"type": "array"},
    {"type": "number"},
    {"type": ["string", "null"], "minLength": 20},
    {"type": "array", "items": TEXT, "minItems": 3},
    {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}, "required": ["a", "b"]},
    {"type": "object", "properties": {"a": OBJECT}, "required": ["a"], "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}}},
    {"anyOf": [{"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"]}, {"enum": [1, None]}]},
    {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    {"type": "string", "pattern": "^[a-z]{3,9}$"},
    {"type": "string", "format": "date"},
)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_what_is_said_fits_the_schema(held: Guiding, tiny: Words, schema: dict[str, Any], wish: str):
    for seed in range(3):
        jsonschema.validate(json.loads(written(held, tiny, guiding.of_schema(schema), seed, wish)), schema)


@pytest.mark.parametrize(
    "schema", [{"not": {"type": "string"}}, {"type": "array", "uniqueItems": True}, {"if": {}, "then": {}}]
)
def test_a_schema_that_cannot_be_kept_is_refused_by_its_keyword(held: Guiding, schema: dict[str, Any]):
    with pytest.raises(Unguided, match=next(key for key in schema if key != "type")):
        held.guide(guiding.of_schema(schema))


def properties(many: int) -> dict[str, Any]:
    return {"type": "object", "properties": {f"p{number}": TEXT for number in range(many)}}


def test_objects_may_have_many_members(held: Guiding, tiny: Words):
    guide = held.guide(guiding.of_schema(properties(1000)))(0)
    for token in tiny.encode('{"p1": "a", "p999": "b"}'):
        guide.accept(token)
    assert [] == list(guide.mask(99))


@pytest.mark.parametrize(
    ("grammar", "says"),
    [
        (guiding.of_schema(properties(5000)), "characters"),
        (guiding.of_pattern("a" * 500_000), "characters"),
        (guiding.of_schema({"$ref": "#"}), "nothing fits it"),
    ],
)
def test_what_would_hold_everybody_up_is_refused(held: Guiding, grammar: str, says: str):
    with pytest.raises(Unguided, match=says):
        held.guide(grammar)


FUNCTIONS = [
    {"name": "look", "parameters": {"type": "object", "properties": {"city": TEXT}, "required": ["city"]}},
    {"name": "wait"},
]


@pytest.mark.parametrize("most", [1, 3])
def test_calls_are_of_the_functions_and_fit_their_parameters(held: Guiding, tiny: Words, most: int):
    counts = set()
    for seed in range(8):
        text = written(held, tiny, guiding.of_calls(FUNCTIONS, tiny, most=most), seed, WISHES[0])
        calls = [json.loads(part.split("</tool_call>")[0]) for part in text.split("<tool_call>")[1:]]
        counts.add(len(calls))
        for call in calls:
            function = {"look": FUNCTIONS[0], "wait": FUNCTIONS[1]}[call["name"]]
            jsonschema.validate(call["arguments"], function.get("parameters", OBJECT))
    assert counts <= set(range(1, most + 1))
    assert most in counts or most > 1


def test_a_reply_that_may_go_on_is_not_made_to_end(held: Guiding, tiny: Words):
    guide = held.guide(guiding.of_schema(TEXT))(0)
    for token in (tiny.encode('"')[0], *([tiny.encode("x")[0]] * 500)):
        guide.accept(token)
    allowed: Any = guide.mask(500)
    assert int(allowed[tiny.encode("x")[0] // 32]) >> (tiny.encode("x")[0] % 32) & 1


def test_a_token_that_may_not_come_is_an_error(held: Guiding, tiny: Words):
    guide: Callable[[int], None] = held.guide(guiding.of_schema(OBJECT))(0).accept
    with pytest.raises(ValueError):
        guide(tiny.encode("x")[0])


@pytest.mark.parametrize("tokens", [None, 60])
@pytest.mark.parametrize("grammar", [*map(guiding.of_schema, SCHEMAS), guiding.of_pattern('[a-z]{3,}"/')])
def test_in_lark_the_grammar_lets_the_same_come_but_where_the_guide_is_narrower(
    held: Guiding, tiny: Words, grammar: str, tokens: int | None
):
    guides, end = held.guide(grammar, tokens), tiny.added["<|im_end|>"]
    matcher = LLMatcher(LLTokenizer(tiny.described, n_vocab=tiny.size, eos_token=end), guides.grammar)
    guide, chance, narrow = guides(0), random.Random(5), False
    for step in range(60):
        masks = guide.mask(step), np.frombuffer(matcher.compute_bitmask(), dtype=np.int32)
        own, whole = (allowed_by(mask, tiny.size) for mask in masks)
        narrow = narrow or guide.narrows(step)
        assert not (own & ~whole).any()
        assert narrow or len(masks[0]) == 0 or (own == whole).all()
        if len(masks[0]) == 0 or (token := chance.choice(np.flatnonzero(own).tolist())) == end:
            break
        guide.accept(token)
        assert matcher.consume_token(token)
