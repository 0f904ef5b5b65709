"""A model that knows nothing, held to forty schemas and to calls: what it says fits, or was refused. With torch."""

import asyncio
import json
from typing import Any

import jsonschema
import pytest

from mockserver.engines.decoding.events import Finish
from mockserver.engines.decoding.request import Sampling, TokenRequest
from mockserver.reference import guiding
from mockserver.reference.guiding import Guiding, Unguided
from mockserver.reference.words import Words

TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def of(**properties: Any) -> dict[str, Any]:
    """An object that has all of these, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


SCHEMAS: tuple[dict[str, Any], ...] = (
    *(TEXT, WHOLE, NUMBER, {"type": "boolean"}, {"type": "null"}, {"type": "object"}, {"type": "array"}, {}),
    *({"enum": ["a", 1, None]}, {"const": {"k": [1]}}, {"type": ["string", "integer"]}),
    *({**TEXT, "minLength": 5}, {**TEXT, "maxLength": 3}, {**TEXT, "pattern": "^[a-f]{2,8}$"}),
    *({**TEXT, "format": "date"}, {**TEXT, "format": "uuid"}, {**TEXT, "format": "date-time"}),
    *({**WHOLE, "minimum": 3, "maximum": 12}, {**NUMBER, "exclusiveMinimum": 0}, {**WHOLE, "multipleOf": 5}),
    *({"type": "array", "items": WHOLE, "minItems": 2, "maxItems": 4}, {"type": "array", "items": TEXT, "minItems": 3}),
    {"type": "array", "prefixItems": [TEXT, WHOLE], "items": False, "minItems": 2},
    *(of(a=TEXT), of(a=TEXT, b=WHOLE, c={"type": "boolean"}), of(a=of(b=of(c=TEXT)))),
    {"type": "object", "properties": {"a": TEXT, "b": NUMBER}, "required": ["b"]},
    {"type": "object", "additionalProperties": WHOLE},
    {"type": "object", "patternProperties": {"^x_": TEXT}, "additionalProperties": False},
    of(kind={"const": "circle"}, radius={**NUMBER, "minimum": 0}),
    {"anyOf": [of(a=TEXT), of(b=WHOLE)]},
    {"oneOf": [{"type": "null"}, of(a=TEXT)]},
    {"allOf": [{"type": "object", "properties": {"a": TEXT}, "required": ["a"]}]},
    {"$defs": {"leaf": of(v=WHOLE)}, **of(left={"$ref": "#/$defs/leaf"}, right={"$ref": "#/$defs/leaf"})},
    {"$defs": {"n": {"type": "object", "properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
    of(people={"type": "array", "items": of(name=TEXT, age={**WHOLE, "minimum": 0}), "minItems": 1}),
    of(mood={"enum": ["calm", "wild"]}, note={"type": ["string", "null"]}),
    {"not": TEXT},
    {"type": "array", "uniqueItems": True},
    {"type": "object", "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}},
)
pytestmark = pytest.mark.timeout(600)  # all is said before the first test, together

FUNCTIONS = [{"name": "look", "parameters": of(city=TEXT, days={**WHOLE, "minimum": 1})}, {"name": "wait"}]
TOKENS = 400


@pytest.fixture(scope="module")
def said(tiny: Words) -> dict[str, list[str]]:
    """What is said under each grammar, greedily and by chance, all decoded together."""
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'streamspec[engine]'")
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from mockserver.engines.pytorch.engine import Options, engine_of

    torch.manual_seed(5)
    end = tiny.added["<|im_end|>"]
    config = Qwen2Config(
        vocab_size=tiny.size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        eos_token_id=end,
        max_position_embeddings=1024,
    )
    engine = engine_of(Qwen2ForCausalLM(config).eval(), Options(rows=96))
    held = Guiding(tiny, tiny.size, [end])
    grammars = {json.dumps(schema): lambda schema=schema: guiding.of_schema(schema) for schema in SCHEMAS}
    grammars["calls"] = lambda: guiding.of_calls(FUNCTIONS, tiny, most=3)

    async def read(name: str, sampling: Sampling, number: int) -> str:
        guide = held.guide(grammars[name](), TOKENS)
        asked = TokenRequest(
            id=f"{name}/{number}", prompt=(38, 39), max_tokens=TOKENS, sampling=sampling, guide=guide, ignore_eos=False
        )
        ids: list[int] = []
        async for event in engine.submit(asked):
            assert event.finish is not Finish.ERROR, event.message
            ids += [token.id for token in event.tokens if token.id != event.stopped_by]
        return b"".join(map(tiny.bytes_of, ids)).decode()

    async def all_of_it() -> dict[str, list[str]]:
        await engine.start()
        try:
            found = {}
            for name in grammars:
                waiting = [read(name, Sampling(temperature=0.0), 0), read(name, Sampling(seed=7), 1)]
                found[name] = asyncio.gather(*waiting, return_exceptions=True)
            return {name: await told for name, told in found.items()}
        finally:
            await engine.stop()

    return asyncio.run(all_of_it())


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_what_is_said_fits_or_was_refused(said: dict[str, list[Any]], schema: dict[str, Any]):
    for text in said[json.dumps(schema)]:
        if isinstance(text, Unguided):
            assert any(keyword in str(text) for keyword in schema), "the refusal names no keyword"
        else:
            assert isinstance(text, str), text
            jsonschema.validate(json.loads(text), schema)


def test_only_what_no_grammar_can_say_is_refused(said: dict[str, list[Any]]):
    refused = [schema for schema in SCHEMAS if isinstance(said[json.dumps(schema)][0], Unguided)]
    assert list(SCHEMAS[-3:]) == refused


def test_forced_calls_are_of_the_functions_and_fit(said: dict[str, list[Any]]):
    for text in said["calls"]:
        calls = [json.loads(part.split("</tool_call>")[0]) for part in text.split("<tool_call>")[1:]]
        assert 1 <= len(calls) <= 3
        for call in calls:
            function = next(each for each in FUNCTIONS if each["name"] == call["name"])
            jsonschema.validate(call["arguments"], function.get("parameters", {"type": "object"}))
