"""A reply of a scenario to a draft: names filled in, text cut into tokens, arguments made. Knows no order of entries.

A reply is only given to a request that a server could answer so: no tool is called that is not offered, no text is
said where a call or JSON is demanded. Where it cannot be given, the text of UnsayableError says why.
"""

import json
from collections.abc import Mapping
from typing import Any

from conformance.protocols.chat import emitter
from conformance.protocols.finding import shorten
from conformance.protocols.fitting import misfits
from conformance.wire.script import Answer, Framing, Wait
from mockserver import answering
from mockserver.engines import tools
from mockserver.engines.draft import Choice, Draft
from mockserver.engines.instances import UnfitError, instance
from mockserver.engines.scripted import pieces_of
from mockserver.engines.story import Rhythm

from .asked import COMPLETIONS, Asked
from .filling import filled, filled_in
from .scenario import Failure, Headers, Pace, Reply, Says, Tool

WORD = "text"
"""What free text says in arguments that are made up."""
RETRY = (429, 503)
"""Statuses that say when to try again."""
RETRY_AFTER = ("retry-after", "1")
AUTHENTICATE = ("www-authenticate", "Bearer")
UNAUTHORISED = 401


class UnsayableError(Exception):
    """The reply cannot be given to this request; the text says why."""


def drafted(reply: Reply, asked: Asked, values: Mapping[str, str], seed: int) -> Draft | Answer:
    """What is said, or the error, or the bytes themselves. Raises UnsayableError."""
    if reply.wire:
        return Answer(200, (), reply.wire, Framing.RAW)
    if reply.failure is not None:
        return _failed(reply.failure, reply.headers, reply.pace, values)
    drawn = tuple(_choice(says, asked, values) for says in reply.choices)
    return Draft(
        choices=drawn,
        rhythm=_rhythm(reply, asked, seed),
        prompt_tokens=reply.prompt_tokens,
        cached_tokens=reply.cached_tokens,
        completion_tokens=reply.completion_tokens,
    )


def _rhythm(reply: Reply, asked: Asked, seed: int) -> Rhythm:
    pace = reply.pace
    reading = pace.prefill * (reply.prompt_tokens or asked.prompt_tokens)
    chance = f"{seed}/{json.dumps(asked.body, sort_keys=True)}" if pace.jitter else ""
    return Rhythm(reading, pace.first, pace.gap, pace.jitter, chance)


def _failed(failure: Failure, headers: Headers, pace: Pace, values: Mapping[str, str]) -> Answer:
    given = {name.lower() for name, _ in headers}
    usual = [RETRY_AFTER] if failure.status in RETRY else [AUTHENTICATE] if failure.status == UNAUTHORISED else []
    answer = answering.refusal(
        failure.status,
        _writable(filled(failure.message, values)),
        failure.type,
        param=failure.param,
        code=failure.code,
        headers=tuple(header for header in usual if header[0] not in given),
    )
    if pace.first:
        return Answer(answer.status, answer.headers, answer.acts, answer.framing, before=(Wait(pace.first),))
    return answer


def _choice(says: Says, asked: Asked, values: Mapping[str, str]) -> Choice:
    if asked.protocol == COMPLETIONS and (says.refusal or says.calls or says.reasoning):
        raise UnsayableError("a text completion has text alone: no refusal, no reasoning, no tool calls")
    calls = _calls(says, asked, values)
    pieces = _pieces(_json(says, values) if says.is_json else says.text, values)
    if asked.protocol != COMPLETIONS and not calls and not says.refusal:
        _check_format(asked, "".join(pieces))
    return Choice(
        thoughts=_pieces(says.reasoning, values),
        pieces=pieces,
        refusal=_pieces(says.refusal, values),
        calls=calls,
        finish_reason=says.finish_reason,
    )


def _json(says: Says, values: Mapping[str, str]) -> str:
    """A value as JSON text."""
    return json.dumps(filled_in(says.json, values), ensure_ascii=False)


def _pieces(text: str | tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    """Text in tokens: as it is given in pieces, else cut at the words."""
    if isinstance(text, str):
        return pieces_of(_writable(filled(text, values)))
    return tuple(piece for part in text if (piece := _writable(filled(part, values))))


def _check_format(asked: Asked, text: str) -> None:
    """Raises UnsayableError where the text is not of the format that is asked for."""
    wanted = asked.body.get("response_format") or {}
    if wanted.get("type") not in ("json_object", "json_schema"):
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UnsayableError(f"its text is no JSON, and response_format asks for {wanted['type']}") from None
    schema = wanted["json_schema"].get("schema", {}) if wanted["type"] == "json_schema" else {"type": "object"}
    if wrong := misfits(value, schema):
        raise UnsayableError(f"its JSON does not fit response_format: {shorten(wrong[0].says)}")


def _calls(says: Says, asked: Asked, values: Mapping[str, str]) -> tuple[tools.Call, ...]:
    if asked.protocol == COMPLETIONS:
        return ()
    choice = tools.choice_of(asked.body)
    if not says.calls:
        if choice.must and not says.refusal:
            raise UnsayableError("it calls no tool, and tool_choice demands a call")
        return ()
    offered = {function["name"]: function for function in choice.functions}
    for tool in says.calls:
        if tool.name not in offered:
            raise UnsayableError(f"it calls {tool.name!r}, which this request does not offer")
    return tuple(_call(tool, offered[tool.name], values) for tool in says.calls)


def _call(tool: Tool, function: Mapping[str, Any], values: Mapping[str, str]) -> tools.Call:
    parameters = function.get("parameters") or {"type": "object"}
    arguments = tool.arguments
    if arguments is None:
        try:
            value = instance(parameters, word=WORD)
        except UnfitError as error:
            raise UnsayableError(f"no arguments can be made for {tool.name!r}: {shorten(str(error))}") from None
        pieces = _cut(emitter.dumps(value))
    elif isinstance(arguments, dict):
        value = filled_in(arguments, values)
        pieces = _cut(_writable(json.dumps(value, ensure_ascii=False)))
    else:
        given = _parts(arguments, values)
        pieces = _cut("".join(given)) if isinstance(arguments, str) else given
        value = _object(tool.name, "".join(given))
    if function.get("strict") is True and (wrong := misfits(value, parameters)):
        raise UnsayableError(f"the arguments for {tool.name!r} do not fit its parameters: {shorten(wrong[0].says)}")
    return tools.Call(tool.name, pieces)


def _cut(text: str) -> tuple[str, ...]:
    return tuple(tools.PIECE.findall(text))


def _parts(arguments: str | tuple[str, ...], values: Mapping[str, str]) -> tuple[str, ...]:
    parts = (arguments,) if isinstance(arguments, str) else arguments
    return tuple(piece for part in parts if (piece := _writable(filled(part, values))))


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnsayableError(f"the arguments for {name!r} are not the text of a JSON object: {shorten(text)}")
    return value


def _writable(text: str) -> str:
    """The text; what UTF-8 cannot say becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
