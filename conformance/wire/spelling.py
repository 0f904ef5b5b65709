"""A good stream in other bytes that mean the same to every client that follows the standard. Takes the plainest form.

Knows lines and fields, and nothing of what they carry.
"""

import re
from collections.abc import Callable

Spelling = Callable[[bytes], bytes]
"""The same stream in other bytes; takes a body in the plainest form."""


def as_it_is(plain: bytes) -> bytes:
    """The plainest form."""
    return plain


def with_crlf(plain: bytes) -> bytes:
    """CRLF line ends."""
    return plain.replace(b"\n", b"\r\n")


def with_cr(plain: bytes) -> bytes:
    """CR line ends."""
    return plain.replace(b"\n", b"\r")


def without_space(plain: bytes) -> bytes:
    """No space after the colon."""
    return re.sub(rb"(?m)^data: ", b"data:", plain)


def with_comments(plain: bytes) -> bytes:
    """Comments before, between and after events."""
    return b": hello\n\n" + plain.replace(b"\n\n", b"\n\n: ping\n\n") + b":\n"


def with_comments_inside(plain: bytes) -> bytes:
    """A comment line in front of each data line."""
    return re.sub(rb"(?m)^data: ", b": ping\ndata: ", plain)


def with_several_lines(plain: bytes) -> bytes:
    """Each chunk as two data lines, broken after its opening brace."""
    return re.sub(rb"(?m)^data: \{", b"data: {\ndata: ", plain)


def with_blank_lines(plain: bytes) -> bytes:
    """More blank lines than needed."""
    return b"\n" + plain.replace(b"\n\n", b"\n\n\n\n")
