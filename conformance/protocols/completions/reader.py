"""SSE events to text completion steps: the reader of chat, told by another schema what a usable chunk is.

Knows the request only as far as it says how many choices will come.
"""

from typing import Any

from conformance.protocols.chat.reader import Reader

CHUNK = "completions/chunk.lenient"


def reader_of(body: object) -> Reader:
    """A reader for the answer to a request with this body."""
    return Reader(choices_asked(body), CHUNK)


def choices_asked(body: object) -> int:
    """How many choices a request asks for: `n` for each of its prompts."""
    members: dict[str, Any] = body if isinstance(body, dict) else {}
    asked = members.get("n")
    each = asked if isinstance(asked, int) and asked > 0 else 1
    return each * max(1, prompts_in(members.get("prompt")))


def prompts_in(prompt: object) -> int:
    """How many prompts this is: a list of token ids is one, a list of texts or of such lists is one for each."""
    if not isinstance(prompt, list):
        return 1
    return sum(1 for entry in prompt if isinstance(entry, str | list)) or 1
