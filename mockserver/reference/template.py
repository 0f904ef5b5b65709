"""Messages to the prompt of a model, by the chat template that came with it. Knows no engine.

The template is a program of whoever made the model: it runs in a sandbox. What users write cannot forge the model's
own marks.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .words import Words, WordsError

Message = Mapping[str, Any]
SEAL = "\ue000{}\ue001"
"""Stands for a text that looks like marks while the template runs. Private use characters: no tokenizer gives them a
meaning, and a text that has them is sealed too."""
SEALED = re.compile("\ue000(\\d+)\ue001")


class TemplateError(Exception):
    """The template does not take these messages; says why, in its own words."""


class Template:
    """A chat template, and the words that its prompt is written in."""

    def __init__(self, source: str, words: Words, tokens: Mapping[str, str]) -> None:
        """`tokens` are those that a template may name: bos_token, eos_token. Raises WordsError."""
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], autoescape=False
        )
        environment.filters["tojson"] = _tojson
        environment.globals.update(raise_exception=_raise, strftime_now=_now)
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise WordsError(f"the chat template cannot be read: {error}") from error
        self._words = words
        self._tokens = dict(tokens)

    def prompt(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = (), **asked: object
    ) -> list[int]:
        """The tokens of the prompt, up to where the reply begins. Raises TemplateError."""
        sealed: list[str] = []
        told = [self._told(message, sealed) for message in messages]
        try:
            text = self._template.render(
                messages=told, tools=list(tools) or None, add_generation_prompt=True, **self._tokens, **asked
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise TemplateError(str(error) or type(error).__name__) from error
        ids: list[int] = []
        for place, part in enumerate(SEALED.split(text)):
            ids += self._words.encode(sealed[int(part)]) if place % 2 else self._words.encode_marked(part)
        return ids

    def _told(self, message: Message, sealed: list[str]) -> dict[str, Any]:
        """A message as templates want it: its text in one piece, arguments of calls as what they are."""
        told = {name: value for name, value in message.items() if value is not None}
        told["content"] = self._safe(text_of(message.get("content")), sealed)
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [self._call(call, sealed) for call in calls]
        return told

    def _call(self, call: Mapping[str, Any], sealed: list[str]) -> dict[str, Any]:
        function = call.get("function") or {}
        written = function.get("arguments") or "{}"
        try:
            arguments = json.loads(written) if self._safe(written, []) == written else self._safe(written, sealed)
        except ValueError:
            arguments = written
        return {**call, "function": {**function, "arguments": arguments}}

    def _safe(self, text: str, sealed: list[str]) -> str:
        """The text, or a seal where it looks like marks of the model."""
        if "\ue000" not in text and not any(mark in text for mark in self._words.added):
            return text
        sealed.append(text)
        return SEAL.format(len(sealed) - 1)


def load(folder: Path, words: Words) -> Template:
    """The template of a model's folder. Raises WordsError."""
    settings = _settings(folder / "tokenizer_config.json")
    beside = folder / "chat_template.jinja"
    source = beside.read_text("utf-8") if beside.is_file() else settings.get("chat_template")
    if isinstance(source, list):  # several, each with a name
        named = {each.get("name"): each.get("template") for each in source if isinstance(each, dict)}
        source = named.get("default")
    if not isinstance(source, str):
        raise WordsError(f"{folder} has no chat template: neither chat_template.jinja nor one in tokenizer_config.json")
    tokens = {name: _content(settings.get(name)) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    return Template(source, words, tokens)


def text_of(content: object) -> str:
    """The text of a message, whose content may be in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or part.get("refusal") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _settings(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WordsError(f"{path} cannot be read: {error}") from error
    return settings if isinstance(settings, dict) else {}


def _content(token: object) -> str:
    """A token's text: older files have an object in its place."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _tojson(value: object, ensure_ascii: bool = False, indent: int | None = None, **_: object) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _now(pattern: str) -> str:
    return datetime.now().astimezone().strftime(pattern)
