"""The pieces in which the bytes of a stream go out. Knows no case; what the bytes say stays the same."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from conformance.wire.script import Act, Answer, Send, Wait, body

PAUSE = 0.002
"""Seconds between two pieces that a client is to read apart from each other."""
SMALL = 2 * 1024
"""Bytes of a body up to which it is cut into single bytes."""
CONTINUES = re.compile(rb"(?<=[\xc2-\xf4])[\x80-\xbf]|(?<=[\xe0-\xf4][\x80-\xbf])[\x80-\xbf]")
CARRIAGE = re.compile(rb"\r(?=\n)")
MOST_PAUSES = 40

Split = Callable[[Answer], Answer]


def whole(answer: Answer) -> Answer:
    """All of the body in one write."""
    return _with(answer, lambda data: [data])


def per_event(answer: Answer) -> Answer:
    """A write for each event, as servers do."""
    return answer


def one_byte(answer: Answer) -> Answer:
    """Every byte by itself; of a large body the first of them."""
    return _with(answer, lambda data: _of_size(data, 1))


def two_bytes(answer: Answer) -> Answer:
    """Two bytes at a time."""
    return _with(answer, lambda data: _of_size(data, 2))


def inside_characters(answer: Answer) -> Answer:
    """A pause within characters of several bytes."""
    return _with(answer, lambda data: _at(data, [found.start() for found in CONTINUES.finditer(data)]), pauses=True)


def inside_line_ends(answer: Answer) -> Answer:
    """A pause between CR and LF."""
    return _with(answer, lambda data: _at(data, [found.end() for found in CARRIAGE.finditer(data)]), pauses=True)


SPLITS: dict[str, Split] = {
    "whole": whole,
    "per-event": per_event,
    "one-byte": one_byte,
    "two-bytes": two_bytes,
    "inside-characters": inside_characters,
    "inside-line-ends": inside_line_ends,
}


def applies(name: str, answer: Answer) -> bool:
    """Whether a split cuts this body otherwise than another one."""
    data = body(answer.acts)
    match name:
        case "inside-characters":
            return CONTINUES.search(data) is not None
        case "inside-line-ends":
            return CARRIAGE.search(data) is not None
        case _:
            return True


def _of_size(data: bytes, size: int) -> list[bytes]:
    small = data[:SMALL]
    pieces = [small[at : at + size] for at in range(0, len(small), size)]
    return [*pieces, data[SMALL:]] if len(data) > SMALL else pieces


def _at(data: bytes, places: list[int]) -> list[bytes]:
    cuts = [0, *places[:MOST_PAUSES], len(data)]
    return [data[start:end] for start, end in pairwise(cuts)]


def _with(answer: Answer, cut: Callable[[bytes], list[bytes]], *, pauses: bool = False) -> Answer:
    """The answer, its body sent so, cut when it is played; waits come behind all that is sent."""
    others = tuple(act for act in answer.acts if not isinstance(act, Send))

    def told() -> Iterator[Act]:
        yield from _acts(cut(body(answer.acts)), pauses=pauses)
        yield from others

    return replace(answer, acts=(), told=told)


def _acts(pieces: list[bytes], *, pauses: bool) -> Iterator[Act]:
    for number, piece in enumerate(pieces):
        if pauses and number:
            yield Wait(PAUSE)
        yield Send(piece)
