"""Ways to break a good answer: decorators that lift a small change to a change of a whole answer.

A mutant never fails: where it does not apply (another status, no stream, nothing to change) the answer comes back as
it was. `name_of` gives the name under which a mutant is chosen as a fault.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import msgspec

from conformance.protocols.chat import emitter
from conformance.wire import encoder
from conformance.wire.script import Act, Answer, Framing, Script, Send, body

Chunk = dict[str, Any]
Mutant = Callable[[Answer], Answer]
DONE = "[DONE]"


def name_of(mutant: Mutant) -> str:
    """The name of a mutant within its rule, "done-left-out"."""
    return mutant.__name__.replace("_", "-")


def dumps(value: object) -> str:
    """JSON as the emitter writes it; what `msgspec` refuses (NaN, lone surrogates) is written all the same."""
    try:
        return emitter.dumps(value)
    except (msgspec.EncodeError, UnicodeEncodeError, ValueError):
        return json.dumps(value, separators=(",", ":"))


def is_stream(answer: Answer) -> bool:
    """A good stream, still in messages."""
    content_type = next((v for k, v in answer.headers if k.lower() == "content-type"), "")
    return answer.status == 200 and content_type.startswith("text/event-stream") and answer.framing is not Framing.RAW


def is_text_completion(answer: Answer) -> bool:
    """A good text completion, streamed or not; what is done to the chunks of chat does not apply to it."""
    return b'"object":"text_completion"' in body(answer.acts)


def messages_of(answer: Answer) -> list[str]:
    """The data of each message of a good stream, in order."""
    return [e.removeprefix("data: ") for e in body(answer.acts).decode().split("\n\n") if e.startswith("data: ")]


def on_answer(change: Callable[[Answer], Answer]) -> Mutant:
    """Lift a change of an answer with status and headers; nothing is added, it only marks a mutant."""
    return change


def on_acts(change: Callable[[list[Act]], list[Act]]) -> Mutant:
    """Lift a change of the acts of a stream: one Send per event, in between waits and resets may be put."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        return replace(answer, acts=tuple(change(list(answer.acts)))) if is_stream(answer) else answer

    return mutant


def on_body(change: Callable[[bytes], bytes]) -> Mutant:
    """Lift a change of the bytes of a stream's body."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        return replace(answer, acts=(Send(change(body(answer.acts))),)) if is_stream(answer) else answer

    return mutant


def on_messages(change: Callable[[list[str]], list[str]]) -> Mutant:
    """Lift a change of the list of message data, [DONE] included."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        if not is_stream(answer):
            return answer
        return replace(answer, acts=tuple(Send(encoder.message(m)) for m in change(messages_of(answer))))

    return mutant


def on_one_message(change: Callable[[str], str]) -> Mutant:
    """Lift a change of the data of one message, the second: of the first content where there is one choice."""

    @wraps(change)
    def change_second(messages: list[str]) -> list[str]:
        return [messages[0], change(messages[1]), *messages[2:]]

    return on_messages(change_second)


def on_chunks(change: Callable[[list[Chunk]], list[Chunk]]) -> Mutant:
    """Lift a change of the list of decoded chunks; [DONE] stays at the end. The chunks are the change's own copy."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        return answer if is_text_completion(answer) else to_chunks(answer, change)

    return mutant


def to_chunks(answer: Answer, change: Callable[[list[Chunk]], list[Chunk]]) -> Answer:
    """A stream of any protocol whose chunks are changed; any other answer as it was."""
    if not is_stream(answer):
        return answer
    chunks = [json.loads(m) for m in messages_of(answer) if m != DONE]
    return replace(answer, acts=tuple(Send(encoder.message(m)) for m in [*map(dumps, change(chunks)), DONE]))


def on_each_chunk(change: Callable[[Chunk], None]) -> Mutant:
    """Lift a change made in place to every chunk."""

    @wraps(change)
    def change_all(chunks: list[Chunk]) -> list[Chunk]:
        for chunk in chunks:
            change(chunk)
        return chunks

    return on_chunks(change_all)


def on_one_chunk(change: Callable[[Chunk], None]) -> Mutant:
    """Lift a change made in place to one chunk from the middle: a content chunk of choice 0."""

    @wraps(change)
    def change_one(chunks: list[Chunk]) -> list[Chunk]:
        if (chunk := content_chunk(chunks)) is not None:
            change(chunk)
        return chunks

    return on_chunks(change_one)


def on_each_choice(change: Callable[[dict[str, Any]], None]) -> Mutant:
    """Lift a change made in place to every choice of every chunk."""

    @wraps(change)
    def change_choices(chunk: Chunk) -> None:
        for choice in chunk["choices"]:
            change(choice)

    return on_each_chunk(change_choices)


def on_one_delta(change: Callable[[dict[str, Any]], None]) -> Mutant:
    """Lift a change made in place to the delta of one content chunk of choice 0."""

    @wraps(change)
    def change_delta(chunk: Chunk) -> None:
        change(chunk["choices"][0]["delta"])

    return on_one_chunk(change_delta)


def content_chunk(chunks: list[Chunk]) -> Chunk | None:
    """The second chunk with content of choice 0 (the first where there is one only), None where there is none."""
    found = [
        c for c in chunks if c["choices"] and c["choices"][0]["index"] == 0 and c["choices"][0]["delta"].get("content")
    ]
    return found[1] if len(found) > 1 else found[0] if found else None


def finish_chunk(chunks: list[Chunk]) -> Chunk | None:
    """The chunk with the finish_reason of choice 0."""
    return next((c for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]), None)


def text_of(chunk: Chunk) -> str:
    """The text of a chunk's first choice, "" where it has none."""
    content = chunk["choices"][0]["delta"].get("content") if chunk["choices"] else None
    return content if isinstance(content, str) else ""


def spoken(chunks: list[Chunk]) -> list[Chunk]:
    """The chunks with text of choice 0."""
    return [c for c in chunks if text_of(c) and c["choices"][0]["index"] == 0]


def say(chunks: list[Chunk], *texts: str) -> list[Chunk]:
    """Let choice 0 go on after its last piece of text."""
    if not (said := spoken(chunks)):
        return chunks
    last = said[-1]
    after = next(i for i, chunk in enumerate(chunks) if chunk is last) + 1
    choice = last["choices"][0]
    pieces = [{**last, "choices": [{**choice, "delta": {"content": text}, **_told(choice, text)}]} for text in texts]
    return [*chunks[:after], *pieces, *chunks[after:]]


def _told(choice: dict[str, Any], text: str) -> dict[str, Any]:
    """The logprobs of a text that is one token, where the choice has some."""
    if not (choice.get("logprobs") or {}).get("content"):
        return {}
    own = {"token": text, "logprob": -0.25, "bytes": list(text.encode())}
    asked = bool(choice["logprobs"]["content"][0]["top_logprobs"])
    return {"logprobs": {"content": [{**own, "top_logprobs": [own] if asked else []}], "refusal": None}}


def thinks(chunks: list[Chunk]) -> bool:
    """Whether the stream has reasoning."""
    return any(choice["delta"].get("reasoning_content") for chunk in chunks for choice in chunk["choices"])


def finish_as(chunks: list[Chunk], reason: str) -> list[Chunk]:
    """Let choice 0 end for another reason."""
    if (chunk := finish_chunk(chunks)) is not None:
        chunk["choices"][0]["finish_reason"] = reason
    return chunks


def on_document(change: Callable[[Any], Any]) -> Mutant:
    """Lift a change of the JSON document that answers a request without stream, or a refused one."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        if is_stream(answer) or answer.framing is Framing.RAW or is_text_completion(answer):
            return answer
        try:
            document = json.loads(body(answer.acts))
        except ValueError:
            return answer
        return replace(answer, acts=(Send(dumps(change(document)).encode()),))

    return mutant


def on_headers(change: Callable[[dict[str, str]], dict[str, str]]) -> Mutant:
    """Lift a change of the headers of any answer, names in lower case."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        headers = change({name.lower(): value for name, value in answer.headers})
        return replace(answer, headers=tuple(headers.items()))

    return mutant


def on_wire(change: Callable[[bytes], bytes | Script]) -> Mutant:
    """Lift a change of the whole response, head and framing included; the connection is closed after it."""

    @wraps(change)
    def mutant(answer: Answer) -> Answer:
        if answer.framing is Framing.RAW:
            return answer
        changed = change(body(encoder.on_the_wire(answer)))
        acts = (Send(changed),) if isinstance(changed, bytes) else changed
        return replace(answer, acts=acts, framing=Framing.RAW)

    return mutant
