"""The bytes of a stream as text. Knows nothing of lines and fields."""

import codecs
import re
from collections.abc import Iterator

from conformance.protocols.chat.view import View
from conformance.protocols.finding import Finding, shorten
from conformance.rules.mutate import on_body
from conformance.rules.needs import EVENTS
from conformance.rules.rule import MUST, SHOULD, rule
from conformance.rules.sources import CLIENTS, HTML, SUITE, issue
from conformance.wire.decoder import BOM

SEPARATORS = re.compile(rb"\xe2\x80[\xa8\xa9]|\xc2\x85")
"""U+2028, U+2029 and U+0085, where `str.splitlines` ends a line and SSE does not."""
PIECE = 1024 * 1024
AROUND = 12
"""Bytes shown on either side of a bad one."""


def _hide(body: bytes, *pieces: bytes) -> bytes:
    """Put bytes into the member `obfuscation` of the first chunks, which no client reads."""
    for number, piece in enumerate(pieces, 1):
        parts = body.split(b"\n\n")
        if len(parts) > number + 1:
            parts[number - 1] = parts[number - 1][:-1] + b',"obfuscation":"' + piece + b'"}'
        body = b"\n\n".join(parts)
    return body


@on_body
def in_another_encoding(body: bytes) -> bytes:
    return _hide(body, b"caf\xe9")


@on_body
def character_cut_in_half(body: bytes) -> bytes:
    """A token is a part of a character, and the server writes what it has."""
    return _hide(body, b"\xe4\xb8", b"\xad")


@on_body
def written_too_long(body: bytes) -> bytes:
    return _hide(body, b"\xc0\xaf")


@on_body
def surrogates_encoded(body: bytes) -> bytes:
    """CESU-8: half a surrogate pair at a time."""
    return _hide(body, b"\xed\xa0\xbd\xed\xb8\x80")


@on_body
def comment_in_another_encoding(body: bytes) -> bytes:
    return b": caf\xe9\n\n" + body


@rule(
    id="sse/encoding/utf8",
    level=MUST,
    says="The body is UTF-8, over the borders of events and HTTP chunks.",
    source=(
        HTML.at("9.2.5: event streams must always be encoded as UTF-8"),
        CLIENTS.at("scenario 69: openai-python raises, JavaScript puts U+FFFD"),
        issue("BerriAI/litellm#18842"),
        issue("abetlen/llama-cpp-python#372"),
    ),
    needs=EVENTS,
    broken_by=(
        in_another_encoding,
        character_cut_in_half,
        written_too_long,
        surrogates_encoded,
        comment_in_another_encoding,
    ),
)
def utf8(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if (broken := _not_utf8(body)) is None:
        return
    start, end, reason = broken
    if reason == "unexpected end of data" and not stream.ended:
        return
    around = body[max(0, start - AROUND) : end + AROUND].decode("utf-8", "backslashreplace")
    step = next((s for s in stream.steps if s.event.start <= start < s.event.end), None)
    yield stream.finding("UTF-8", f"{reason}: …{shorten(around)}…", step, span=(start, end))


def _not_utf8(body: bytes) -> tuple[int, int, str] | None:
    """Where the first bytes are that are not UTF-8, and why. Decodes by the piece: the body may be large."""
    start = len(body) if body.isascii() else 0
    while start < len(body):
        last = start + PIECE >= len(body)
        try:
            start += codecs.utf_8_decode(body[start : start + PIECE], "strict", last)[1]
        except UnicodeDecodeError as error:
            return start + error.start, start + error.end, error.reason
    return None


@on_body
def marked(body: bytes) -> bytes:
    return BOM + body


@rule(
    id="sse/encoding/no-mark",
    level=SHOULD,
    says="The body does not start with a byte order mark.",
    source=(
        CLIENTS.at("scenario 33: openai-python and LiteLLM lose the first event without a word"),
        HTML.at("9.2.5: one leading mark is legal"),
    ),
    needs=EVENTS,
    broken_by=(marked,),
)
def no_mark(stream: View) -> Iterator[Finding]:
    if stream.exchange.body.startswith(BOM):
        yield stream.finding("the first field", "bytes EF BB BF", span=(0, len(BOM)))


@on_body
def line_separator(body: bytes) -> bytes:
    return _hide(body, "a\u2028b".encode())


@on_body
def paragraph_separator(body: bytes) -> bytes:
    return _hide(body, "a\u2029b".encode())


@on_body
def next_line(body: bytes) -> bytes:
    return _hide(body, "a\x85b".encode())


@rule(
    id="sse/encoding/no-line-separators",
    level=SHOULD,
    says="U+2028, U+2029 and U+0085 are written as JSON escapes.",
    source=(
        CLIENTS.at("finding 12: httpx iter_lines breaks the event there"),
        issue("florimondmanca/httpx-sse#34"),
        issue("langgenius/dify#39008"),
        SUITE.at("both are legal"),
    ),
    needs=EVENTS,
    broken_by=(line_separator, paragraph_separator, next_line),
)
def no_line_separators(stream: View) -> Iterator[Finding]:
    body = stream.exchange.body
    if b"\xe2" not in body and b"\xc2" not in body:  # a hundred times faster than to match
        return
    found = [match.span() for match in SEPARATORS.finditer(body)]
    if found:
        start, end = found[0]
        code = ord(body[start:end].decode())
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        step = next((s for s in stream.steps if s.event.start <= start < s.event.end), None)
        yield stream.finding(f"\\u{code:04x}", f"the character U+{code:04X} itself{more}", step, span=(start, end))


RULES = (utf8, no_mark, no_line_separators)
