"""A text completion exchange as rules look at it: the view of chat, told where this protocol keeps its text.

Knows no rule and no level.
"""

from typing import Any

from conformance.protocols.chat.reader import NOT_FINISHED
from conformance.protocols.chat.view import Choice, Grammar
from conformance.protocols.exchange import Exchange, Step

from .reader import choices_asked, prompts_in


def prompts(exchange: Exchange) -> list[str]:
    """The prompts of the request, "" for each that is not text."""
    prompt = exchange.member("prompt")
    if isinstance(prompt, list) and any(isinstance(entry, str | list) for entry in prompt):
        return [entry if isinstance(entry, str) else "" for entry in prompt if isinstance(entry, str | list)]
    return [prompt if isinstance(prompt, str) else ""] * prompts_in(prompt)


def prompt_of(exchange: Exchange, index: int) -> str:
    """The prompt that a choice goes on from, "" where that is not known: choices are counted prompt by prompt."""
    asked = prompts(exchange)
    each = choices_asked(exchange.request.body) // len(asked)
    return asked[index // each] if 0 <= index < each * len(asked) else ""


def _gather(choice: Choice, step: Step, entry: dict[str, Any]) -> None:
    if text := entry.get("text"):
        choice.texts.append((step, text))
        if choice.first_payload is None:
            choice.first_payload = step
        if choice.finishes:
            choice.late.append(step)
    reason = entry.get("finish_reason")
    if reason not in NOT_FINISHED:
        choice.finishes.append((step, reason))
    elif text == "" and not entry.get("logprobs") and not (step.chunk or {}).get("usage"):
        choice.empties.append(step)


GRAMMAR = Grammar(
    chunk="completions/chunk.strict",
    document="completions/chunk.strict",
    gather=_gather,
    choices_asked=lambda exchange: choices_asked(exchange.request.body),
)
