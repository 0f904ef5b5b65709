"""Names in braces, and what is filled in for them. Knows no scenario; evaluates nothing.

`{turn}` is a name, `{{turn}}` stands for the text `{turn}`, and every other brace stands for itself, so that JSON and
code can be written as they are.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

NAME = re.compile(r"\{(\{[a-z_][a-z0-9_]*\})\}|\{([a-z_][a-z0-9_]*)\}")
ALWAYS = ("last_message", "model", "turn")
"""Names that every request gives a value to."""


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its names filled in; those that have no value stay."""

    def fill(found: re.Match[str]) -> str:
        return found[1] or values.get(found[2], found[0])

    return NAME.sub(fill, text) if "{" in text else text


def filled_in(value: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with the names in its texts filled in; keys stay as they are."""
    match value:
        case str():
            return filled(value, values)
        case dict():
            return {key: filled_in(member, values) for key, member in value.items()}
        case list() | tuple():
            return [filled_in(item, values) for item in value]
        case _:
            return value


def names_in(text: str) -> Iterator[str]:
    """The names that a text asks for."""
    return (found[2] for found in NAME.finditer(text) if found[2])
