"""Words that nobody can guess, and the request to repeat one: they tell whose answer a text is.

Knows no trial and no rule.
"""

import re

from .exchange import Exchange
from .viewing import view_of

REPEAT = "Repeat this word twenty times: "
ASKED = re.compile(re.escape(REPEAT) + "([a-z]{10})")
CONSONANTS = "bdfgklmnprstvz"
VOWELS = "aeiou"
SYLLABLES = 5


def word_of(secret: str) -> str:
    """A word that can be spoken, out of a secret in hexadecimal digits: one of 1.7 thousand million."""
    number, word = int(secret, 16), ""
    for _ in range(SYLLABLES):
        number, consonant = divmod(number, len(CONSONANTS))
        number, vowel = divmod(number, len(VOWELS))
        word += CONSONANTS[consonant] + VOWELS[vowel]
    return word


def asks_for(word: str) -> list[dict[str, str]]:
    """The messages of a request that has a word repeated."""
    return [{"role": "user", "content": REPEAT + word}]


def marker_of(exchange: Exchange) -> str:
    """The word that this request wants repeated, "" where it wants something else."""
    messages = exchange.member("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    found = ASKED.fullmatch(content) if isinstance(content, str) else None
    return found.group(1) if found else ""


def shown_by(exchange: Exchange) -> str:
    """All the text in which a word can show, in lower case: what the choices say and think, and the bytes."""
    raw = exchange.body.decode("utf-8", "replace")
    if exchange.document is not None:
        return raw.lower()
    view = view_of(exchange)
    said = [choice.text for choice in view.choices.values()]
    thought = [thought.text for thought in view.thoughts.values()]
    return "\n".join([*said, *thought, raw]).lower()
