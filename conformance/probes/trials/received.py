"""How many tokens have come: one for each piece of text, of arguments or of thought. Knows no trial."""

from collections.abc import Iterator
from typing import Any

from conformance.protocols.exchange import Exchange, Step

SPOKEN = ("content", "reasoning_content", "reasoning", "refusal")


def pieces_of(exchange: Exchange) -> list[Step]:
    """The chunks that bring something of the answer."""
    return [step for step in exchange.steps if brings(step)]


def brings(step: Step) -> bool:
    """Whether a message brings something of the answer."""
    return step.chunk is not None and any(_brought(step.chunk))


def tokens_of(exchange: Exchange) -> int:
    """The pieces that have come, counted; a server that sends several tokens in one piece makes more."""
    return sum(len(list(_brought(step.chunk))) for step in exchange.steps if step.chunk is not None)


def _brought(chunk: dict[str, Any]) -> Iterator[bool]:
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if not isinstance(choice, dict):
            continue
        delta = choice.get("delta")
        said = delta if isinstance(delta, dict) else {}
        if choice.get("text") or said.get("tool_calls") or any(said.get(name) for name in SPOKEN):
            yield True
