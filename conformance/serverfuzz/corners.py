"""The plainest request with one valid thing that is unusual: edges of ranges, nulls, what is empty, odd texts.

Bugs sit there, and chance would not come by all of them in a few hundred examples. Knows no server.
"""

from collections.abc import Iterator

from .members import PROPERTIES, Json
from .relations import TOOL
from .requests import CORE, OF_FEATURES, Body, Offer

PROMPTS = (
    "\x00",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "e\u0301\u202e\u05e9\u05dc",
    "</s><|im_end|>",
    "{{ 1 }}{% raw %}",
)
"""What ends texts in C, several characters in one, both directions of writing, and what means something to models and
their templates.
"""
STOPS: tuple[Json, ...] = ("\N{WAVING HAND SIGN}", "\n", ["5", "\N{WAVING HAND SIGN}"], "</s>", " ", "", None)
TOOLS: tuple[Json, ...] = (
    {"type": "function", "function": {"name": "f", "parameters": {}}},
    {"type": "function", "function": {"name": "f"}},
    {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}},
    {"type": "function", "function": {"name": "X" * 64, "description": ""}},
)
CHOSEN: tuple[Json, ...] = ("none", "required", {"type": "function", "function": {"name": "f"}})
EMPTY: Json = {"type": "object", "properties": {}, "additionalProperties": False}
FORMATS: tuple[Json, ...] = (
    {"type": "text"},
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "a", "schema": EMPTY}},
    None,
)
WRITTEN: dict[str, tuple[Body, ...]] = {
    "stop": tuple({"stop": stop} for stop in STOPS),
    "stream_options": ({"stream": True, "stream_options": {}}, {"stream": True, "stream_options": None}),
    "n": ({"n": 1}, {"n": None}, {"n": 2, "stream": True}),
    "tools": (*({"tools": [tool]} for tool in TOOLS), {"tools": None}),
    "tool_choice": tuple({"tools": [TOOL], "tool_choice": chosen} for chosen in CHOSEN),
    "parallel_tool_calls": ({"tools": [TOOL], "parallel_tool_calls": False},),
    "response_format": tuple({"response_format": wanted} for wanted in FORMATS),
    "logprobs": ({"logprobs": True}, {"logprobs": False}, {"logprobs": None}),
    "top_logprobs": tuple({"logprobs": True, "top_logprobs": count} for count in (0, 1, 20)),
}
"""For members that need another one, or whose edges no schema tells."""


def corners(offer: Offer) -> Iterator[Body]:
    """What is added to the plainest request, one after the other."""
    yield {"max_tokens": 1}
    yield {"stream": None}
    for prompt in PROMPTS:
        yield {"messages": [{"role": "user", "content": prompt}]}
    for name in CORE:
        schema = PROPERTIES[name]
        edges = [value for value in (schema.get("minimum"), schema.get("maximum")) if value is not None]
        for value in [*edges, 0, None] if 0 not in edges and name != "seed" else [*edges, None]:
            yield {name: value}
    for name, bodies in WRITTEN.items():
        if offer.takes(OF_FEATURES[name]):
            yield from bodies
