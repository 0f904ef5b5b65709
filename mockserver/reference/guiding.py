"""What a reply is held to, as guides for an engine: a JSON Schema, a regular expression, calls. By llguidance."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs
import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from conformance.protocols.finding import shorten
from mockserver.engines.decoding.masks import allowed_by

from .closing import Closers, is_time
from .nesting import Nesting
from .words import Words

LIMITS = LLParserLimits(verbose_errors=False)
METASCHEMA = jsonschema_rs.Draft202012Validator({"$ref": "https://json-schema.org/draft/2020-12/schema"})
"""Ten thousand times faster than the one of jsonschema: requests are read where streams are sent."""
NOTHING: Any = np.zeros(0, dtype=bool)


class Unguided(Exception):  # noqa: N818 - a schema is not kept to; nothing is in error
    """No reply can be held to this; says which keyword is to blame."""


class Guide:
    """Keeps one choice to a grammar, and has it close what it opened in time. See decoding.request.Guide."""

    def __init__(self, matcher: Any, words: Words, closers: Closers, tokens: int | None) -> None:
        """A JSON text comes to its end within `tokens`; None: it may go on, or is no JSON."""
        self._matcher = matcher
        self._words = words
        self._closers = closers
        self._tokens = tokens
        self._text = Nesting()

    def mask(self, step: int) -> Any:
        """Bits of the tokens that may come; none where the reply is complete."""
        if self._matcher.is_stopped():
            return NOTHING
        mask: Any = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.int32)
        if self._tokens is None or not is_time(self._tokens - step, self._tokens, self._text):
            return mask
        return self._closers.of(allowed_by(mask, self._closers.size), self._text)

    def accept(self, token: int) -> None:
        """The token that came. Raises ValueError where it may not."""
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            raise ValueError(_line(self._matcher.get_error()))
        self._text.take(self._words.said(token).decode("latin-1"))  # marks of JSON are ASCII


@dataclass(frozen=True, slots=True)
class Guides:
    """The guides of one request. See decoding.request.Guides."""

    grammar: str
    first: Any
    words: Words
    closers: Closers
    tokens: int | None

    def __call__(self, choice: int) -> Guide:  # noqa: ARG002 - all are held to the same
        """The guide of a choice."""
        return Guide(self.first.deep_copy(), self.words, self.closers, self.tokens)


class Guiding:
    """Grammars over the words of a model."""

    def __init__(self, words: Words, vocabulary: int, stops: Sequence[int]) -> None:
        self._words = words
        self._tokenizer = LLTokenizer(words.described, n_vocab=vocabulary, eos_token=list(stops))
        self._closers = Closers(words, vocabulary)

    def guide(self, grammar: str, tokens: int | None = None) -> Guides:
        """What the choices are held to; a JSON text ends within `tokens`, if there are any. Raises Unguided."""
        first = LLMatcher(self._tokenizer, grammar, limits=LIMITS)
        if first.is_error():
            raise Unguided(_line(first.get_error()))
        first.compute_bitmask()  # takes long where the grammar is large; its copies need not do it again
        if first.is_error():
            raise Unguided(f"nothing fits it ({_line(first.get_error())})")
        return Guides(_in_lark(grammar), first, self._words, self._closers, tokens)


def is_schema(value: object) -> bool:
    """Whether this is a JSON Schema. Patterns are not looked into."""
    return METASCHEMA.is_valid(value)


def of_schema(schema: object) -> str:
    """The grammar of JSON that fits a schema, spaced as most models have learned it. Raises Unguided."""
    try:
        return str(LLMatcher.grammar_from_json_schema(_dumped(schema)))
    except ValueError as error:
        raise Unguided(str(error)) from error


def of_pattern(pattern: str) -> str:
    """The grammar of a regular expression."""
    return str(LLMatcher.grammar_from_regex(pattern))


def of_calls(functions: Sequence[Mapping[str, Any]], words: Words, *, most: int) -> str:
    """The grammar of one call, or up to so many, of these functions and of nothing else."""
    call = {
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "name": {"const": function["name"]},
                    "arguments": function.get("parameters") or {"type": "object"},
                },
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for function in functions
        ]
    }
    if words.calls is None:
        return of_schema(call if most == 1 else {"type": "array", "items": call, "minItems": 1, "maxItems": most})
    more = f' ("\\n"? call){{0,{most - 1}}}' if most > 1 else ""
    return str(
        LLMatcher.grammar_from_lark(
            f"start: call{more}\n"
            f'call: <[{words.calls.begin}]> "\\n" body "\\n" <[{words.calls.end}]>\n'
            f"body: %json {_dumped(call)}\n"
        )
    )


def _line(error: object) -> str:
    """The first line of what went wrong."""
    return shorten(str(error).partition("\n")[0])


def _in_lark(grammar: str) -> str:
    """The same grammar in Lark, where it is in the other words that llguidance has."""
    if not grammar.startswith("{"):
        return grammar
    (part,) = json.loads(grammar)["grammars"]
    return str(part.get("lark_grammar") or f"start: %json {json.dumps(part['json_schema'])}\n")


def _dumped(schema: object) -> str:
    options = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
    return json.dumps({**schema, **options} if isinstance(schema, dict) else schema)
