"""What every engine does, whatever is behind it. Knows no text: tokens go in, tokens come out."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from .events import StepEvent
from .request import TokenRequest


class Overloaded(Exception):  # noqa: N818 - nothing is in error
    """Too many requests wait; `retry_after` is a guess in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineDead(Exception):  # noqa: N818
    """The engine has failed, or was stopped, and answers nothing any more; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What an engine is."""

    model: str
    vocabulary: int
    """Tokens that it can read and say: ids from 0 up to, not including, this."""
    context: int
    """Tokens that a prompt and its reply may have together."""
    stop_tokens: frozenset[int]
    """The model's own: they end a reply unless that is ignored."""
    device: str
    precision: str
    """Of its numbers: "float32", "bfloat16"."""
    mode: str
    """"fast" or "constant": whether a reply depends on what else is decoded at the same time."""
    stops_within_a_step: bool
    """Whether an aborted request takes no step after the one in flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What an engine is doing; counts are since it started."""

    steps: int = 0
    running: int = 0
    """Choices that hold memory and are decoded."""
    waiting: int = 0
    """Choices that wait for their turn."""
    blocks_used: int = 0
    """Blocks of the key-value memory that are taken."""
    blocks_total: int = 0
    aborted: int = 0
    """Choices."""
    finished: int = 0
    """Choices, aborted ones and failed ones too."""
    preempted: int = 0
    """Times that a choice had to give its memory away, to be computed again later."""
    prompt_tokens: int = 0
    """Tokens of prompts that were computed."""
    generated_tokens: int = 0
    dead: str = ""
    """Why the engine answers nothing any more; "" while it does."""


class Stream(Protocol):
    """The events of one request, until every choice has ended."""

    def __aiter__(self) -> AsyncIterator[StepEvent]:
        """All events; taken once."""

    async def aclose(self) -> None:
        """Abort what has not ended. Harmless when all has."""


class Engine(Protocol):
    """Where tokens come from. `submit` belongs to the event loop that reads the stream; the rest to any thread."""

    @property
    def info(self) -> EngineInfo:
        """What it is."""

    def submit(self, request: TokenRequest) -> Stream:
        """Begin. Raises Refused, Overloaded, EngineDead; whatever goes wrong later is an event with finish ERROR."""

    def abort(self, id: str, choice: int | None = None) -> None:  # noqa: A002 - the request's word
        """End a request, or one of its choices; it gets a last event. Harmless if unknown, waiting, or ended."""

    def stats(self) -> Stats:
        """What it is doing right now."""

    async def start(self) -> None:
        """Be ready for requests."""

    async def stop(self, *, drain: bool = False) -> None:
        """Be done: with `drain` when all that was submitted has ended, else at once, by an error on every stream."""
