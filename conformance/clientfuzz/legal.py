"""Everything that a stream may be and that clients stumble over: each variation, in each of the pieces it may come in.

What comes out here means what the good stream means because of how it is made. Knows no client and no mutant.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from conformance.wire.script import Answer, Send, body

from . import spelling, splits, telling
from .case import Case
from .streams import TEXT, TOOL, WORDS, chunk, of_chunks, says, text_of
from .telling import Variation

AT_ONCE = of_chunks(
    chunk(says({"role": "assistant", "content": "Hello,"})),
    chunk(says({"content": " world"})),
    chunk(says({}, "stop")),
)
"""Its first event has text: what loses it loses that."""
SEPARATED = text_of("a\u2028b", "c\u2029d", "e\u0085f", "g\x0bh\x0ci\x1cj")
ODD_TEXTS: dict[str, tuple[str, ...]] = {
    "astral": ("\U0001f469\u200d\U0001f680", "\U00010348", "\U0001d11e!"),
    "combining": ("e", "\u0301", "\u200f\u05e9\u05dc\u05d5\u05dd", "\u0e01\u0e33"),
    "looks-like-sse": ("data: x", "\n\n", ": not a comment", "\r\n", "event: done\n"),
    "looks-like-done": ("[DONE]", " data: [DONE]", "\n\ndata: [DONE]\n\n"),
    "looks-like-json": ('{"error": {"message": "no"}}', '"', "\\", "}]}", "null"),
    "control-characters": ("\x00", "\x1b[31m", "\x7f", "\ttab", "\b"),
    "byte-order-mark-inside": ("\ufeff", "a\ufeffb"),
    "white-space": (" ", "  ", "\n", " a ", "\u00a0", "\u3000"),
    "html": ("<b>&amp;</b>", "</script>", "<|im_end|>"),
    "one-character": ("a",),
}


def cases() -> Iterator[Case]:
    """One for each variation and each way to cut it."""
    for variation in variations():
        for name, split in splits.SPLITS.items():
            if (variation.fixed and name != "per-event") or not splits.applies(name, variation.played):
                continue
            yield Case(
                id=f"legal/{variation.name}/{name}",
                says=variation.says,
                request=variation.good.request,
                good=variation.good.answer,
                played=variation.played if variation.fixed else split(variation.played),
                legal=True,
                authority=variation.authority,
            )


def variations() -> Iterator[Variation]:
    """Every legal variation."""
    yield Variation("plain/text", "a plain stream of text", "openai", TEXT, TEXT.answer)
    yield Variation("plain/tools", "a plain stream of tool calls", "openai", TOOL, TOOL.answer)
    yield from _spelled()
    yield from _texts()
    yield from telling.tellings()


def _spelled() -> Iterator[Variation]:
    for name, explanation, change in spelling.SPELLINGS:
        for kind, stream in (("", TEXT), ("-of-tools", TOOL)):
            if kind and not name.startswith("line-ends/"):
                continue
            yield Variation(f"{name}{kind}", explanation, "sse", stream, respelled(stream.answer, change))
    played = respelled(AT_ONCE.answer, spelling.with_mark)
    yield Variation("encoding/mark-before-text", "a byte order mark before an event with text", "sse", AT_ONCE, played)


def respelled(answer: Answer, change: Callable[[bytes], bytes]) -> Answer:
    """The answer, its body written another way, and still one write for each event."""
    data = change(body(answer.acts))
    return replace(answer, acts=tuple(Send(piece) for piece in events_of(data)))


BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2,}")


def events_of(data: bytes) -> list[bytes]:
    """The bytes of a body, cut behind blank lines."""
    ends = [*(found.end() for found in BLANK.finditer(data)), len(data)]
    starts = [0, *ends]
    return [data[start:end] for start, end in zip(starts, ends, strict=False) if start < end]


def _texts() -> Iterator[Variation]:
    raw = SEPARATED.told(respelled(SEPARATED.answer, spelling.with_separators_raw))
    explanation = "line and paragraph separators stand in the text as they are: they end no line"
    yield Variation("text/separators", explanation, "sse", SEPARATED, raw.answer)
    yield Variation("text/separators-escaped", "separators in the text, escaped", "openai", SEPARATED, SEPARATED.answer)
    for name, pieces in ODD_TEXTS.items():
        stream = text_of(*pieces)
        yield Variation(f"text/{name}", f"the text is odd: {name.replace('-', ' ')}", "openai", stream, stream.answer)
    stream = text_of(*WORDS)
    yield Variation("usage/none", "no usage is sent", "openai", stream, stream.answer)
