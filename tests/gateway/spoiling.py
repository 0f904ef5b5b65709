"""What faulty gateways do to chunks, streams, heads and error objects."""

import json
from typing import Any

from .scripted import DONE, Back, Chunk

FINISH = {
    "id": "chatcmpl-streamspec",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
}


def as_it_is(chunk: Chunk) -> list[Chunk]:
    return [chunk]


def of_each_choice(change: Any) -> Any:
    def chunk(told: Chunk) -> list[Chunk]:
        if "choices" not in told:
            return [told]
        choices = [changed for each in told["choices"] if (changed := change(each)) is not None]
        return [{**told, "choices": choices}]

    return chunk


def of_each_delta(change: Any) -> Any:
    return of_each_choice(lambda choice: {**choice, "delta": change(choice["delta"])})


def without(*names: str) -> Any:
    return lambda told: {key: value for key, value in told.items() if key not in names}


def on_chunks(change: Any) -> Any:
    return lambda chunk: [change(chunk)] if chunk.get("choices") else [chunk]


def data(chunk: Chunk) -> bytes:
    return b"data: %s\n\n" % json.dumps(chunk).encode()


def makes_up_a_finish(back: Back) -> bytes:
    """Ends whatever was cut or left unfinished with a made-up stop, as LiteLLM does."""
    finished = any(isinstance(c, dict) and c.get("choices") and c["choices"][0]["finish_reason"] for c in back.seen)
    failed = any(isinstance(c, dict) and "error" in c for c in back.seen)
    said = b"" if finished or failed else data(FINISH)
    return said + (b"" if "[DONE]" in back.seen or failed else DONE)


def adds_done(back: Back) -> bytes:
    return b"" if "[DONE]" in back.seen else DONE


def error_without_code(chunk: Chunk) -> list[Chunk]:
    return [{"error": {**chunk["error"], "type": None, "code": "500"}}] if "error" in chunk else [chunk]


def usage_on_a_choice(chunk: Chunk) -> list[Chunk]:
    if chunk.get("usage") and not chunk["choices"]:
        return [{**chunk, "choices": [{"index": 0, "delta": {}}]}]
    return [chunk]


def usage_on_its_own(chunk: Chunk) -> list[Chunk]:
    if chunk.get("usage") and chunk["choices"]:
        return [{**chunk, "usage": None}, {**chunk, "choices": []}]
    return [chunk]


def only_the_last_usage(chunk: Chunk) -> list[Chunk]:
    return [without("usage")(chunk) if chunk.get("choices") else chunk]


def no_finish_for_the_second(choice: Chunk) -> Chunk:
    return {**choice, "finish_reason": None} if choice["index"] == 1 else choice


def type_on_every_fragment(delta: Chunk) -> Chunk:
    if "tool_calls" not in delta:
        return delta
    return {**delta, "tool_calls": [{**call, "type": "function"} for call in delta["tool_calls"]]}


class Pairs:
    """Two tokens in one chunk."""

    def __init__(self) -> None:
        self.held: list[Chunk] = []

    def __call__(self, told: Chunk) -> list[Chunk]:
        text = told["choices"][0]["delta"].get("content") if told["choices"] else None
        if not text:
            before, self.held = self.held, []
            return [*before, told]
        if not self.held:
            self.held.append(told)
            return []
        first = self.held.pop()
        first["choices"][0]["delta"]["content"] += text
        return [first]


class Once:
    """Leaves out a finish_reason that came already."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        if chunk["choices"] and chunk["choices"][0]["finish_reason"]:
            self.seen += 1
            return [chunk] if self.seen == 1 else []
        return [chunk]


class NewIds:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        self.count += 1
        return [{**chunk, "id": f"chatcmpl-{self.count}"}]


class FirstLost:
    """Loses the first event, as a client that does not know a byte order mark does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        self.count += 1
        return [] if self.count == 1 else [chunk]


def breaks_at_comments(raw: bytes) -> list[bytes]:
    """Takes an event without data for the end of everything."""
    events = raw.split(b"\n\n")
    place = next((number for number, event in enumerate(events) if event.startswith(b"id")), len(events))
    return [b"%s\n\n" % event for event in events[:place]] + [data({"error": {"message": "JSON error", "code": None}})]


def only_plain_lines(raw: bytes) -> list[bytes]:
    """Knows `data: ` and nothing else, so that a JSON text of two lines falls apart."""
    lines = [line for line in raw.split(b"\n") if line.startswith(b"data: ")]
    return [b"%s\n\n" % line for line in lines]


def halves_letters(raw: bytes) -> list[bytes]:
    """Decodes each piece by itself."""
    return [raw.replace("ü".encode(), "\ufffd\ufffd".encode())]


def swallows_broken_lines(raw: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in raw.split(b"\n\n") if event]
    return [event for event in events if event == DONE or event.endswith(b"}\n\n")]


def tells_broken_lines(raw: bytes) -> list[bytes]:
    events = [event + b"\n\n" for event in raw.split(b"\n\n") if event]
    place = next(number for number, event in enumerate(events) if not event.endswith(b"}\n\n"))
    return [*events[:place], data({"error": {"message": "cannot be read", "code": "500"}})]


def drops_the_error(chunk: Chunk) -> list[Chunk]:
    return [] if "error" in chunk else [chunk]


def ends_early(chunk: Chunk) -> list[Chunk] | None:
    return None if chunk["choices"][0]["delta"].get("content") == " is" else [chunk]


def breaks_at_the_error(chunk: Chunk) -> list[Chunk] | None:
    return None if "error" in chunk else [chunk]


def loses_arguments(delta: Chunk) -> Chunk:
    """Only the first two calls' beginnings get through."""
    calls = [call for call in delta.get("tool_calls", []) if call["function"].get("name")]
    return {**delta, "tool_calls": calls} if "tool_calls" in delta else delta


def loses_done(raw: bytes) -> list[bytes]:
    return [raw.removesuffix(DONE)]


def breaks_at_the_finish(chunk: Chunk) -> list[Chunk] | None:
    return None if chunk["choices"][0]["finish_reason"] else [chunk]


def says_less(delta: Chunk) -> Chunk:
    return {**delta, "content": ""} if delta.get("content") == " is" else delta


def says_more(delta: Chunk) -> Chunk:
    return {**delta, "content": delta["content"] + "!"} if delta.get("content") == "Hello" else delta


def finishes_by_length(choice: Chunk) -> Chunk:
    return {**choice, "finish_reason": "length"} if choice["finish_reason"] else choice


def counts_otherwise(chunk: Chunk) -> list[Chunk]:
    usage = chunk.get("usage")
    return [{**chunk, "usage": {**usage, "completion_tokens": 1}}] if usage else [chunk]


def counts_the_last(chunk: Chunk) -> list[Chunk]:
    usage = {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    return [{**chunk, "usage": usage}] if chunk["choices"][0]["finish_reason"] else [chunk]


class RoleOnce:
    def __init__(self) -> None:
        self.said = False

    def __call__(self, chunk: Chunk) -> list[Chunk]:
        if self.said:
            chunk["choices"][0]["delta"].pop("role", None)
        self.said = True
        return [chunk]


def pings(raw: bytes) -> list[bytes]:
    return [b": ping\n\n", raw]


def status(code: int, content_type: bytes = b"application/json") -> Any:
    def head(_: int, headers: Any) -> Any:
        return code, [(k, content_type if k == b"content-type" else v) for k, v in headers]

    return head


def headers(*added: tuple[bytes, bytes], less: tuple[bytes, ...] = ()) -> Any:
    return lambda code, sent: (code, [*(pair for pair in sent if pair[0] not in less), *added])


def of_error(**members: Any) -> Any:
    def document(raw: bytes) -> bytes:
        return json.dumps({"error": {**json.loads(raw)["error"], **members}}).encode()

    return document
