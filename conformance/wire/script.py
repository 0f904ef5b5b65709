"""An answer as acts. The same script plays in memory and on a socket; it knows neither."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Write nothing for this long."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reset:
    """Drop the connection without a clean end (TCP RST)."""


Act = Send | Wait | Reset
Script = tuple[Act, ...]


class Framing(Enum):
    """How HTTP/1.1 says where a body ends; RAW when the acts already are the whole response, head included."""

    CHUNKED = "Transfer-Encoding: chunked"
    LENGTH = "Content-Length"
    CLOSE = "end of the connection"
    RAW = "as written"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers to one request: a head without framing headers, and the acts of its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    acts: Script
    framing: Framing = Framing.CHUNKED
    hangs_up: bool = False
    """The server closes the connection afterwards without having said so."""


def body(acts: Iterable[Act]) -> bytes:
    """What a peer that never gives up receives."""
    sent = []
    for act in acts:
        match act:
            case Send(data):
                sent.append(data)
            case Reset():
                break
    return b"".join(sent)
