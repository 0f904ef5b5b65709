"""Probes that offer tools. Knows no socket and no rule.

Their parameters have no unknown members and no long text, so that a grammar made of them comes to an end.
"""

from .probe import FIXED, Body, Companion, Probe, ask


def _tool(name: str, says: str, **properties: Body) -> Body:
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": says, "parameters": parameters}}


def named(name: str) -> Body:
    """A tool_choice that names a function."""
    return {"type": "function", "function": {"name": name}}


WEATHER = _tool(
    "get_weather",
    "Weather of a city",
    city={"type": "string", "maxLength": 12},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
TIME = _tool("get_time", "Time in a zone", zone={"type": "string", "maxLength": 12})
DICE = {"type": "function", "function": {"name": "roll_dice", "description": "Roll a die"}}
"""Takes no arguments: parameters that are left out are an empty list."""
STRICT_WEATHER = _tool(
    "get_weather",
    "Weather of a city",
    city={"type": "string", "enum": ["Paris", "Rome"]},
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
STRICT_WEATHER["function"]["strict"] = True
"""Of keywords that strict mode has everywhere: enum, and no maxLength."""
ONE_CITY = "What is the weather in Paris?"
TWO_CITIES = "Weather in Paris and Rome?"
TEXT_FIRST = "Look then call"
"""Prompts whose replies the mock server and the tiny model know."""
OFFERED: Body = {"tools": [WEATHER, TIME], "max_tokens": 160, **FIXED}

TOOLS: tuple[Probe, ...] = (
    Probe(name="tools-auto", says="tools offered", body=ask(ONE_CITY, **OFFERED), feature="tools"),
    Probe(
        name="tools-text-first",
        says="tools offered, and a question that gets text and then a call",
        body=ask(TEXT_FIRST, **OFFERED, tool_choice="auto"),
        feature="tools",
    ),
    Probe(
        name="tools-parallel",
        says="tools offered, and a question that takes two calls",
        body=ask(TWO_CITIES, **OFFERED, tool_choice="auto"),
        feature="tools",
    ),
    Probe(
        name="tools-parallel-off",
        says="the same with parallel_tool_calls false",
        body=ask(TWO_CITIES, **OFFERED, parallel_tool_calls=False),
        feature="tools",
    ),
    Probe(
        name="tools-none",
        says="tools offered with tool_choice none",
        body=ask(ONE_CITY, **OFFERED, tool_choice="none"),
        feature="tools",
    ),
    Probe(
        name="tools-required",
        says="tools offered with tool_choice required, and a question that takes none",
        body=ask("Hello", **OFFERED, tool_choice="required"),
        feature="tools",
    ),
    Probe(
        name="tools-named",
        says="tools offered with a tool_choice that names get_time, and a question about the weather",
        body=ask(ONE_CITY, **OFFERED, tool_choice=named("get_time")),
        feature="tools",
    ),
    Probe(
        name="tools-strict",
        says="a strict tool that has to be called",
        body=ask(ONE_CITY, **{**OFFERED, "tools": [STRICT_WEATHER]}, tool_choice="required"),
        feature="tools",
    ),
    Probe(
        name="tools-no-arguments",
        says="a tool without parameters that has to be called",
        body=ask("Roll a die", **{**OFFERED, "tools": [DICE]}, tool_choice="required"),
        feature="tools",
    ),
    Probe(
        name="tools-cut",
        says="tools offered with max_tokens 14, which ends amid the arguments",
        body=ask(ONE_CITY, **{**OFFERED, "max_tokens": 14}),
        feature="tools",
    ),
    Probe(
        name="tools-twin",
        says="the same request with tools streamed and not streamed, temperature 0",
        body=ask(TEXT_FIRST, **OFFERED, stream_options={"include_usage": True}),
        feature="tools",
        another_feature="deterministic",
        companion=Companion.TWIN,
        companion_body={**ask(TEXT_FIRST, **OFFERED), "stream": False},
    ),
    Probe(
        name="tool-choice-unknown",
        says="a tool_choice that names a tool that was not offered",
        body=ask(ONE_CITY, **OFFERED, tool_choice=named("get_tide")),
        feature="tools",
    ),
    Probe(
        name="tool-choice-without-tools",
        says="tool_choice required and no tools",
        body=ask(ONE_CITY, tool_choice="required"),
        feature="tools",
    ),
)
