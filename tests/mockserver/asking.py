"""What the tests of the mock server ask it."""

from typing import Any

from conformance.protocols.exchange import Exchange
from conformance.protocols.viewing import view_of

STORY = "Write a story of ten thousand words"
WORD = "Repeat this word twenty times: %s"


def body(prompt: str = STORY, **members: object) -> dict[str, Any]:
    """A chat request, streamed."""
    message = {"role": "user", "content": prompt}
    return {"model": "mock", "messages": [message], "stream": True, "max_tokens": 400, **members}


def text_of(exchange: Exchange) -> str:
    """What was said."""
    return view_of(exchange).choices[0].text
