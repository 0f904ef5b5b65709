"""Parts of usage that several vendors have alike. Knows no vendor."""

from typing import Any

from .members import ABSENT, Told, made


def thought(usage: dict[str, Any]) -> int:
    """Tokens of reasoning."""
    return int((usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0))


def cached(usage: dict[str, Any]) -> int:
    """Tokens of the prompt that were not read again."""
    return int((usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0))


def _thoughts(_told: Told, usage: dict[str, Any]) -> Any:
    return {"reasoning_tokens": thought(usage)} if thought(usage) else ABSENT


THOUGHTS = made("completion_tokens_details", _thoughts)
"""Reasoning is counted where there is any; nothing else is."""
