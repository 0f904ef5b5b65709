"""Guided replies of models that know nothing, where a grammar alone lets in what no validator takes, or never ends."""

import ipaddress
import json
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import jsonschema
import numpy as np
import pytest

from mockserver.engines.decoding.masks import allowed_by
from mockserver.reference.guiding import Guiding
from mockserver.reference.narrowing import Unguided
from mockserver.reference.words import Words

TOKENS = 400
TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WISHES = ("likes everything", "likes one thing", "likes one thing after another")
Says = Callable[[Any, str, int], tuple[str, bool]]


@pytest.fixture(scope="module")
def held(tiny: Words) -> Guiding:
    return Guiding(tiny, tiny.size, [tiny.added["<|im_end|>"]])


@pytest.fixture(scope="module")
def says(tiny: Words) -> Says:
    """What a model says under a guide, and whether it came to its end."""
    end = tiny.added["<|im_end|>"]

    def said(guide: Any, wish: str, seed: int) -> tuple[str, bool]:
        chance = np.random.default_rng(seed)
        liking, text, last = chance.normal(size=(tiny.size, tiny.size)), b"", 0
        for step in range(TOKENS):
            mask = guide.mask(step)
            may = np.flatnonzero(allowed_by(mask, tiny.size)) if len(mask) else []
            if not len(may):
                return text.decode(), True
            place = chance.integers(len(may)) if wish == WISHES[0] else np.argmax(liking[last][may])
            token = int(may[place])
            guide.accept(token)
            if token == end:
                return text.decode(), True
            last = token if wish == WISHES[2] else 0
            text += tiny.bytes_of(token)
        return text.decode(), False

    return said


@pytest.fixture(scope="module")
def takes(held: Guiding, tiny: Words) -> Callable[[Any, str], bool]:
    """Whether a text may come as the whole reply to a schema, byte by byte."""
    of_byte = {tiny.bytes_of(token): token for token in range(tiny.size)}

    def taken(schema: Any, text: str) -> bool:
        guide = held.of_schema(schema, TOKENS)(0)
        try:
            for byte in text.encode():
                guide.accept(of_byte[bytes([byte])])
        except ValueError:
            return False
        return guide._matcher.is_accepting() or guide._matcher.is_stopped()

    return taken


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize(
    "schema",
    [
        NUMBER,
        True,
        {"type": "integer"},
        {"type": "integer", "minimum": 1 << 53},
        {"type": "integer", "allOf": [{"multipleOf": 2}, {"multipleOf": 3}]},
        {**NUMBER, "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {**NUMBER, "minimum": 99.99, "exclusiveMaximum": 100},
        {"type": "array", "items": {**NUMBER, "exclusiveMinimum": 99, "exclusiveMaximum": 100}, "minItems": 2},
        {**TEXT, "pattern": "cole"},
        {**TEXT, "pattern": r"^\w+@\w+\.\w{2,}$"},
        {**TEXT, "pattern": r"^(a|aa)*b$"},
        {**TEXT, "pattern": r"^[^\s@]+@[^\s@]+$", "minLength": 10},
        {**TEXT, "pattern": "^[0-9a-f]{40}$"},
        {**TEXT, "format": "uri", "pattern": "^https://"},
        *({**TEXT, "pattern": pattern} for pattern in (r"^\W+$", r"^\D*$", r"^\S+$", r"^[^\w]+$", '^[^"]+$')),
        {"type": ["string", "null"], "format": "date-time"},
    ],
    ids=json.dumps,
)
def test_what_is_said_comes_to_its_end_and_fits(held: Guiding, says: Says, schema: Any, wish: str):
    for seed in range(2):
        text, ended = says(held.of_schema(schema, TOKENS)(0), wish, seed)
        assert ended, text
        jsonschema.validate(json.loads(text), schema)


HOST = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")
CHECKS: dict[str, Callable[[str], Any]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": lambda text: datetime.fromisoformat(f"2026-01-01T{text}"),
    "uuid": uuid.UUID,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "hostname": HOST.fullmatch,
    "email": re.compile(rf"[\w+.-]{{1,64}}@{HOST.pattern}").fullmatch,
    "uri": re.compile(r"[a-z][a-z0-9]*:[!-~]+").fullmatch,
    "duration": re.compile(r"P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?").fullmatch,
}


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("kind", CHECKS)
def test_a_string_of_a_format_is_one(held: Guiding, says: Says, kind: str, wish: str):
    for seed in range(4):
        text, ended = says(held.of_schema({**TEXT, "format": kind}, TOKENS)(0), wish, seed)
        assert ended
        assert CHECKS[kind](json.loads(text)) is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [("date", "2023-02-29"), ("date", "1900-02-29"), ("date", "0000-01-01"), ("date-time", "2026-01-01T23:59:60Z")],
)
def test_a_day_or_a_second_that_never_was_cannot_come(takes: Callable[[Any, str], bool], kind: str, text: str):
    assert not takes({**TEXT, "format": kind}, json.dumps(text))


def test_a_leap_day_can_come(takes: Callable[[Any, str], bool]):
    assert takes({**TEXT, "format": "date"}, '"2024-02-29"')
    assert takes({**TEXT, "format": "date"}, '"2000-02-29"')


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ('^[^"]*$', '"\\""'),
        (r"^[^\\]*$", '"\\\\"'),
        ('^[^a"]+$', '"\\""'),
        ('^[^]"]+$', '"\\""'),
        (r"^[\x00-\x1f]$", '"\\""'),
        (r"^[\x00-!]$", '"\\""'),
        (r"^\W$", '"é"'),
        (r"^\D$", '"ߒ"'),
    ],
)
def test_a_character_that_a_pattern_leaves_out_cannot_come(takes: Callable[[Any, str], bool], pattern: str, text: str):
    assert not takes({**TEXT, "pattern": pattern}, text)
    named = {"type": "object", "patternProperties": {pattern: {}}, "additionalProperties": False}
    assert pattern[1:] in (r"\W$", r"\D$") or not takes(named, f"{{{text}: 1}}")


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"$ref": "#"}, "$ref"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "$ref"),
        ({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}, "$ref"),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "$ref"),
        ({"type": "object", "properties": {"a": {"$ref": "http://example.com/x.json"}}}, "$ref"),
        ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2}, "minProperties"),
        ({**NUMBER, "multipleOf": 0.01}, "multipleOf"),
        ({**NUMBER, "maximum": 1e20}, "maximum"),
        ({"enum": [1 << 70]}, "enum"),
        ({"const": "\ud83d"}, "const"),
        ({**TEXT, "pattern": "["}, "pattern"),
        ({"type": "object", "patternProperties": {r"^\W$": TEXT}}, "patternProperties"),
        ({**TEXT, "pattern": "^(?=a)b"}, "pattern"),
        ({**TEXT, "pattern": "^(.{1,100}){1,100}$"}, "pattern"),
        ({**TEXT, "minLength": -1}, "minLength"),
        ({"properties": {"a": {"type": "strin"}}}, "type"),
        ({"type": "object", "required": ["z"], "additionalProperties": False}, "required"),
        ({"oneOf": [TEXT, {**TEXT, "pattern": "^a"}]}, "oneOf"),
    ],
    ids=json.dumps,
)
def test_what_cannot_be_kept_is_refused_by_its_keyword(held: Guiding, schema: Any, keyword: str):
    with pytest.raises(Unguided, match=re.escape(keyword)):
        held.of_schema(schema, TOKENS)


def test_a_member_that_would_go_on_without_end_does_not_begin(held: Guiding, says: Says):
    endless = {"type": "object", "properties": {"n": {"$ref": "#/$defs/e"}}, "required": ["n"]}
    schema = {"$defs": {"e": endless}, "type": "object", "properties": {"e": {"$ref": "#/$defs/e"}, "a": TEXT}}
    for wish in WISHES:
        text, ended = says(held.of_schema(schema, TOKENS)(0), wish, 1)
        assert ended
        assert "e" not in json.loads(text)


def test_a_schema_may_be_written_as_the_dialects_before(held: Guiding):
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [TEXT, NUMBER]}
    held.of_schema(old)
    held.of_schema({**TEXT, "minLength": 2.0})


def test_the_arguments_of_calls_fit_parameters_that_refer_to_themselves(held: Guiding, says: Says):
    tree = {"type": "object", "properties": {"left": {"$ref": "#/$defs/t"}, "v": NUMBER}, "required": ["v"]}
    parameters = {"$defs": {"t": tree}, "type": "object", "properties": {"t": {"$ref": "#/$defs/t"}}, "required": ["t"]}
    root = {"type": "object", "properties": {"self": {"$ref": "#"}}, "additionalProperties": False}
    functions = {"plant": parameters, "repeat": root}
    asked = [{"name": name, "parameters": each} for name, each in functions.items()]
    names = set()
    for seed in range(8):
        text, ended = says(held.of_calls(asked, 2, TOKENS)(0), WISHES[0], seed)
        assert ended
        for part in text.split("<tool_call>")[1:]:
            call = json.loads(part.split("</tool_call>")[0])
            names.add(call["name"])
            jsonschema.validate(call["arguments"], functions[call["name"]])
    assert set(functions) == names


@pytest.mark.parametrize("pattern", ["a+", r"(ab|c)*d?", r"\d{3,}"])
def test_a_text_of_an_expression_ends_where_it_may(held: Guiding, says: Says, pattern: str):
    for wish in WISHES:
        text, ended = says(held.of_pattern(pattern, TOKENS)(0), wish, 3)
        assert ended
        assert re.fullmatch(pattern, text)


@pytest.mark.parametrize("pattern", ["(.{1,1000}){1,1000}", "a{100000}", "((a{9}b){9,}c?){99}", "(a{99}[)]{2}){99}"])
def test_an_expression_that_would_hold_all_up_is_refused(held: Guiding, pattern: str):
    with pytest.raises(Unguided, match="too often"):
        held.of_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", [".{0,5000}", r"[a-z]{1,64}(\.[a-z]{1,64}){1,20}", r"\{99\}{99}(a{99})+b{99}", "[{9}]{999}"]
)
def test_an_expression_that_repeats_a_little_is_kept_to(held: Guiding, pattern: str):
    held.of_pattern(pattern)


@pytest.mark.parametrize("stops", [[], [100_000]])
def test_a_model_that_cannot_end_a_reply_is_held_to_nothing(tiny: Words, stops: list[int]):
    endless = Guiding(tiny, tiny.size, stops)
    with pytest.raises(Unguided, match="no token that ends"):
        endless.of_schema({})
    with pytest.raises(Unguided, match="no token that ends"):
        endless.of_pattern("a")
    with pytest.raises(Unguided, match="no token that ends"):
        endless.of_calls([{"name": "f"}], 1)


def test_a_stop_token_that_the_tokenizer_does_not_know_is_left_out(tiny: Words):
    Guiding(tiny, tiny.size, [tiny.added["<|im_end|>"], 100_000]).of_schema(TEXT)
