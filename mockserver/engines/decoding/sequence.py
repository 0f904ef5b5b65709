"""One choice while it is decoded: its tokens, how far they are computed, and the blocks that hold the result."""

from dataclasses import dataclass, field

from .events import Token
from .request import Guide, TokenRequest


@dataclass(slots=True, eq=False)
class Sequence:
    """A choice of a request. The decode thread alone changes it."""

    request: TokenRequest
    choice: int
    arrival: int
    """Who came earlier has the smaller one, and goes first."""
    seed: int
    guide: Guide | None = None
    leader: "Sequence | None" = None
    """Another choice, which computes the prompt for this one too."""
    followers: "list[Sequence]" = field(default_factory=list)
    """Choices that wait for this one to compute the prompt."""
    tokens: list[int] = field(default_factory=list)
    """The prompt, and the reply so far."""
    computed: int = 0
    """Tokens whose keys and values are in the blocks."""
    blocks: list[int] = field(default_factory=list)
    prompt: list[Token] = field(default_factory=list)
    """The tokens of the prompt with their logprobs, as far as they are computed, where those were asked for."""
    ended: bool = False
    """Its blocks are others' from then on."""

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return len(self.request.prompt)

    @property
    def replied(self) -> int:
        """Tokens of the reply so far."""
        return len(self.tokens) - len(self.request.prompt)


@dataclass(frozen=True, slots=True)
class Work:
    """A sequence's part in a step: compute this many tokens of it from `start`. With `draws` the next one is drawn."""

    sequence: Sequence
    start: int
    count: int
    draws: bool
    decodes: bool
    """One token, together with those of others; else it is a piece of a prompt."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A step: those that decode come first."""

    works: tuple[Work, ...]
    copies: tuple[tuple[int, int], ...] = ()
    """Blocks to be copied before anything else: from, to."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of a work. Without a token and a message: there was nothing to draw, or the guide let nothing come."""

    token: Token | None = None
    prompt: tuple[Token, ...] = ()
    """The tokens after those that were computed, if they are the prompt's and their logprobs were asked for."""
    message: str = ""
    """What went wrong with this sequence alone."""
