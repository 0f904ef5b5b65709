"""An answer as acts. The same script plays in memory and on a socket; it knows neither."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Write nothing for this long."""

    seconds: float
    makes: int | None = None
    """Tokens that are made meanwhile; None where nothing is said of them."""


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
    before: Script = ()
    """What is done before the head goes out: waits of a server that says nothing yet."""
    told: Callable[[], Iterator[Act]] | None = None
    """Makes the acts one by one, where they are many; there are no others then."""

    def played(self) -> Iterator[Act]:
        """The acts of the body, in order, from the first."""
        return iter(self.acts) if self.told is None else self.told()


def whole(answer: Answer) -> Answer:
    """The same answer with all its acts made."""
    return answer if answer.told is None else replace(answer, acts=tuple(answer.told()), told=None)


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
