"""Ways to break a good text completion, those of chat among them. A mutant leaves every other answer as it was."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from conformance.rules import mutate
from conformance.rules.mutate import Chunk, Mutant, dumps, is_stream, is_text_completion
from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Send, body

NAMES = {"chat.completion.chunk": "text_completion", "chat.completion": "text_completion"}


def on_chunks(change: Callable[[list[Chunk]], list[Chunk]]) -> Mutant:
    """Lift a change of the list of chunks of a text completion."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        return mutate.to_chunks(answer, change) if is_text_completion(answer) else answer

    return mutant


def on_each_choice(change: Callable[[Chunk], None]) -> Mutant:
    """Lift a change made in place to every choice of every chunk."""

    @wraps(change)
    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks:
            for choice in chunk["choices"]:
                change(choice)
        return chunks

    return on_chunks(change_all)


def in_text(mutant: Mutant) -> Mutant:
    """A mutant of chat, done to a text completion: it is written as chat, broken, and written back."""

    @wraps(mutant)
    def changed(answer: Answer) -> Answer:
        if not is_text_completion(answer) or answer.framing is Framing.RAW:
            return answer
        good = _each(answer, _as_chat, streamed=is_stream(answer))
        broken = mutant(good)
        return answer if broken == good else _each(broken, _as_text, streamed=is_stream(broken))

    return changed


def _each(answer: Answer, change: Callable[[Any, bool], Any], *, streamed: bool) -> Answer:
    """Every message, or the document, changed; what is no longer JSON stays as it is."""
    if not streamed:
        data = body(answer.acts)
        changed = _rewritten(data, lambda value: change(value, False))
        return replace(answer, acts=(Send(changed),)) if changed != data else answer

    def message(act: Act) -> Act:
        if not isinstance(act, Send) or not act.data.startswith(b"data: {") or act.data.count(b"\n") != 2:
            return act
        data = act.data.removeprefix(b"data: ").removesuffix(b"\n\n")
        changed = _rewritten(data, lambda value: change(value, True))
        return Send(encoder.message(changed.decode())) if changed != data else act

    return replace(answer, acts=tuple(message(act) for act in answer.acts))


def _rewritten(data: bytes, change: Callable[[Any], Any]) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        return data
    if not isinstance(value, dict) or ("choices" not in value and "object" not in value):
        return data
    return dumps(change(value)).encode()


def _as_chat(value: dict[str, Any], streamed: bool) -> dict[str, Any]:
    where = "delta" if streamed else "message"
    choices = [_renamed(c, "text", where, lambda text: {"content": text} if text else {}) for c in value["choices"]]
    return {**value, "object": f"chat.completion{'.chunk' if streamed else ''}", "choices": choices}


def _as_text(value: dict[str, Any], streamed: bool) -> dict[str, Any]:
    where, choices = "delta" if streamed else "message", value.get("choices")
    if isinstance(choices, list):
        value = {**value, "choices": [_renamed(choice, where, "text", _content) for choice in choices]}
    return {**value, "object": NAMES.get(str(value["object"]), value["object"])} if "object" in value else value


def _content(said: Any) -> Any:
    return said.get("content", "") if isinstance(said, dict) else said


def _renamed(choice: Any, name: str, other: str, change: Callable[[Any], Any]) -> Any:
    """A choice with one member under another name, in the same place."""
    if not isinstance(choice, dict):
        return choice
    return {other if key == name else key: change(value) if key == name else value for key, value in choice.items()}
