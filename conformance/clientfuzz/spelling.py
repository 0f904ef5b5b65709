"""The same events in other bytes, as the SSE standard and JSON let a server write them. Takes the plainest form."""

import json
import re
from collections.abc import Callable

from conformance.wire.spelling import (
    Spelling,
    with_blank_lines,
    with_comments,
    with_comments_inside,
    with_cr,
    with_crlf,
    with_several_lines,
    without_space,
)

MARK = b"\xef\xbb\xbf"
DATA = re.compile(rb"(?m)^data: (\{.*\})$")
RAW = {b"\\u2028": "\u2028".encode(), b"\\u2029": "\u2029".encode(), b"\\u0085": "\u0085".encode()}


def mixed_line_ends(plain: bytes) -> bytes:
    """LF, CRLF and CR in turn; but not LF behind CR and nothing between them, which would be one line end."""
    ends = (b"\n", b"\r\n", b"\r")
    written: list[bytes] = []
    for number, line in enumerate(plain.split(b"\n")[:-1]):
        end = ends[number // 2 % 3]
        after_carriage = bool(written) and written[-1].endswith(b"\r")
        written.append(line + (b"\r" if end == b"\n" and not line and after_carriage else end))
    return b"".join(written)


def with_mark(plain: bytes) -> bytes:
    """A byte order mark at the start."""
    return MARK + plain


def with_retry_block(plain: bytes) -> bytes:
    """An event of `retry` alone."""
    return b"retry: 3000\n\n" + plain


def with_event_block(plain: bytes) -> bytes:
    """An event of a name alone: without data nothing is dispatched."""
    return b"event: ping\n\n" + plain


def with_id_block(plain: bytes) -> bytes:
    """An event of an `id` alone."""
    return b"id: 0\n\n" + plain


def with_ids(plain: bytes) -> bytes:
    """An `id` on each event, and comments in between."""
    count = iter(range(1, 1_000_000))
    numbered = re.sub(rb"(?m)^data: ", lambda _: b"id: %d\ndata: " % next(count), plain)
    return numbered.replace(b"\n\n", b"\n\n: ping\n\n")


def with_id_behind(plain: bytes) -> bytes:
    """`id` and `retry` behind the data."""
    return plain.replace(b"\n\n", b"\nid: 7\nretry: 100\n\n")


def with_message_name(plain: bytes) -> bytes:
    """`event: message`, which is what an event without a name is."""
    return re.sub(rb"(?m)^data: ", b"event: message\ndata: ", plain)


def with_unknown_fields(plain: bytes) -> bytes:
    """Fields that nobody knows, with and without a colon."""
    return re.sub(rb"(?m)^data: ", b"x-trace: 1\nnothing\ndata: ", plain)


def with_first_comment(plain: bytes) -> bytes:
    """A comment before anything else, as OpenRouter sends it."""
    return b": OPENROUTER PROCESSING\n\n" + plain


def with_odd_comments(plain: bytes) -> bytes:
    """Comments that look like data, or like nothing."""
    odd = b':\n:data: {"error":1}\n: \xf0\x9f\x91\x8b\n::\n\n'
    return odd + plain.replace(b"\n\n", b"\n\n" + odd)


def with_long_comment(plain: bytes) -> bytes:
    """A comment of 100 kB."""
    return b": " + b"x" * 100_000 + b"\n\n" + plain


def _each(plain: bytes, write: Callable[[object], str]) -> bytes:
    def written(found: re.Match[bytes]) -> bytes:
        lines = write(json.loads(found.group(1))).split("\n")
        return b"\n".join(b"data: " + line.encode() for line in lines)

    return DATA.sub(written, plain)


def keys_reversed(plain: bytes) -> bytes:
    """The members of every chunk in the opposite order."""
    return _each(plain, lambda value: json.dumps(_reversed(value), ensure_ascii=False, separators=(",", ":")))


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {name: _reversed(member) for name, member in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def spaced(plain: bytes) -> bytes:
    """JSON with spaces."""
    return _each(plain, lambda value: json.dumps(value, ensure_ascii=False))


def escaped(plain: bytes) -> bytes:
    """JSON in ASCII, surrogate pairs and all."""
    return _each(plain, json.dumps)


def slashes_escaped(plain: bytes) -> bytes:
    """JSON as PHP writes it, and letters escaped that need not be."""
    return _each(plain, lambda value: json.dumps(value, ensure_ascii=False).replace("/", "\\/").replace("o", "\\u006f"))


def indented(plain: bytes) -> bytes:
    """JSON over many lines, each a data field."""
    return _each(plain, lambda value: json.dumps(value, ensure_ascii=False, indent=2))


def with_separators_raw(plain: bytes) -> bytes:
    """U+2028, U+2029 and U+0085 as they are."""
    for name, raw in RAW.items():
        plain = plain.replace(name, raw)
    return plain


def with_space_before_json(plain: bytes) -> bytes:
    """Two spaces behind the colon: one is the field's, one is JSON's."""
    return plain.replace(b"data: {", b"data:  {")


SPELLINGS: tuple[tuple[str, str, Spelling], ...] = (
    ("line-ends/crlf", "lines end with CRLF", with_crlf),
    ("line-ends/cr", "lines end with CR", with_cr),
    ("line-ends/mixed", "lines end with LF, CRLF and CR in turn", mixed_line_ends),
    ("fields/no-space", "no space behind the colon", without_space),
    ("fields/several-data", "chunks of two data lines", with_several_lines),
    ("fields/event-message", "each event is called message", with_message_name),
    ("fields/id", "each event has an id, and comments stand in between", with_ids),
    ("fields/id-and-retry-behind", "id and retry behind the data", with_id_behind),
    ("fields/unknown", "fields that nobody knows", with_unknown_fields),
    ("blocks/retry", "an event of retry alone", with_retry_block),
    ("blocks/event", "an event of a name alone", with_event_block),
    ("blocks/id", "an event of an id alone", with_id_block),
    ("blocks/blank-lines", "more blank lines than needed", with_blank_lines),
    ("comments/first", "a comment before anything else", with_first_comment),
    ("comments/between", "comments between the events", with_comments),
    ("comments/inside", "a comment line within each event", with_comments_inside),
    ("comments/odd", "comments that look like data, or like nothing", with_odd_comments),
    ("comments/long", "a comment of 100 kB", with_long_comment),
    ("comments/crlf", "comments and several data lines, lines ended by CRLF",
     lambda plain: with_crlf(with_several_lines(with_comments(plain)))),
    ("encoding/mark", "a byte order mark at the start", with_mark),
    ("json/keys-reversed", "the members of chunks in another order", keys_reversed),
    ("json/spaced", "JSON with spaces", spaced),
    ("json/escaped", "JSON in ASCII", escaped),
    ("json/slashes-escaped", "JSON with escapes where none are needed", slashes_escaped),
    ("json/indented", "JSON over many lines", indented),
    ("json/space-before", "white space before the JSON", with_space_before_json),
)  # fmt: skip
"""Name, what it is, and how it is written."""
