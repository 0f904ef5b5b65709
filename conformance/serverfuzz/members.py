"""What the members of a valid request for a chat completion may be, as hypothesis strategies.

Ranges, types and words come from `schemas/chat/request.json`; what has an inner order of its own (messages, tools,
formats) is written out here. Knows no request as a whole. Everything shrinks to the plainest value.

hypothesis-jsonschema makes values of any schema, but knows nothing of what members have to do with each other, and
fills objects with members that nobody knows; so the few kinds of schema that stand here are read by hand.
"""

from typing import Any

from hypothesis import strategies as st

import schemas

Json = Any
SCHEMA: dict[str, Any] = schemas.load("chat/request")
PROPERTIES: dict[str, dict[str, Any]] = SCHEMA["properties"]
PROMPTS = (
    "Hello",
    "Count from 1 to 10",
    "Say hi",
    "Write unicode",
    "What is the weather in Paris?",
    "Weather in Paris and Rome?",
    "Look then call",
    "Give JSON",
    "Write a long list",
)
"""What the mock server and the tiny model have an answer to; others say something or other."""
EMOJI = st.sampled_from(["\N{WAVING HAND SIGN}", "👨‍👩‍👧", "🏳️‍🌈", "مرحبا", "你好", "e\u0301", "\u2028", "\n", "\t"])
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=24)
"""Any text that UTF-8 can say, NUL and what is not assigned included."""
TEXT = st.one_of(st.sampled_from(PROMPTS), ANY, EMOJI)
STOP = st.one_of(
    st.sampled_from(["5", ", ", "\n", "END", "o", "</s>"]),
    EMOJI,
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)
SMALL: dict[str, st.SearchStrategy[Json]] = {
    "temperature": st.sampled_from([1, 0.5, 2, 1e-6]) | st.floats(0, 2, exclude_min=True, width=32),
    "top_p": st.sampled_from([1, 0.5, 0.000001]) | st.floats(0, 1, exclude_min=True, width=32),
    "seed": st.integers(0, 2**31 - 1),
    "user": ANY,
    "logit_bias": st.dictionaries(st.integers(0, 500).map(str), st.integers(-100, 100), max_size=3),
    "metadata": st.dictionaries(st.text("ab_", min_size=1, max_size=4), st.text(max_size=8), max_size=3),
    "prediction": st.fixed_dictionaries({"type": st.just("content"), "content": TEXT}),
    "modalities": st.just(["text"]),
    "top_logprobs": st.sampled_from([0, 1, 2, 5, 20]),
}
"""Members for which less is sent than the schema allows: what costs nothing, and means something."""


def of_schema(name: str) -> st.SearchStrategy[Json]:
    """Values of a member by its schema alone: words, numbers in their range, booleans, text; null where it may be."""
    schema = PROPERTIES[name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    plain = SMALL[name] if name in SMALL else st.one_of(*(_of_type(kind, schema) for kind in types if kind != "null"))
    return st.one_of(plain, plain, plain, st.none()) if "null" in types else plain


def _of_type(kind: str, schema: dict[str, Any]) -> st.SearchStrategy[Json]:
    least, most = schema.get("minimum"), schema.get("maximum")
    match kind:
        case "integer":
            return st.integers(least, most)
        case "number":
            return st.integers(least, most) | st.floats(least, most, width=32)
        case "boolean":
            return st.booleans()
        case "string":
            return ANY
        case _:
            raise LookupError(f"a member that may be an {kind} is written out by hand")


# -- messages ----------------------------------------------------------------------------------------------------


@st.composite
def conversations(draw: st.DrawFn, *, odd: bool) -> list[Json]:
    """Messages that any chat template takes: a system message perhaps, then users and assistants by turns.

    Odd ones have what some servers do not take: other roles, content in parts, two users in a row, an empty text.
    """
    turns: list[Json] = []
    if draw(st.booleans()):
        turns.append({"role": "system", "content": draw(TEXT)})
    for _ in range(draw(st.integers(0, 2))):
        turns += [{"role": "user", "content": draw(TEXT)}, {"role": "assistant", "content": draw(TEXT)}]
    turns.append({"role": "user", "content": draw(TEXT)})
    return [*draw(st.lists(st.sampled_from(ODD), max_size=1)), *turns] if odd else turns


ODD: tuple[Json, ...] = (
    {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": ""},
    {"role": "user", "name": "ada", "content": "Hello"},
    {"role": "user", "content": [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]},
)

# -- tools and formats -------------------------------------------------------------------------------------------

LEAVES: st.SearchStrategy[Json] = st.sampled_from(
    [
        {"type": "boolean"},
        {"type": "string", "enum": ["Paris", "Rome"]},
        {"type": "integer", "minimum": 0, "maximum": 9},
        {"type": "string", "maxLength": 8},
        {"type": "number"},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
        {"type": ["string", "null"], "maxLength": 4},
    ]
)
KEYS = st.sampled_from(["city", "a", "x-1", "größe", "_"])


def _object(properties: dict[str, Json]) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def objects(least: int = 0) -> st.SearchStrategy[Json]:
    """JSON Schemas of small objects whose members all have to be there; some have an object inside."""
    flat = st.dictionaries(KEYS, LEAVES, min_size=least, max_size=3).map(_object)
    nested = st.dictionaries(KEYS, st.one_of(LEAVES, flat), min_size=least, max_size=2).map(_object)
    return flat | nested


NAMES = st.sampled_from(["get_weather", "f", "a-b_9", "X" * 64])
PARAMETERS: st.SearchStrategy[Json] = st.one_of(st.just({}), st.just({"type": "object", "properties": {}}), objects())


@st.composite
def functions(draw: st.DrawFn, name: str) -> Json:
    """One function to offer; its parameters may be left out, empty, or an object."""
    optional = {"description": st.sampled_from(["Weather of a city", ""]), "parameters": PARAMETERS}
    return {
        "type": "function",
        "function": {"name": name, **draw(st.fixed_dictionaries({}, optional=optional))},
    }


@st.composite
def offers(draw: st.DrawFn) -> dict[str, Json]:
    """`tools` and the members that go with them."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    tools = [draw(functions(name)) for name in names]
    named = {"type": "function", "function": {"name": names[-1]}}
    optional = {
        "tool_choice": st.sampled_from(["auto", "none", "required", named]),
        "parallel_tool_calls": st.booleans(),
    }
    return {"tools": tools, **draw(st.fixed_dictionaries({}, optional=optional))}


@st.composite
def formats(draw: st.DrawFn) -> Json:
    """A `response_format`."""
    kind = draw(st.sampled_from(["text", "json_object", "json_schema"]))
    if kind != "json_schema":
        return {"type": kind}
    optional = {"strict": st.booleans()}
    wanted = {"name": st.sampled_from(["reading", "a-b_9"]), "schema": objects(least=1)}
    return {"type": kind, "json_schema": draw(st.fixed_dictionaries(wanted, optional=optional))}
