"""What a scenario can ask of a request, read from it once. Knows no scenario.

Requests have been checked before: their members fit the schema.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from conformance.protocols.exchange import Request
from mockserver.engines import scripted

DEVELOPERS = ("system", "developer")
CHAT, COMPLETIONS = "chat", "completions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for a chat or a text completion."""

    request: Request
    body: dict[str, Any]
    protocol: str
    message: str
    """The last message of the user; of a text completion the last prompt."""
    system: str
    tool_result: str | None
    """The last message, where that is the result of a tool call."""
    turn: int
    messages: int
    prompt_tokens: int

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        """The functions that are offered, by name."""
        return {tool["function"]["name"]: tool["function"] for tool in self.body.get("tools") or ()}

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return str(self.body["model"])

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for."""
        return self.body.get("stream") is True

    def conversation(self) -> str:
        """What tells one conversation from others: how it began."""
        start: list[Any] = []
        for message in self.body.get("messages") or [self.body.get("prompt")]:
            start.append(message)
            if isinstance(message, dict) and message.get("role") == "user":
                break
        return hashlib.sha256(json.dumps([self.model, start], sort_keys=True).encode()).hexdigest()


def asked_of(request: Request, protocol: str) -> Asked:
    """What is asked in a request that is in order."""
    body = request.body
    assert isinstance(body, dict), "checked before"
    if protocol == COMPLETIONS:
        prompt = body.get("prompt") or ""
        prompts = [_writable(text) for text in (prompt if isinstance(prompt, list) else [prompt])]
        told: list[tuple[str, str]] = [("user", text) for text in prompts]
        counted = sum(len(scripted.pieces_of(text)) for text in prompts)
    else:
        told = [(message["role"], text_of(message.get("content"))) for message in body["messages"]]
        counted = sum(3 + len(scripted.pieces_of(text)) for _, text in told)
    users = [text for role, text in told if role == "user"]
    return Asked(
        request=request,
        body=body,
        protocol=protocol,
        message=users[-1] if users else "",
        system="\n".join(text for role, text in told if role in DEVELOPERS),
        tool_result=told[-1][1] if told[-1][0] == "tool" else None,
        turn=len(users),
        messages=len(told),
        prompt_tokens=counted,
    )


def text_of(content: object) -> str:
    """The text of a message, whose content may be a list of parts."""
    if isinstance(content, list):
        content = " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return _writable(content) if isinstance(content, str) else ""


def _writable(text: str) -> str:
    """The text; what UTF-8 cannot say becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
