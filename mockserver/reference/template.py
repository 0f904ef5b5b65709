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

from conformance.protocols.payload import parse

from .words import Words, WordsError

Message = Mapping[str, Any]
SEAL = "\ue000{}\ue001"
"""Stands for a mark that a user wrote while the template runs: private use characters, to which no tokenizer gives a
meaning. Where a user wrote the first of them, it is sealed as a mark is."""
SEALED = re.compile("\ue000(\\d+)\ue001")
OWN = frozenset(
    {"messages", "tools", "add_generation_prompt", "self", "bos_token", "eos_token", "unk_token", "pad_token"}
)
"""What a template is told by the server alone."""


class TemplateError(Exception):
    """The template does not take these messages; says why, in its own words."""


class TooLong(Exception):  # noqa: N818 - a prompt is too long; nothing here is in error
    """The prompt has more characters than tokens can hold."""


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
        marks = sorted((mark for mark in words.added if mark.strip()), key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, ("\ue000", *marks))))

    def prompt(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] = (),
        asked: Mapping[str, Any] = {},
        most: int | None = None,
    ) -> list[int]:
        """The tokens of the prompt, up to where the reply begins. Raises TemplateError.

        `asked` is told to the template besides. Raises TooLong with more characters than `most`.
        """
        if taken := OWN & set(asked):
            raise TemplateError(f"{min(taken)!r} is not for requests to say")
        seals = _Seals(self._marks)
        told: Any = seals.sealed([self._told(message) for message in messages])
        offered: Any = seals.sealed(list(tools)) or None
        more: Any = seals.sealed(dict(asked))
        try:
            text = self._template.render(
                {**self._tokens, **more, "messages": told, "tools": offered, "add_generation_prompt": True}
            )
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise TemplateError(str(error) or type(error).__name__) from error
        if most is not None and len(text) > most:
            raise TooLong
        ids: list[int] = []
        for place, part in enumerate(SEALED.split(text)):
            if part:
                ids += self._words.encode(seals.texts[int(part)]) if place % 2 else self._words.encode_marked(part)
        return ids

    def _told(self, message: Message) -> dict[str, Any]:
        """A message as templates want it: its text in one piece, arguments of calls as what they are."""
        told = {name: value for name, value in message.items() if value is not None}
        told["content"] = text_of(message.get("content"))
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [self._call(call) for call in calls]
        return told

    def _call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        function = call["function"]
        written = function.get("arguments") or "{}"
        value = parse(written)[0] if isinstance(written, str) else written
        return {**call, "function": {**function, "arguments": written if value is None else value}}


class _Seals:
    """What users wrote that looks like marks, of one request."""

    def __init__(self, marks: re.Pattern[str]) -> None:
        self.texts: list[str] = []
        self._marks = marks
        self._known: dict[str, str] = {}

    def sealed(self, value: object) -> object:
        """The same value, with a seal for each mark in any text of it."""
        match value:
            case str():
                return self._marks.sub(self._seal, value)
            case list():
                return [self.sealed(each) for each in value]
            case dict():
                return {self.sealed(name): self.sealed(each) for name, each in value.items()}
        return value

    def _seal(self, found: re.Match[str]) -> str:
        text = found.group()
        if text not in self._known:
            self._known[text] = SEAL.format(len(self.texts))
            self.texts.append(text)
        return self._known[text]


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
