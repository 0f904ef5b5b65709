"""What an engine tells of a request while it decodes: the tokens of each step, and how each choice ended."""

from dataclasses import dataclass
from enum import Enum


class Finish(Enum):
    """How a choice ended."""

    STOP = "stop"
    """By a stop token, or because its guide lets no token come."""
    LENGTH = "length"
    ABORTED = "aborted"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Token:
    """A token. Its logprobs are those of the model itself, before temperature, penalties, bias and guide."""

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    """The likeliest tokens in its place and their logprobs, likeliest first."""


@dataclass(frozen=True, slots=True)
class StepEvent:
    """What a step gave to one choice. Some engines give several tokens at once, and a last event may have none."""

    choice: int
    step: int
    """The engine's count of steps when it was made."""
    tokens: tuple[Token, ...] = ()
    finish: Finish | None = None
    """None: it goes on. The last event of each choice has one, and no other."""
    stopped_by: int | None = None
    """The stop token. It is the last of `tokens` and counts as one of the reply, but it is no text."""
    prompt: tuple[Token, ...] = ()
    """The tokens of the prompt with their logprobs, where those were asked for: in the first event of a choice."""
    message: str = ""
    """What went wrong, where `finish` is ERROR; or why it was aborted."""
