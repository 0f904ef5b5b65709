"""Answers as vendors write them: one record per vendor, joined here. Knows no rule and no fault.

The judging side (conformance/protocols/chat/dialects) says what is tolerated of a vendor, and how its bytes are known;
a test holds the two beside each other. What a vendor gets wrong is not imitated: that is what faults are for.
"""

from .azure import AZURE
from .deepseek import DEEPSEEK
from .dialect import Dialect
from .groq import GROQ
from .litellm import LITELLM
from .llamacpp import LLAMACPP
from .mistral import MISTRAL
from .ollama import OLLAMA
from .openrouter import OPENROUTER
from .sglang import SGLANG
from .tgi import TGI
from .transformers import TRANSFORMERS
from .vllm import VLLM

OPENAI = Dialect(name="openai", continuous=True)
DIALECTS = (
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
)
NAMES = tuple(dialect.name for dialect in DIALECTS)
__all__ = ["DIALECTS", "NAMES", "OPENAI", "Dialect", "find"]


def find(name: str) -> Dialect:
    """The dialect of that name. Raises LookupError, naming those there are."""
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    raise LookupError(f"no dialect {name!r} to speak; there are {', '.join(NAMES)}")
