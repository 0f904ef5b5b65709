"""Hypothesis strategies: good chat streams as random walks over the order table, and the legal ways to spell them.

Knows the protocol and no rule: what comes out here is good because of how it is made, not because nobody complained.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from conformance.protocols.chat.states import ALLOWED, Kind, State
from conformance.protocols.exchange import Exchange, Request
from conformance.protocols.reading import exchange_of
from conformance.wire import encoder
from conformance.wire.script import Answer, Framing, Send, body
from conformance.wire.spelling import (
    Spelling,
    as_it_is,
    with_blank_lines,
    with_comments,
    with_comments_inside,
    with_cr,
    with_crlf,
    with_several_lines,
    without_space,
)

HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
    ("x-request-id", "req_1"),
)
LOOKS_BROKEN = "\ufffd<\u20ac\u0178" + "".join(map(chr, range(0x80, 0xC0)))
"""What makes good text look broken: U+FFFD stands for lost bytes, `<` begins control tokens, the others abound in UTF-8
that was read in another charset."""
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=LOOKS_BROKEN), min_size=1, max_size=12)
"""Any other Unicode text, NUL and line separators included."""


TOOLS = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("f", "g")]
"""Two functions that take any arguments."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A request and the good stream that answers it."""

    request: Request
    answer: Answer

    @property
    def body(self) -> bytes:
        """The response body."""
        return body(self.answer.acts)

    def exchange(self) -> Exchange:
        """What a client records."""
        return exchange_of(self.request, self.answer)

    def spelled(self, spelling: Spelling, cuts: Sequence[int] = ()) -> "Stream":
        """The same stream, spelled another way and sent in other pieces."""
        return replace(self, answer=replace(self.answer, acts=sends(spelling(self.body), cuts)))


def sends(data: bytes, cuts: Sequence[int]) -> tuple[Send, ...]:
    """The bytes, cut into reads at these places (taken modulo the length)."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return tuple(Send(data[a:b]) for a, b in pairwise(places))


CUTS = st.lists(st.integers(0, 1 << 16), max_size=12)
"""Places at which a body is cut into reads."""


@st.composite
def good_streams(draw: st.DrawFn, *, odd: bool = False) -> Stream:
    """Streams as OpenAI sends them; `odd` ones also use what is allowed but rare."""
    choices = draw(st.sampled_from([1, 1, 1, 2, 3]))
    texts = [draw(st.lists(TEXT, min_size=1, max_size=5)) for _ in range(choices)]
    options = draw(st.sampled_from([None, {}, {"include_usage": False}, {"include_usage": True}]))
    request: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    if choices > 1:
        request["n"] = choices
    if options is not None:
        request["stream_options"] = options
    limit = draw(st.sampled_from([None, max(len("".join(text)) for text in texts)]))  # a token has a character at least
    if limit is not None:
        request["max_tokens"] = limit
    pieces = [[{"content": piece} for piece in text] for text in texts]
    calls = limit is None and draw(st.sampled_from([False, False, True]))
    if calls:
        request["tools"] = TOOLS
        pieces = [draw(st.sampled_from([text, []])) + _calls(draw, odd=odd) for text in pieces]
    author = _Author(
        pieces=pieces,
        usage=_usage(draw, sum(map(len, pieces)) if limit is None else limit * choices, odd=odd),
        usage_asked=options is not None and options.get("include_usage") is True,
        finish_reason="length" if limit is not None else "tool_calls" if calls else "stop",
        odd=odd,
    )
    head = {
        "id": draw(st.sampled_from(["chatcmpl-1", "chatcmpl-Ab9"])),
        "object": "chat.completion.chunk",
        "created": draw(st.integers(1_700_000_000, 1_800_000_000)),
        "model": "m",
        **draw(st.fixed_dictionaries({}, optional={"service_tier": st.just("default")})),
        **draw(st.fixed_dictionaries({}, optional={"system_fingerprint": st.sampled_from(["fp_1", None])})),
    }
    spelled = _odd_json(draw) if odd else _json
    messages = [spelled({**head, **members}) for members in _walk(draw, author)]
    framing = draw(st.sampled_from([Framing.CHUNKED, Framing.CLOSE])) if odd else Framing.CHUNKED
    acts = tuple(Send(encoder.message(message)) for message in [*messages, "[DONE]"])
    url = "http://target/v1/chat/completions"
    return Stream(Request("POST", url, (), request), Answer(200, HEADERS, acts, framing))


# -- the walk ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Author:
    """What is still to be said, choice by choice."""

    pieces: list[list[dict[str, Any]]]
    """The deltas of each choice that are still to come."""
    usage: dict[str, Any]
    usage_asked: bool
    finish_reason: str
    odd: bool
    asides: int = 3
    """Chunks without choices that may still be sent."""
    started: set[int] = field(default_factory=set)
    finished: set[int] = field(default_factory=set)

    @property
    def unfinished(self) -> list[int]:
        """Choices without a finish_reason so far."""
        return [index for index in range(len(self.pieces)) if index not in self.finished]

    def can(self, kind: Kind) -> bool:
        """Whether a good stream with what is left to say may send this now."""
        unfinished = self.unfinished
        left = len(self.pieces[unfinished[0]]) if len(unfinished) == 1 and unfinished[0] in self.started else None
        match kind:
            case Kind.DELTA:
                return left != 0
            case Kind.FINISH:
                return left == 0 or (left == 1 and self.odd)
            case Kind.USAGE:
                return self.usage_asked
            case Kind.METADATA:
                return self.odd and self.asides > 0
            case Kind.TERMINATOR:
                return True
            case _:
                return False


def _walk(draw: st.DrawFn, author: _Author) -> Iterator[dict[str, Any]]:
    """From START to DONE along the order table; yields the members of each chunk that differ from chunk to chunk."""
    state, null_usage = State.START, {"usage": None} if author.usage_asked and not author.odd else {}
    while state is not State.DONE:
        kinds = [kind for kind in reversed(ALLOWED[state]) if author.can(kind)]  # asides last: the simplest has none
        if author.usage_asked and state is State.FINISHED:
            kinds.remove(Kind.TERMINATOR)
        kind = draw(st.sampled_from(kinds))
        state = ALLOWED[state][kind]
        match kind:
            case Kind.DELTA | Kind.FINISH:
                yield {"choices": [_next(draw, author, last=kind is Kind.FINISH)], **null_usage}
            case Kind.USAGE:
                yield {"choices": [], "usage": author.usage}
            case Kind.METADATA:
                author.asides -= 1
                yield {"choices": [], "prompt_filter_results": []}


def _next(draw: st.DrawFn, author: _Author, *, last: bool) -> dict[str, Any]:
    """The next thing that some choice says. Only `last` may close the last open choice."""
    unfinished = author.unfinished
    able = [i for i in unfinished if last or len(unfinished) > 1 or author.pieces[i] or i not in author.started]
    if not author.odd:
        able = [i for i in able if i in author.started or i == len(author.started)]
    index = draw(st.sampled_from(able))
    pieces, delta = author.pieces[index], dict[str, Any]()
    if index not in author.started:
        author.started.add(index)
        delta = {"role": "assistant", "content": "", **draw(st.sampled_from([{"refusal": None}, {}]))}
        if author.odd and "content" in pieces[0] and draw(st.booleans()):
            delta |= pieces.pop(0)
        return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}
    if pieces:
        delta = pieces.pop(0)
        rides_on_finish = last or (author.odd and not pieces and len(unfinished) > 1 and draw(st.booleans()))
    else:
        rides_on_finish = True
    if rides_on_finish:
        author.finished.add(index)
    reason = author.finish_reason if rides_on_finish else None
    logprobs = draw(st.sampled_from([{"logprobs": None}, {}])) if author.odd else {"logprobs": None}
    return {"index": index, "delta": delta, **logprobs, "finish_reason": reason}


def _calls(draw: st.DrawFn, *, odd: bool) -> list[dict[str, Any]]:
    """The deltas of some tool calls, one call after the other; odd ones begin with a piece, or lack the empty one."""
    deltas: list[dict[str, Any]] = []
    for index in range(draw(st.integers(1, 3))):
        text = json.dumps(draw(st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=3)), ensure_ascii=False)
        cuts = sorted({0, *draw(st.lists(st.integers(1, len(text) - 1), min_size=1, max_size=4)), len(text)})
        pieces = [text[a:b] for a, b in pairwise(cuts)]
        first = draw(st.sampled_from([{"arguments": ""}, {}, {"arguments": pieces[0]}])) if odd else {"arguments": ""}
        function = {"name": draw(st.sampled_from(["f", "g"])), **first}
        fragments = [{"id": f"call_{index}", "type": "function", "function": function}]
        fragments += [{"function": {"arguments": piece}} for piece in pieces[int(bool(first.get("arguments"))) :]]
        deltas += [{"tool_calls": [{"index": index, **fragment}]} for fragment in fragments]
    return deltas


def _usage(draw: st.DrawFn, completion: int, *, odd: bool) -> dict[str, Any]:
    prompt = draw(st.integers(1, 5000))
    counts = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    details = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}
    return {**counts, **({} if odd and draw(st.booleans()) else details)}


# -- spellings ---------------------------------------------------------------------------------------------------


def _json(value: object) -> str:
    """As it is, but for the line separators, at which some clients break lines."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _odd_json(draw: st.DrawFn) -> Callable[[dict[str, Any]], str]:
    """Keys in another order, members nobody knows, spaces, and escapes where none are needed."""
    reverse, ascii_only, unknown = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))

    def write(chunk: dict[str, Any]) -> str:
        members = {**chunk, "x_unknown": {"deep": [1, None]}} if unknown else chunk
        ordered = dict(reversed(members.items())) if reverse else members
        return json.dumps(ordered, ensure_ascii=ascii_only, separators=separators)

    return write


def legal_spellings() -> st.SearchStrategy[Spelling]:
    """One of the spellings that mean the same to every client that follows the standard."""
    return st.sampled_from(
        [
            as_it_is,
            with_crlf,
            with_cr,
            without_space,
            with_comments,
            with_comments_inside,
            with_several_lines,
            with_blank_lines,
            lambda plain: with_crlf(with_several_lines(with_comments(plain))),
        ]
    )
