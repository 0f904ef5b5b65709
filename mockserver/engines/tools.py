"""Which tools a reply calls, and with what: the same prompt and tools give the same calls. Knows no HTTP.

Known prompts have known calls. Any other prompt calls the tools that it names, if it may, and one if it must.
"""

import re
from dataclasses import dataclass
from typing import Any

from conformance.protocols.chat import emitter

from . import story
from .instances import instance

AROUND = 8
"""Tokens that go with a call besides its arguments: its name, and what a template writes around them."""
LONG = 5
"""Characters of a piece of arguments at the most."""
PIECE = re.compile(rf'["{{}}\[\]:,\s]+|[^"{{}}\[\]:,\s]{{1,{LONG}}}')
CALLS = {
    "What is the weather in Paris?": (("get_weather", "Paris"),),
    "Weather in Paris and Rome?": (("get_weather", "Paris"), ("get_weather", "Rome")),
    "Look then call": (("get_time", "UTC"),),
}
"""What a prompt calls, and the word that goes into the arguments."""
SAID_BEFORE = {"Look then call": "Let me look that up."}
"""What a prompt makes a reply say before the call."""
TEXT = frozenset({"type", "description", "title"})
"""Keywords of an argument that may be any text."""
PLACE = re.compile(r"(?<!^)\b[A-Z]\w+")


class ChoiceError(Exception):
    """The tool_choice of a request does not go with its tools; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its name, and its arguments in pieces. Joined they are the JSON text."""

    name: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What tool_choice comes to: the functions that may be called, and whether one must be."""

    functions: tuple[dict[str, Any], ...]
    must: bool = False


def choice_of(body: dict[str, Any]) -> Choice:
    """What may be called in answer to a request whose members fit their schema. Raises ChoiceError."""
    offered = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or []}
    wanted = body.get("tool_choice")
    if not offered:
        if wanted not in (None, "none"):
            raise ChoiceError("'tool_choice' goes with 'tools' only.")
        return Choice(())
    names, must = _named(wanted) if isinstance(wanted, dict) else (list(offered), wanted == "required")
    if missing := [name for name in names if name not in offered]:
        raise ChoiceError(f"'tool_choice' names {missing[0]!r}, which is not among 'tools'.")
    answers_a_result = body["messages"][-1].get("role") == "tool"
    if wanted == "none" or (answers_a_result and not must):
        return Choice(())
    return Choice(tuple(offered[name] for name in names), must)


def _named(wanted: dict[str, Any]) -> tuple[list[str], bool]:
    """The tools that an object names, and whether one of them must be called."""
    if wanted["type"] == "function":
        return [wanted["function"]["name"]], True
    allowed = wanted["allowed_tools"]
    return [tool["function"]["name"] for tool in allowed["tools"]], allowed["mode"] == "required"


def calls_of(prompt: str, choice: Choice, *, parallel: bool) -> tuple[Call, ...]:
    """The calls that a prompt gives. Raises instances.UnfitError where a tool's parameters cannot be made."""
    if not choice.functions:
        return ()
    if story.BY_TOOL in prompt or (story.STORY in prompt and choice.must):
        return (_story(choice.functions[0]),)
    functions = {function["name"]: function for function in choice.functions}
    asked = prompt.strip()
    places = PLACE.findall(asked)
    wanted = CALLS.get(asked) or [(name, (places or ["text"])[-1]) for name in functions if _names(asked, name)]
    if not wanted and choice.must:
        wanted = [(choice.functions[0]["name"], (places or ["text"])[-1])]
    calls = []
    for name, word in wanted:
        function = functions.get(name, choice.functions[0])
        arguments = instance(function.get("parameters") or {"type": "object"}, word=word)
        calls.append(Call(function["name"], tuple(PIECE.findall(emitter.dumps(arguments)))))
    return tuple(calls if parallel else calls[:1])


def _story(function: dict[str, Any]) -> Call:
    """A call with the story in the first argument that may be any text; without one, as much of it as fits."""
    parameters = function.get("parameters") or {"type": "object", "properties": {"story": {"type": "string"}}}
    told = story.story(function["name"], 0)
    arguments = instance(parameters, word=told)
    for name, schema in parameters.get("properties", {}).items() if isinstance(arguments, dict) else ():
        if isinstance(schema, dict) and schema.get("type") == "string" and not set(schema) - TEXT:
            arguments[name] = told
            break
    return Call(function["name"], story.pieces(emitter.dumps(arguments)))


def _names(prompt: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", prompt) is not None
