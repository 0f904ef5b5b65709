"""Bytes to SSE events, incrementally. Knows no sockets, no clock, no JSON.

Follows section 9.2.6 of the WHATWG HTML standard, except that nothing is thrown away silently: comments, events
without data and cut-off events come out too, because rules need to see them. Any split of the bytes gives the same
events, nothing is ever raised on input, and no more than `limit` bytes of one event are held.
"""

import re

from .events import Comment, CutOff, Dataless, Event, Line, Message, Overlong, field

BOM = b"\xef\xbb\xbf"
LINE_END = re.compile(rb"\r\n|\n|\r")
DEFAULT_LIMIT = 16 * 1024 * 1024
MAX_LINES = 100_000
"""Of one event: a line of one byte costs us a hundred, so the limit of bytes alone would not bound memory."""


class Decoder:
    """Feed it bytes, get events. One decoder reads one body."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._offset = 0  # of buffer[0] within the body
        self._scanned = 0  # no line end before this index of the buffer
        self._lines: list[Line] = []
        self._held = 0  # bytes in self._lines; inside an overlong event, bytes of this line that were dropped
        self._overlong_from: int | None = None
        self._at_start = True
        self._cr_at: float | None = None  # when the CR at the end of the buffer arrived

    def feed(self, data: bytes, at: float | None = None) -> list[Event]:
        """Take bytes in any split; return the events that are now complete."""
        events: list[Event] = []
        if data and not data.startswith(b"\n"):
            self._end_line_at_cr(events)
        self._buffer += data
        if self._at_start and not self._skip_bom():
            return []
        if not self._lines and self._overlong_from is None and self._buffer.find(b"\r", self._scanned) < 0:
            self._take_plain_events(events, at)
        self._take_lines(events, at)
        self._bound()
        return events

    def close(self, at: float | None = None) -> list[Event]:
        """The body has ended. A lone CR at the end is a line end after all."""
        events: list[Event] = []
        self._at_start = False
        self._end_line_at_cr(events)
        end = self._offset + len(self._buffer)
        if self._overlong_from is not None:
            events.append(Overlong(self._overlong_from, end, at))
        elif self._buffer or self._lines:
            raw = b"".join(line.raw + line.end for line in self._lines) + bytes(self._buffer)
            events.append(CutOff(raw, self._lines[0].start if self._lines else self._offset, end, at))
        self._buffer.clear()
        self._lines.clear()
        self._overlong_from = None
        return events

    def _end_line_at_cr(self, events: list[Event]) -> None:
        """The CR at the end of the buffer was a whole line end: what follows it is no LF."""
        if self._buffer.endswith(b"\r"):
            line, start = bytes(self._buffer[:-1]), self._offset
            self._consume(len(self._buffer))
            self._take(line, b"\r", events, self._cr_at, start)

    def _skip_bom(self) -> bool:
        """Drop one leading byte order mark; False while it cannot be told from the start of one."""
        if len(self._buffer) < len(BOM) and BOM.startswith(self._buffer):
            return False
        self._at_start = False
        if self._buffer.startswith(BOM):
            self._consume(len(BOM))
        return True

    def _take_plain_events(self, events: list[Event], at: float | None) -> None:
        """The form nearly every server sends, `data: ...` and two LF, split at C speed."""
        complete = self._buffer.rfind(b"\n\n", self._scanned)
        if complete < 0:
            return
        start = self._offset
        for block in bytes(self._buffer[:complete]).split(b"\n\n"):
            if not block.startswith(b"data: ") or b"\n" in block or len(block) > self._limit:
                break
            end = start + len(block) + 2
            events.append(Message(block[6:].decode("utf-8", "replace"), start, end, at))
            start = end  # the same number for two events, in memory too
        self._consume(start - self._offset)

    def _take_lines(self, events: list[Event], at: float | None) -> None:
        position = 0
        while found := LINE_END.search(self._buffer, max(position, self._scanned)):
            if found.group() == b"\r" and found.end() == len(self._buffer):
                self._scanned, self._cr_at = found.start(), at  # CR or CRLF? the next byte tells
                break
            line, start = bytes(self._buffer[position : found.start()]), self._offset + position
            position = found.end()
            self._take(line, found.group(), events, at, start)
        else:
            self._scanned = len(self._buffer)
        self._consume(position)

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
        self._scanned = max(0, self._scanned - count)

    def _take(self, line: bytes, end: bytes, events: list[Event], at: float | None, start: int) -> None:
        """One whole line has been read."""
        after = start + len(line) + len(end)
        if self._overlong_from is not None:
            if not line and not self._held:
                events.append(Overlong(self._overlong_from, after, at))
                self._overlong_from = None
            self._held = 0
        elif line and (self._held + len(line) > self._limit or len(self._lines) >= MAX_LINES):
            self._drop_event(start)
        elif line.startswith(b":"):
            text = line[1:].removeprefix(b" ").decode("utf-8", "replace")
            events.append(Comment(text, start, after, at))
        elif line:
            self._lines.append(Line(line, end, start))
            self._held += after - start
        else:
            self._dispatch(Line(line, end, start), after, events, at)

    def _dispatch(self, blank: Line, after: int, events: list[Event], at: float | None) -> None:
        """A blank line ends the event, if there is one."""
        if not self._lines:
            return
        lines, self._lines, self._held = (*self._lines, blank), [], 0
        fields = [field(line) for line in lines[:-1]]
        data = [value for name, value in fields if name == "data"]
        start = lines[0].start
        if not data:
            events.append(Dataless(lines, start, after, at))
            return
        kind = next((value for name, value in reversed(fields) if name == "event"), "")
        first = lines[0]
        plain = len(lines) == 2 and first.raw.startswith(b"data: ") and first.end == b"\n" == blank.end
        events.append(Message("\n".join(data), start, after, at, kind, () if plain else lines))

    def _bound(self) -> None:
        """Hold no more than the limit of a line that does not end."""
        if self._overlong_from is None and self._scanned and self._held + self._scanned > self._limit:
            self._drop_event(self._offset)
        if self._overlong_from is not None and self._scanned:
            self._held += self._scanned
            self._consume(self._scanned)

    def _drop_event(self, line_start: int) -> None:
        """From here to the next blank line nothing is kept."""
        self._overlong_from = self._lines[0].start if self._lines else line_start
        self._lines.clear()
        self._held = 0
