"""What is chosen once per answer, from a seed and the request. Knows no answer."""

import random
from dataclasses import dataclass

LINE_ENDS = (b"\n", b"\n", b"\r\n", b"\r")
CASES = (str, str, str.title, str.upper)
STYLES = ("compact", "compact", "spaced", "broken", "lines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one answer differs from the plainest form. Parts are probabilities for each chunk or event."""

    seed: str
    """Decides what happens to each chunk and event."""
    merges: float
    """That what a choice says comes with what it said before."""
    splits: float
    """That a piece of text comes in two chunks."""
    role_alone: bool
    finish_alone: bool
    together: float
    """That chunks of two choices come as one."""
    interleaves: bool
    drops_nulls: float
    """That a member that is null is left out."""
    adds_unknown: float
    shuffles: bool
    """The members of objects come in another order."""
    style: str
    """How JSON is written: "compact", "spaced", "broken" once over two lines, "lines"."""
    escapes: bool
    """Whatever is not ASCII is escaped."""
    line_end: bytes
    space: bool
    """A space after the colon of a field."""
    comments: float
    blank_lines: float
    cuts: float
    """That what is written goes out in several writes."""
    joins: float
    """That it goes out together with what comes next."""
    closes: bool
    """The end of a stream is the end of the connection."""
    case: int
    """Of header names; a place in CASES."""

    def chance(self, what: str) -> random.Random:
        """The same chances each time, others for something else."""
        return random.Random(f"{self.seed}/{what}")  # noqa: S311 - repeatable on purpose


def habits_of(seed: int, mark: str) -> Habits:
    """The habits that a seed gives to the request of this mark."""
    own = f"chaos/{seed}/{mark}"
    chance = random.Random(own)  # noqa: S311 - repeatable on purpose

    def often(*parts: float) -> float:
        return chance.choice(parts)

    def maybe(part: float) -> bool:
        return chance.random() < part

    return Habits(
        seed=own,
        merges=often(0, 0, 0.2, 0.5, 0.9),
        splits=often(0, 0, 0, 0.2, 0.5),
        role_alone=maybe(0.5),
        finish_alone=maybe(0.5),
        together=often(0, 0, 0.3),
        interleaves=maybe(0.5),
        drops_nulls=often(0, 0, 0.5, 1),
        adds_unknown=often(0, 0, 0.2, 1),
        shuffles=maybe(0.5),
        style=chance.choice(STYLES),
        escapes=maybe(0.3),
        line_end=chance.choice(LINE_ENDS),
        space=maybe(0.6),
        comments=often(0, 0, 0.2, 0.8),
        blank_lines=often(0, 0, 0, 0.3),
        cuts=often(0, 0.3, 0.9),
        joins=often(0, 0, 0.4),
        closes=maybe(0.15),
        case=chance.randrange(len(CASES)),
    )
