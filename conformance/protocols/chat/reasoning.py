"""What a stream thinks before it speaks: members of a delta that OpenAI does not have. Knows no view and no rule."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from conformance.protocols.exchange import Step

NAMES = ("reasoning_content", "reasoning")
"""DeepSeek, SGLang and llama.cpp write the first, vLLM, Groq, Ollama and OpenRouter the second."""
WRITTEN = re.compile(rb'"reasoning(?:_content)?"\s*:\s*+(?!null|"")')
"""One of these members with a value that says something."""


@dataclass(slots=True)
class Thought:
    """The reasoning of one choice."""

    pieces: list[tuple[Step, str, str]] = field(default_factory=list)
    """Chunk, name of the member, and text; a chunk with the same text under both names counts once."""
    names: dict[str, Step] = field(default_factory=dict)
    """The names it came under, with the first chunk of each."""
    both: list[Step] = field(default_factory=list)
    """Chunks with text under both names."""
    odd: list[tuple[Step, str, Any]] = field(default_factory=list)
    """What is neither text nor null, with its chunk and name."""

    @property
    def text(self) -> str:
        """The reasoning, put together."""
        return "".join(text for _, _, text in self.pieces)


def has_any(body: bytes) -> bool:
    """Whether a stream may have any; this is quick."""
    return WRITTEN.search(body) is not None


def thoughts(chunks: Iterable[Step]) -> dict[int, Thought]:
    """The reasoning of each choice that has some."""
    found: dict[int, Thought] = {}
    for step in chunks:
        for entry in (step.chunk or {}).get("choices") or ():
            values = {name: entry["delta"][name] for name in NAMES if entry["delta"].get(name)}
            if values:
                _add(found.setdefault(entry["index"], Thought()), step, values)
    return found


def _add(thought: Thought, step: Step, values: dict[str, Any]) -> None:
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    thought.odd += [(step, name, value) for name, value in values.items() if name not in texts]
    for name in texts:
        thought.names.setdefault(name, step)
    if len(texts) == len(NAMES):
        thought.both.append(step)
    for name, text in texts.items():
        thought.pieces.append((step, name, text))
        break
