"""Words from a table: the same prompt and seed give the same pieces. Knows no HTTP and no JSON."""

import random
import re

PIECE = re.compile(r"\s*\S+\s*$|\s*\S+")
TALK = "a stream is a promise kept one token at a time so let every event arrive whole and in order"
REPLIES = {
    "Hello": "Hello! How can I help you today?",
    "Say hi": "Hi there!",
    "Count from 1 to 10": "1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
    "Write unicode": "Grüße 👋🏽 und 你好，世界 – مرحبا بالعالم 🌍 naïve café 👨‍👩‍👧 ¡olé!",
    "Think first": "The answer is 42.",
    "Write a long list": "\n".join(f"{n}. item number {n}" for n in range(1, 101)),
}

THOUGHTS = {"Think first": "The user wants me to think first. So I think, and then I say it."}
"""What is thought before some replies."""


def pieces_of(text: str) -> tuple[str, ...]:
    """Cut a text where a tokenizer might: before the space in front of each word. Joined they are the text."""
    return tuple(PIECE.findall(text)) if text.strip() else ((text,) if text else ())


def reply(prompt: str, *, seed: str, choice: int = 0) -> str:
    """The text of one choice. Known prompts have known replies; others get words chosen by the seed."""
    chance = random.Random(f"{seed}/{choice}/{prompt}")  # noqa: S311 - repeatable on purpose
    known = REPLIES.get(prompt.strip())
    if known is not None:
        return known if choice == 0 else f"{known} ({choice})"
    return " ".join(chance.choice(TALK.split()) for _ in range(chance.randint(8, 24))).capitalize() + "."


def thoughts(prompt: str) -> str:
    """What is thought before the reply, "" for nearly every prompt."""
    return THOUGHTS.get(prompt.strip(), "")
