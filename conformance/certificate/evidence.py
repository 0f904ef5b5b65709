"""The recordings of a bundle to the exchanges that a run judged. Touches no disk and judges nothing.

A recording may have been made by anybody, to be read by us: how much memory it would take is estimated before it is
read, and what is too much is not read.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import msgspec

from conformance.probes.intake import CODED_COST, EVENT_COST, weigh
from conformance.protocols import recording
from conformance.protocols.exchange import Exchange
from conformance.protocols.recording import Header, RecordingError
from conformance.wire.http import ResponseReader

from .parts import RECORDINGS, Part, Trouble

MAX_WEIGHT = 640 * 1024 * 1024
"""Bytes of memory, estimated as a run does it: twice what a run allows its probes and its trials together."""
MAX_LINKS = 20_000
"""How often recordings may name each other. A run of everything does it some two hundred times."""
CODED = b"content-encoding"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the recordings hold."""

    exchanges: tuple[Exchange, ...]
    """Those that a run judges, by the names of their files: companions are beside their own, and not among them."""
    troubles: tuple[Trouble, ...] = ()
    absent: tuple[str, ...] = ()
    """Recordings that the first of a trial announces and that are not there: broken off, or left out."""


def read(files: Mapping[str, bytes]) -> Evidence:
    """The exchanges of the recordings among the files. One that cannot be read is trouble, as is too much of them."""
    names = sorted(name for name in files if name.startswith(RECORDINGS))
    lines = {name: BytesIO(files[name]).readlines() for name in names}
    reading = _Reading(lines)
    if excess := _excess(lines, reading.headers.values()):
        return Evidence((), (*reading.troubles, Trouble(Part.EVIDENCE, "", excess)))
    companions = {RECORDINGS + header.beside for header in reading.headers.values() if header.beside}
    exchanges = [reading.exchange(name) for name in lines if name not in companions]
    announced = (RECORDINGS + other for header in reading.headers.values() for other in header.group)
    return Evidence(
        tuple(each for each in exchanges if each is not None),
        tuple(dict.fromkeys(reading.troubles)),
        tuple(name for name in dict.fromkeys(announced) if name not in lines),
    )


class _Reading:
    """Recordings that name each other. Each is read once."""

    def __init__(self, lines: Mapping[str, list[bytes]]) -> None:
        self.lines = lines
        self.troubles: list[Trouble] = []
        self.headers: dict[str, Header] = {}
        self._alone: dict[str, Exchange] = {}
        for name, content in lines.items():
            try:
                self.headers[name] = recording.read_header(content[0] if content else b"")
            except RecordingError as problem:
                self._note(name, problem)

    def exchange(self, name: str) -> Exchange | None:
        """The exchange with what belongs to it, None where it cannot be read."""
        header = self.headers.get(name)
        if header is None:
            return None
        try:
            if not header.beside and not header.group:
                return self._by_itself(name)
            beside = self._named(header.beside) if header.beside else None
            group = tuple(self._named(other) for other in header.group if RECORDINGS + other in self.lines)
            return recording.read(self.lines[name], source=name, beside=beside, group=group)
        except RecordingError as problem:
            self._note(name, problem)
            return None

    def _named(self, file: str) -> Exchange:
        name = RECORDINGS + file
        if name not in self.lines:
            raise RecordingError(f"the recording that it names, {file}, is not there")
        try:
            return self._by_itself(name)
        except RecordingError as problem:
            raise RecordingError(f"the recording that it names, {file}: {problem}") from problem

    def _by_itself(self, name: str) -> Exchange:
        if name not in self._alone:
            self._alone[name] = recording.read(self.lines[name], source=name)
        return self._alone[name]

    def _note(self, name: str, problem: RecordingError) -> None:
        self.troubles.append(Trouble(Part.RECORDING, name, str(problem)))


def _excess(lines: Mapping[str, list[bytes]], headers: Iterable[Header]) -> str:
    """Why all this is too much to be read, "" where it is not."""
    if (links := sum(len(header.group) + bool(header.beside) for header in headers)) > MAX_LINKS:
        return f"the recordings name each other {links} times, more than the {MAX_LINKS} that are followed"
    weight = 0
    for content in lines.values():
        weight += _weight(content)
        if weight > MAX_WEIGHT:
            return f"to read them would take more than the {MAX_WEIGHT >> 20} MiB of memory that are allowed"
    return ""


def _weight(content: list[bytes]) -> int:
    """Bytes of memory that a recording takes once it is read, estimated."""
    weight = sum(weigh(line) for line in content[:1])
    reads = list(_data(content[1:]))
    coded = CODED in b"".join(reads).lower()
    reader = ResponseReader()
    for data in reads:
        piece = reader.feed(data) if coded else data
        events = EVENT_COST * (1 + piece.count(b"\n") + piece.count(b"\r")) // 2
        weight += weigh(data) + events + (CODED_COST * len(piece) if coded else 0)
    return weight


def _data(lines: Iterable[bytes]) -> Iterator[bytes]:
    """What came in each read, up to the first line that is not to be understood."""
    for line in lines:
        try:
            entry: list[Any] = msgspec.json.decode(line, type=list[Any])
            match entry:
                case [_, "data", str(text), *_]:
                    yield text.encode()
                case [_, "data64", str(text), *_]:
                    yield base64.b64decode(text)
        except (ValueError, RecursionError):
            return
