"""Scenario files to records, with errors that show the line to write instead. Knows no request and no answer."""

import base64
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

import schemas
from conformance import mistakes
from conformance.mistakes import ConfigurationError, Kind, line_of
from conformance.wire.script import Act, Reset, Send, Wait

from . import checking
from .breaking import FOR_EVER
from .scenario import Break, Entry, Failure, How, Number, Pace, Place, Reply, Says, Scenario, Text, Tool, When

SUFFIXES = (".yaml", ".yml")
EXAMPLE = """\
scenario:
  - when: {message: Hello}
    reply: Hello from the scenario!"""
HINTS = {
    "scenario": "[{when: {message: Hello}, reply: 'Hi!'}]",
    "models": "[gpt-4o]",
    "otherwise": "refuse",
    "name": "greeting",
    "call.name": "get_weather",
    "when": "{message: Hello}",
    "reply": "Hello!",
    "replies": "[{error: 429}, Hello!]",
    "repeat": "cycle",
    "per": "conversation",
    "message": "{contains: weather}",
    "system": "{contains: helpful}",
    "tool_result": "{contains: sunny}",
    "model": "mock",
    "tools": "[get_weather]",
    "headers": "{x-team: search}",
    "turn": "1",
    "messages": "{min: 2}",
    "stream": "true",
    "protocol": "chat",
    "equals": "Hello",
    "contains": "weather",
    "regex": "'weather in (?P<city>[A-Z][a-z]+)'",
    "ignore_case": "true",
    "min": "1",
    "max": "3",
    "text": "Hello!",
    "pieces": "[Hel, lo, '!']",
    "json": "{answer: 42}",
    "refusal": "I cannot help with that.",
    "reasoning": "Let me think.",
    "tool_calls": "[{name: get_weather, arguments: {city: Paris}}]",
    "arguments": "{city: Paris}",
    "wire": "[{send: 'HTTP/1.1 200 OK\\r\\n'}]",
    "send": '"data: [DONE]\\n\\n"',
    "base64": "/w==",
    "wait": "0.5",
    "stall": "true",
    "reset": "true",
    "choices": "[{text: One.}, {text: Two.}]",
    "finish_reason": "content_filter",
    "usage": "{prompt_tokens: 1200, cached_tokens: 1024}",
    "prompt_tokens": "1200",
    "cached_tokens": "1024",
    "completion_tokens": "500",
    "error": "429",
    "status": "429",
    "type": "rate_limit_error",
    "code": "rate_limit_exceeded",
    "param": "messages",
    "error.message": "Slow down.",
    "pace": "{first: 0.5, gap: 0.02}",
    "prefill": "0.001",
    "first": "0.5",
    "gap": "0.02",
    "jitter": "0.3",
    "fault": "chat/termination/done-sent",
    "break": "{at_event: 3}",
    "at_event": "3",
    "at_byte": "120",
    "inside_character": "1",
    "how": "reset",
    "seconds": "5",
    "times": "2",
    "retry-after": "'2'",
}
FREE = schemas.load("scenario")["$defs"]["headers"]["propertyNames"]["pattern"]
PATTERNS = {
    r"^[^#\s]+(?![\s\S])": "the name of a model: no space and no #",
    r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?![\s\S])": "the name of a header",
    r"^[a-zA-Z0-9_-]{1,64}(?![\s\S])": "the name of a tool: up to 64 letters, digits, underscores and dashes",
    r"^[!-~](?:[ -~]*[!-~])?(?![\s\S])": "the value of a header: printable ASCII, no space at its ends",
    FREE: "the name of a header that may be added; what the body is and how it is framed stays as it is",
}
"""The patterns of schemas/scenario.json in words."""
KIND = Kind(schema="scenario", says="scenario", example=EXAMPLE, hints=HINTS, patterns=PATTERNS)

INVALID = "invalid_request_error"
FAILURES = {
    400: Failure(status=400, message="The request is not in order.", type=INVALID),
    401: Failure(status=401, message="Incorrect API key provided.", type=INVALID, code="invalid_api_key"),
    403: Failure(status=403, message="This is not allowed here.", type=INVALID, code="permission_denied"),
    404: Failure(status=404, message="The model does not exist.", type=INVALID, code="model_not_found", param="model"),
    429: Failure(
        status=429, message="Rate limit reached; try again later.", type="rate_limit_error", code="rate_limit_exceeded"
    ),
    500: Failure(status=500, message="The server had an error while processing your request.", type="server_error"),
    503: Failure(status=503, message="The engine is overloaded; try again later.", type="server_error"),
}
"""What OpenAI sends with a status; other statuses get what stands with 400 or 500."""


def load(paths: Iterable[Path]) -> Scenario:
    """The scenario of these files, and of the files in these folders, in order. Raises ConfigurationError."""
    parts: list[Scenario] = []
    wrong: list[str] = []
    for path in files_of(paths):
        try:
            parts.append(parse(mistakes.read(path, KIND), str(path)))
        except ConfigurationError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return Scenario(
        entries=tuple(entry for part in parts for entry in part.entries),
        models=tuple(dict.fromkeys(model for part in parts for model in part.models)),
        refuses=any(part.refuses for part in parts),
    )


def files_of(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant; of a folder those that end like YAML, by name. Raises ConfigurationError."""
    found: list[Path] = []
    for path in paths:
        try:
            inside = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES) if path.is_dir() else [path]
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
        if not inside:
            raise ConfigurationError(
                f"there is no scenario in {path}; write there a file {path / 'first.yaml'} with\n{EXAMPLE}"
            )
        found += inside
    return found


def parse(text: str, name: str = "scenario.yaml") -> Scenario:
    """The scenario of a text in YAML. Raises ConfigurationError, which lists every mistake with its line."""
    root, value = mistakes.parse(text, name, KIND, checking.mistakes_in)
    file = Path(name).name
    return Scenario(
        entries=tuple(_entry(root, position, entry, file) for position, entry in enumerate(value["scenario"])),
        models=tuple(value.get("models", ())),
        refuses=value.get("otherwise") == "refuse",
    )


def _entry(root: yaml.Node, position: int, entry: dict[str, Any], file: str) -> Entry:
    return Entry(
        name=entry.get("name", f"{file}:{line_of(root, ('scenario', position))}"),
        when=_when(entry.get("when", {})),
        replies=tuple(map(_reply, entry.get("replies", [entry.get("reply")]))),
        cycles=entry.get("repeat") == "cycle",
        per_conversation=entry.get("per") == "conversation",
    )


def _when(when: dict[str, Any]) -> When:
    members: dict[str, Any] = {key: _text(when[key]) for key in checking.TEXTS if key in when}
    members |= {key: _number(when[key]) for key in ("turn", "messages") if key in when}
    members |= {key: when[key] for key in ("stream", "protocol") if key in when}
    if "tools" in when:
        members["tools"] = when["tools"] if isinstance(when["tools"], bool) else tuple(when["tools"])
    headers = tuple((name.lower(), _text(text)) for name, text in when.get("headers", {}).items())
    return When(headers=headers, **members)


def _text(text: str | dict[str, Any]) -> Text:
    if isinstance(text, str):
        return Text(equals=text)
    flags = re.IGNORECASE if text.get("ignore_case") else 0
    pattern = re.compile(text["regex"], flags) if "regex" in text else None
    return Text(**{**text, "regex": pattern})


def _number(number: int | dict[str, int]) -> Number:
    if isinstance(number, dict):
        return Number(least=int(number.get("min", 0)), most=number.get("max"))
    return Number(least=int(number), most=int(number))


def _reply(reply: str | dict[str, Any]) -> Reply:
    if isinstance(reply, str):
        return Reply(choices=(Says(text=reply),))
    failure = _failure(reply["error"]) if "error" in reply else None
    wire = tuple(map(_act, reply.get("wire", ())))
    usage = {key: int(value) for key, value in reply.get("usage", {}).items()}
    return Reply(
        choices=() if failure or wire else tuple(map(_says, reply.get("choices", [reply]))),
        failure=failure,
        wire=wire,
        headers=tuple(reply.get("headers", {}).items()),
        pace=Pace(**{key: float(value) for key, value in reply.get("pace", {}).items()}),
        fault=reply.get("fault", ""),
        breaks=_break(reply["break"]) if "break" in reply else None,
        times=int(reply.get("times", 1)),
        **usage,
    )


def _act(act: dict[str, Any]) -> Act:
    match act:
        case {"send": str(text)}:
            return Send(text.encode())
        case {"base64": str(text)}:
            return Send(base64.b64decode(text))
        case {"reset": _}:
            return Reset()
        case _:
            return Wait(float(act.get("wait", FOR_EVER)))


def _says(said: dict[str, Any]) -> Says:
    return Says(
        text=_words(said.get("pieces", said.get("text", ""))),
        json=said.get("json"),
        is_json="json" in said,
        refusal=_words(said.get("refusal", "")),
        reasoning=_words(said.get("reasoning", "")),
        calls=tuple(Tool(call["name"], _arguments(call.get("arguments"))) for call in said.get("tool_calls", ())),
        finish_reason=said.get("finish_reason", ""),
    )


def _words(words: str | list[str]) -> str | tuple[str, ...]:
    return words if isinstance(words, str) else tuple(words)


def _arguments(arguments: Any) -> Any:
    return tuple(arguments) if isinstance(arguments, list) else arguments


def _failure(error: int | dict[str, Any]) -> Failure:
    given = {"status": error} if not isinstance(error, dict) else error
    status = int(given["status"])
    usual = FAILURES.get(status, FAILURES[400 if status < 500 else 500])
    return replace(usual, **{**given, "status": status})


def _break(broken: dict[str, Any]) -> Break:
    place = next(place for place in Place if place.value in broken)
    how = How(broken.get("how", How.CLOSE.value))
    return Break(place=place, number=int(broken[place.value]), how=how, seconds=broken.get("seconds"))
