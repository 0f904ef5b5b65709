"""What a reply is held to, as guides for an engine: a JSON Schema, a regular expression, calls. By llguidance."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer

from conformance.protocols.finding import shorten
from mockserver.engines.decoding.masks import allowed_by

from .blaming import blamed, flaw_of
from .closing import Closers, is_time, number_after
from .narrowing import Unguided, narrowed
from .nesting import Nesting
from .repeating import too_often
from .schemas import moved, nodes
from .words import Words

LIMITS = LLParserLimits(verbose_errors=False, max_items_in_row=20_000)
MOST = 64_000
"""Characters of a grammar, or of a schema: with more, a step that all wait for takes a tenth of a second and longer."""
NOTHING: Any = np.zeros(0, dtype=bool)
POSSIBLE = 512
"""Grammars of which it is remembered whether there are any replies to them."""


class Guide:
    """Keeps one choice to a grammar, and has it close what it opened in time. See decoding.request.Guide."""

    def __init__(
        self, matcher: Any, words: Words, closers: Closers, tokens: int | None, *, is_json: bool = True
    ) -> None:
        """The text comes to its end within `tokens`, if it can; None: it may go on. `is_json` is whether it is JSON."""
        self._matcher = matcher
        self._words = words
        self._closers = closers
        self._tokens = tokens
        self._json = is_json
        self._text = Nesting()
        self._number = b""

    def mask(self, step: int) -> Any:
        """Bits of the tokens that may come; none where the reply is complete."""
        if self._matcher.is_stopped():
            return NOTHING
        mask: Any = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.int32)
        closes = self._closes(step)
        bounds = self._json and not self._text.quoted and self._closers.bounds(self._number)
        if not closes and not bounds:
            return mask
        allowed = allowed_by(mask, self._closers.size)
        if bounds:
            allowed = self._closers.short(allowed, self._number)
        if not closes:
            return allowed
        return self._closers.of(allowed, self._text) if self._json else self._closers.ending(allowed)

    def narrows(self, step: int) -> bool:
        """Whether the reply is complete, or it is time to come to the end, of the reply or of a number."""
        if self._matcher.is_stopped() or self._closes(step):
            return True
        return self._json and not self._text.quoted and self._closers.matters(self._number)

    def accept(self, token: int) -> None:
        """The token that came. Raises ValueError where it may not."""
        self._matcher.consume_token(token)
        if self._matcher.is_error():
            raise ValueError(_line(self._matcher.get_error()))
        said = self._words.said(token)
        self._text.take(said.decode("latin-1"))  # marks of JSON are ASCII
        self._number = b"" if self._text.quoted else number_after(self._number, said)

    def _closes(self, step: int) -> bool:
        return self._tokens is not None and is_time(self._tokens - step, self._tokens, self._text)


@dataclass(frozen=True, slots=True)
class Guides:
    """The guides of one request. See decoding.request.Guides."""

    grammar: str
    first: Any
    words: Words
    closers: Closers
    tokens: int | None
    is_json: bool

    def __call__(self, choice: int) -> Guide:  # noqa: ARG002 - all are held to the same
        """The guide of a choice."""
        return Guide(self.first.deep_copy(), self.words, self.closers, self.tokens, is_json=self.is_json)


class Guiding:
    """Grammars over the words of a model."""

    def __init__(self, words: Words, vocabulary: int, stops: Sequence[int]) -> None:
        self._words = words
        ends = [token for token in stops if token < vocabulary]
        self._tokenizer = LLTokenizer(words.described, n_vocab=vocabulary, eos_token=ends) if ends else None
        self._closers = Closers(words, vocabulary, stops)
        self._possible = lru_cache(maxsize=POSSIBLE)(self._accepted)

    def guide(self, grammar: str, tokens: int | None = None, *, is_json: bool = True) -> Guides:
        """What makes the guide of each choice; a text ends within `tokens`, if there are any. Raises Unguided."""
        self._check()
        _bounded(grammar)
        first = LLMatcher(self._tokenizer, grammar, limits=LIMITS, log_level=0)
        if first.is_error():
            raise Unguided(_line(first.get_error()))
        first.compute_bitmask()  # takes long where the grammar is large; its copies need not do it again
        if first.is_error():
            raise Unguided(f"nothing fits it ({_line(first.get_error())})")
        return Guides(_in_lark(grammar), first, self._words, self._closers, tokens, is_json)

    def of_schema(self, schema: object, tokens: int | None = None) -> Guides:
        """What makes the guides of JSON that fits a schema. Raises Unguided, which names the keyword."""
        narrow = self._narrowed(schema, tokens)
        try:
            return self.guide(of_schema(narrow), tokens)
        except Unguided as error:
            raise Unguided(blamed(str(error), narrow, self.possible)) from error

    def of_calls(self, functions: Sequence[Mapping[str, Any]], most: int, tokens: int | None = None) -> Guides:
        """What makes the guides of one call, or up to so many, of these functions. Raises Unguided."""
        held = [
            {**function, "parameters": self._narrowed(function.get("parameters") or {"type": "object"}, tokens)}
            for function in functions
        ]
        try:
            return self.guide(of_calls(held, self._words, most=most), tokens)
        except Unguided as error:
            every = {"anyOf": [function["parameters"] for function in held]}
            raise Unguided(blamed(str(error), every, self.possible)) from error

    def of_pattern(self, pattern: str, tokens: int | None = None) -> Guides:
        """What makes the guides of a text of a regular expression. Raises Unguided."""
        if too_often(pattern):
            raise Unguided("it repeats something too often")
        return self.guide(of_pattern(pattern), tokens, is_json=False)

    def possible(self, schema: object) -> bool:
        """Whether any reply can be held to a schema."""
        try:
            return bool(self._possible(of_schema(schema)))
        except Unguided:
            return False

    def _check(self) -> None:
        """Raises Unguided where no reply could say that it is complete."""
        if self._tokenizer is None:
            raise Unguided("the model has no token that ends a reply")

    def _accepted(self, grammar: str) -> bool:
        return not LLMatcher.validate_grammar(grammar, self._tokenizer)

    def _disjoint(self, schema: object) -> None:
        """Raises Unguided where a value may fit two of several: once they are narrower, that would not be seen."""
        try:
            self.guide(of_schema(schema))
        except Unguided as error:
            raise Unguided(blamed(str(error), schema, self.possible)) from error

    def _narrowed(self, schema: object, tokens: int | None) -> Any:
        self._check()
        try:
            _bounded(json.dumps(schema))
            if flaw := flaw_of(schema):
                raise Unguided(flaw)
            if any("oneOf" in node for node in nodes(schema)):
                self._disjoint(schema)
            return narrowed(schema, tokens, self.possible)
        except RecursionError as error:
            raise Unguided("it is nested too deeply") from error


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
                "properties": {"name": {"const": function["name"]}, "arguments": {"$ref": f"#/$defs/{number}"}},
                "required": ["name", "arguments"],
                "additionalProperties": False,
            }
            for number, function in enumerate(functions)
        ]
    }
    inner = [function.get("parameters") or {"type": "object"} for function in functions]
    defined = {"$defs": {str(number): moved(schema, f"#/$defs/{number}") for number, schema in enumerate(inner)}}
    if words.calls is None:
        several = {"type": "array", "items": call, "minItems": 1, "maxItems": most}
        return of_schema((call if most == 1 else several) | defined)
    more = f' ("\\n"? call){{0,{most - 1}}}' if most > 1 else ""
    return str(
        LLMatcher.grammar_from_lark(
            f"start: call{more}\n"
            f'call: <[{words.calls.begin}]> "\\n" body "\\n" <[{words.calls.end}]>\n'
            f"body: %json {_dumped(call | defined)}\n"
        )
    )


def _bounded(text: str) -> None:
    """Raises Unguided for a text that is too long to be made a grammar of."""
    if len(text) > MOST:
        raise Unguided(f"it has {len(text)} characters; up to {MOST} are read")


def _line(error: object) -> str:
    """The first line of what went wrong."""
    return shorten(str(error).partition("\n")[0])


def _in_lark(grammar: str) -> str:
    """The same grammar in Lark, where it is in the other words that llguidance has."""
    if not grammar.startswith("{"):
        return grammar
    (part,) = json.loads(grammar)["grammars"]
    return str(part.get("lark_grammar") or f"start: %json {json.dumps(part['json_schema'])}\n")


def _dumped(schema: Any) -> str:
    options = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
    return json.dumps(schema if schema is False else {**({} if schema is True else schema), **options})
