"""Prompts with long answers, and how slowly they are told: a story, a word said twenty times. Knows no HTTP.

Every other prompt is answered at once, unless it is so long that reading it takes time.
"""

import random
import re
from dataclasses import dataclass
from functools import lru_cache

from .scripted import TALK, pieces_of

STORY = "Write a story of ten thousand words"
"""A prompt that has this in it is answered with the story."""
BY_TOOL = f"{STORY} with the tool"
"""The story goes into the arguments of the first tool that may be called."""
WORDS = 10_000
REPEAT = re.compile(r"Repeat this word twenty times: (\S+)")
TIMES = 20
LONG_PROMPT = 1_000
"""Words up to which a prompt is read in no time."""
READING = 0.001
"""Seconds for each word of a longer one."""
READING_MOST = 10.0
FIRST = 0.02
GAP = 0.005
"""Seconds before the first event, and for each token."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds that a reply takes."""

    reading: float = 0.0
    """Of the prompt."""
    first: float = 0.0
    """From there to the first event."""
    gap: float = 0.0
    """For each token."""
    jitter: float = 0.0
    """By what part of itself a gap may be shorter or longer."""
    seed: str = ""
    """Decides by how much each of them is."""


@lru_cache(maxsize=16)
def story(seed: str, choice: int) -> str:
    """Ten thousand words in sentences; the same seed tells the same."""
    chance = random.Random(f"{seed}/{choice}/story")  # noqa: S311 - repeatable on purpose
    words = chance.choices(TALK.split(), k=WORDS)
    starts = range(0, WORDS, 10)
    return " ".join(" ".join(words[start : start + 10]).capitalize() + "." for start in starts)


@lru_cache(maxsize=16)
def pieces(text: str) -> tuple[str, ...]:
    """The pieces of a story, cut once."""
    return pieces_of(text)


def said(prompt: str, *, seed: str, choice: int) -> str | None:
    """What is said to a prompt with a long answer; None to any other."""
    if STORY in prompt:
        return story(seed, choice)
    word = REPEAT.search(prompt)
    return " ".join([word[1]] * TIMES) if word else None


def rhythm_of(prompt: str, words: int) -> Rhythm:
    """How slowly a prompt is answered; `words` are those of all messages."""
    reading = min(READING_MOST, words * READING) if words > LONG_PROMPT else 0.0
    paced = STORY in prompt or REPEAT.search(prompt) is not None
    return Rhythm(reading, FIRST, GAP) if paced else Rhythm(reading)
