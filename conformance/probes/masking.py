"""The key, in what a server sends back: blotted out, or not read on to. Knows no socket, no clock and no file.

The key is found in one piece, cut in two by reads, and cut in two by the framing of chunks. A server that hands it back
letter by letter in events of its own, or written in another way, is not found out.
"""

import re

from conformance.wire.http import ResponseReader

LEAST_SECRET = 8
"""Keys shorter than this ("EMPTY", "ollama") are no secrets, and their letters stand in honest answers."""
CERTAIN = 4
"""Letters of the key, at the end of what has come, after which the others are waited for, however late they are."""
FRAMING = rb"\r\n[0-9A-Fa-f]{1,16}(?:;[^\r\n]{0,200})?\r\n"
"""What stands between two chunks of a body."""
BETWEEN = re.compile(FRAMING + rb"\Z")
BEGUN = re.compile(rb"\r(?:\n(?:[0-9A-Fa-f]{1,16}(?:;[^\r\n]{0,200})?\r?)?)?\Z")
"""The same at the end of what has come: all of it, or its beginning."""
LETTER = re.compile(FRAMING + rb"|\r.*|.", re.DOTALL)
CR = 13
LONGEST = 240
"""Bytes that are longer than any such framing."""


class Mask:
    """Blots the key out, byte for byte, so that lengths and framing stay."""

    def __init__(self, key: str) -> None:
        self._key = key.encode() if len(key) >= LEAST_SECRET else b""
        letters = (re.escape(bytes([letter])) for letter in self._key)
        self._framed = re.compile((b"(?:" + FRAMING + b")?").join(letters))
        self._kept = b""

    @property
    def keeps(self) -> bool:
        """Some bytes are kept back."""
        return bool(self._kept)

    def feed(self, data: bytes) -> bytes:
        """The bytes with the key blotted out; an end that may be the start of the key is kept back."""
        if not self._key:
            return data
        data = self._framed.sub(lambda found: _blotted(found[0]), self._kept + data)
        ends = (at for at in range(max(0, len(data) - LONGEST), len(data)) if data[at] == CR and BEGUN.match(data, at))
        start = min(self._start(data, end) for end in (len(data), *ends))
        self._kept = data[start:]
        return data[:start]

    @property
    def certain(self) -> bool:
        """So much of the key has come that there is no doubt of the rest."""
        return _blotted(self._kept).count(b"*") >= CERTAIN

    def rest(self) -> bytes:
        """What was kept back, when no more bytes come."""
        kept, self._kept = _blotted(self._kept) if self.certain else self._kept, b""
        return kept

    def _start(self, data: bytes, end: int) -> int:
        """Where in the bytes up to `end` the beginning of a key may stand that goes on after all of them."""
        start, seen = len(data), b""
        while end and len(seen) < len(self._key):
            if framing := BETWEEN.search(data, max(0, end - LONGEST), end):
                end = framing.start()
            elif data[end - 1] in self._key:
                end -= 1
                seen = data[end : end + 1] + seen
                start = end if self._key.startswith(seen) else start
            else:
                break
        return start


def _blotted(found: bytes) -> bytes:
    """A key, or the beginning of one; framing begins with CR LF, which no key holds."""
    return LETTER.sub(lambda part: part[0] if part[0][:1] == b"\r" else b"*", found)


class Unpacked:
    """Looks for the key in a body that is compressed, where it cannot be blotted out; nothing of it is handed on."""

    def __init__(self, key: str) -> None:
        self._key = key.encode() if len(key) >= LEAST_SECRET else b""
        self._reader = ResponseReader()
        self._kept = b""
        self._tail = b""
        self.found = False

    @property
    def keeps(self) -> bool:
        """Some bytes are kept back."""
        return bool(self._kept)

    def feed(self, data: bytes) -> bytes:
        """The bytes as they came, but for those that may hold the start of the key; none once the key was found."""
        if not self._key or (self._reader.head is not None and not self._reader.head.get("content-encoding")):
            return data
        end = data.find(b"\r\n\r\n") + 4 if self._reader.head is None else 0
        head, body = (data[:end], data[end:]) if end > 3 else (b"", data)
        text = self._tail + self._reader.feed(head) + self._reader.feed(body)
        if self._reader.head is None or not self._reader.head.get("content-encoding"):
            return data
        self._tail = text[-len(self._key) :]
        self._kept += body
        self.found = self.found or self._key in text
        begun = any(self._tail.endswith(self._key[:size]) for size in range(1, len(self._key)))
        return head + (b"" if self.found or begun else self.rest())

    def rest(self) -> bytes:
        """What was kept back, when no more bytes come."""
        kept, self._kept = self._kept, b""
        return b"" if self.found else kept
