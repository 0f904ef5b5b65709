"""Vendors' documented deviations from the chat protocol, as data: one file per vendor, joined here. Knows no rule.

dialect.py says what a dialect consists of, facts.py how an exchange is put in lines for patterns, guess.py which
dialect is spoken.
"""

from collections.abc import Iterable

from conformance.protocols.exchange import Exchange

from .azure import AZURE
from .deepseek import DEEPSEEK
from .dialect import Clue, Dialect, Tolerance
from .groq import GROQ
from .guess import AUTO, Guess, weigh
from .litellm import LITELLM
from .llamacpp import LLAMACPP
from .mistral import MISTRAL
from .ollama import OLLAMA
from .openai import OPENAI, STRICT
from .openrouter import OPENROUTER
from .sglang import SGLANG
from .tgi import TGI
from .transformers import TRANSFORMERS
from .vllm import VLLM

DIALECTS: tuple[Dialect, ...] = (
    OPENAI,
    AZURE,
    VLLM,
    SGLANG,
    LLAMACPP,
    OLLAMA,
    TGI,
    TRANSFORMERS,
    LITELLM,
    OPENROUTER,
    GROQ,
    MISTRAL,
    DEEPSEEK,
    STRICT,
)
NAMES = (*(dialect.name for dialect in DIALECTS), AUTO)
"""What a user may ask for."""
__all__ = ["AUTO", "DIALECTS", "NAMES", "OPENAI", "STRICT", "Clue", "Dialect", "Guess", "Tolerance", "find", "guess"]


def find(name: str) -> Dialect:
    """The dialect of that name. Raises LookupError, naming those there are."""
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    raise LookupError(f"no dialect {name!r}; there are {', '.join(NAMES)}")


def check_name(name: str) -> None:
    """Raises LookupError where no dialect of that name can be asked for."""
    if name != AUTO:
        find(name)


def guess(exchanges: Iterable[Exchange]) -> Guess:
    """The dialect that these exchanges speak, all of the same peer, and why; OpenAI's where nothing tells."""
    return weigh(exchanges, DIALECTS, OPENAI)


def choose(name: str, exchanges: Iterable[Exchange]) -> Guess:
    """The dialect asked for: guessed for "auto", found for any other name. Raises LookupError."""
    return guess(exchanges) if name == AUTO else Guess(find(name), "")
